using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Links;
using static EgressAgent.Linux.Interop.Uapi.IfLinkH;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink;

public sealed partial class RouteNetlink
{
    /// <summary>Makes a macvlan, down, in one request: a failure leaves nothing behind.</summary>
    /// <returns>False when the name is taken.</returns>
    /// <exception cref="LinuxException">
    /// The parent is gone (ENODEV), is no Ethernet device or a loopback (EINVAL), or is held by a passthru macvlan (EBUSY, EINVAL).
    /// </exception>
    public bool AddMacvlan(NewMacvlan link)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        request.Write(default(IfInfoMsg));
        request.WriteString(IFLA_IFNAME, link.Name);
        request.WriteInt32(IFLA_LINK, link.ParentIndex);
        if (link.MacAddress is not null)
        {
            request.WriteMac(IFLA_ADDRESS, link.MacAddress);
        }

        if (link.Mtu is int mtu)
        {
            request.WriteInt32(IFLA_MTU, mtu);
        }

        request.WriteUInt32(IFLA_GROUP, link.Group);
        if (link.Netns is not null)
        {
            request.WriteInt32(IFLA_NET_NS_FD, link.Netns.Handle.Descriptor);
        }

        WriteMacvlanInfo(ref request, link.Mode);
        string where = link.Netns is null ? "" : $" for {link.Netns}";
        return Add(request.Finish(), "add macvlan", $"{link.Name} on {DescribeLink(link.ParentIndex)}{where}");
    }

    /// <summary>Changes a macvlan's mode while it runs. The kernel does not change to or from <see cref="MacvlanMode.Passthru"/>.</summary>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or the change is not possible (EINVAL, EOPNOTSUPP).</exception>
    public void SetMacvlanMode(int index, MacvlanMode mode)
    {
        NetlinkWriter request = BeginLinkChange(stackalloc byte[NetlinkWriter.BufferSize], index);
        WriteMacvlanInfo(ref request, mode);
        Change(request.Finish(), "set macvlan mode", $"{mode} of {DescribeLink(index)}");
    }

    private static void WriteMacvlanInfo(ref NetlinkWriter request, MacvlanMode mode)
    {
        int info = request.BeginNested(IFLA_LINKINFO);
        request.WriteString(IFLA_INFO_KIND, "macvlan");
        int data = request.BeginNested(IFLA_INFO_DATA);
        request.WriteUInt32(IFLA_MACVLAN_MODE, (uint)mode);
        request.EndNested(data);
        request.EndNested(info);
    }
}
