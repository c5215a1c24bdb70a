using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Neighbours;
using static EgressAgent.Linux.Interop.Uapi.NeighbourH;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink;

public sealed partial class RouteNetlink
{
    private const NeighbourState SelfMaintained = NeighbourState.Permanent | NeighbourState.NoArp;

    /// <summary>The ARP and NDP entries of one link or of all, without proxied ones. A link that does not exist has none.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public IReadOnlyList<Neighbour> GetNeighbours(int? linkIndex = null)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETNEIGH, NLM_F_DUMP);
        request.Write(default(NdMsg));
        if (linkIndex is int index)
        {
            request.WriteInt32(NDA_IFINDEX, index);
        }

        return Dump<Neighbour>(request.Finish(), NeighbourMessage.Read, "neighbours");
    }

    /// <summary>Makes a permanent entry, in the place of what the link knows of that address.</summary>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or the kernel refused.</exception>
    public void SetPermanentNeighbour(int linkIndex, IPAddress address, PhysicalAddress mac)
    {
        NetlinkWriter request = BeginNeighbour(
            stackalloc byte[NetlinkWriter.BufferSize],
            RTM_NEWNEIGH,
            NLM_F_CREATE | NLM_F_REPLACE,
            new Neighbour(linkIndex, address) { State = NeighbourState.Permanent });
        request.WriteMac(NDA_LLADDR, mac);
        Change(request.Finish(), "set permanent neighbour", $"{address} at {mac} on {DescribeLink(linkIndex)}");
    }

    /// <returns>False when the link, or its entry, was gone.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool RemoveNeighbour(int linkIndex, IPAddress address)
    {
        NetlinkWriter request = BeginNeighbour(
            stackalloc byte[NetlinkWriter.BufferSize],
            RTM_DELNEIGH,
            0,
            new Neighbour(linkIndex, address));
        return Remove(request.Finish(), "remove neighbour", $"{address} on {DescribeLink(linkIndex)}");
    }

    /// <summary>Forgets what a link has learned; permanent entries stay.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void FlushNeighbours(int linkIndex)
    {
        foreach (Neighbour neighbour in GetNeighbours(linkIndex))
        {
            if ((neighbour.State & SelfMaintained) == 0)
            {
                RemoveNeighbour(linkIndex, neighbour.Address);
            }
        }
    }

    private static NetlinkWriter BeginNeighbour(Span<byte> buffer, ushort type, int flags, Neighbour neighbour)
    {
        var request = new NetlinkWriter(buffer, type, (ushort)(NLM_F_ACK | flags));
        request.Write(new NdMsg
        {
            ndm_family = KernelAddress.FamilyOf(neighbour.Address.AddressFamily),
            ndm_ifindex = neighbour.LinkIndex,
            ndm_state = (ushort)neighbour.State,
        });
        request.WriteAddress(NDA_DST, neighbour.Address);
        return request;
    }
}
