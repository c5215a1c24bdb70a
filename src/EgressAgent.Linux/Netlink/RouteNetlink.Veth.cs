using System.Net.NetworkInformation;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Links;
using static EgressAgent.Linux.Interop.Uapi.IfLinkH;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink;

public sealed partial class RouteNetlink
{
    /// <summary>Makes both ends of a veth pair, down, in one request: a failure leaves nothing behind.</summary>
    /// <returns>False when one of the names is taken.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool AddVeth(NewVeth link)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        request.Write(default(IfInfoMsg));
        WriteVethEnd(ref request, link.Name, link.MacAddress, link.Mtu);
        int info = request.BeginNested(IFLA_LINKINFO);
        request.WriteString(IFLA_INFO_KIND, "veth");
        int data = request.BeginNested(IFLA_INFO_DATA);
        int peer = request.BeginNested(VETH_INFO_PEER);
        request.Write(default(IfInfoMsg));
        WriteVethEnd(ref request, link.PeerName, link.PeerMacAddress, link.Mtu);
        request.WriteUInt32(IFLA_GROUP, link.PeerGroup);
        if (link.PeerNetns is not null)
        {
            request.WriteInt32(IFLA_NET_NS_FD, link.PeerNetns.Handle.Descriptor);
        }

        request.EndNested(peer);
        request.EndNested(data);
        request.EndNested(info);
        string where = link.PeerNetns is null ? "" : $" in {link.PeerNetns}";
        return Add(request.Finish(), "add veth", $"{link.Name} with peer {link.PeerName}{where}");
    }

    private static void WriteVethEnd(ref NetlinkWriter request, string name, PhysicalAddress? mac, int? mtu)
    {
        request.WriteString(IFLA_IFNAME, name);
        if (mac is not null)
        {
            request.WriteMac(IFLA_ADDRESS, mac);
        }

        if (mtu is int value)
        {
            request.WriteInt32(IFLA_MTU, value);
        }
    }
}
