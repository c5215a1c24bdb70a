using System.Net;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Neighbours;
using static EgressAgent.Linux.Interop.Uapi.NeighbourH;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink;

public sealed partial class RouteNetlink
{
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

    /// <summary>What a link knows of one neighbour; null when nothing, or when there is no such link.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public Neighbour? GetNeighbour(int linkIndex, IPAddress address)
    {
        NetlinkWriter request = BeginNeighbour(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETNEIGH, 0, new Neighbour(linkIndex, address));
        NetlinkResult result = _connection.Get<Neighbour>(request.Finish(), NeighbourMessage.Read, out Neighbour? found);
        return result.IsSuccess || IsGone(result.Errno) ? found : throw result.ToException("get neighbour", $"{address} on {DescribeLink(linkIndex)} in {Netns}");
    }

    /// <summary>
    /// Lets the kernel ask all hosts who has an address, three times, a second apart, unless an answer is known to be fresh: as if a
    /// packet were to go there.
    /// </summary>
    /// <returns>False when there is no such link.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool ResolveNeighbour(int linkIndex, IPAddress address)
    {
        NetlinkWriter request = BeginNeighbour(
            stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWNEIGH, NLM_F_CREATE, new Neighbour(linkIndex, address), NTF_USE);
        return Remove(request.Finish(), "resolve neighbour", $"{address} on {DescribeLink(linkIndex)}");
    }

    /// <summary>Lets the kernel ask a neighbour whose MAC it knows whether it is still there, three times, a second apart.</summary>
    /// <returns>False when there is no such link or entry any more.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool ProbeNeighbour(int linkIndex, IPAddress address)
    {
        NetlinkWriter request = BeginNeighbour(
            stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWNEIGH, NLM_F_REPLACE, new Neighbour(linkIndex, address) { State = NeighbourState.Probe });
        return Remove(request.Finish(), "probe neighbour", $"{address} on {DescribeLink(linkIndex)}");
    }

    /// <summary>
    /// Gives up asking for the neighbours that have not answered yet, and drops the packets that wait for them; the senders are told as if
    /// nobody had answered (neigh_invalidate of net/core/neighbour.c). The next packet has the kernel ask anew.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void DropUnresolvedNeighbours()
    {
        foreach (Neighbour neighbour in GetNeighbours().Where(neighbour => neighbour.State == NeighbourState.Incomplete))
        {
            RemoveNeighbour(neighbour);
        }
    }

    private void RemoveNeighbour(Neighbour neighbour)
    {
        NetlinkWriter request = BeginNeighbour(stackalloc byte[NetlinkWriter.BufferSize], RTM_DELNEIGH, 0, neighbour);
        Remove(request.Finish(), "remove neighbour", $"{neighbour.Address} on {DescribeLink(neighbour.LinkIndex)}");
    }

    private static NetlinkWriter BeginNeighbour(Span<byte> buffer, ushort type, int flags, Neighbour neighbour, byte neighbourFlags = 0)
    {
        var request = new NetlinkWriter(buffer, type, (ushort)(NLM_F_ACK | flags));
        request.Write(new NdMsg
        {
            ndm_family = KernelAddress.FamilyOf(neighbour.Address.AddressFamily),
            ndm_ifindex = neighbour.LinkIndex,
            ndm_state = (ushort)neighbour.State,
            ndm_flags = neighbourFlags,
        });
        request.WriteAddress(NDA_DST, neighbour.Address);
        return request;
    }

    /// <summary>The tables of all families; the answer is the same in each namespace.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public IReadOnlyList<NeighbourTable> GetNeighbourTables()
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETNEIGHTBL, NLM_F_DUMP);
        request.Write(default(NdtMsg));
        return Dump<NeighbourTable>(request.Finish(), NeighbourTable.Read, "neighbour tables");
    }
}
