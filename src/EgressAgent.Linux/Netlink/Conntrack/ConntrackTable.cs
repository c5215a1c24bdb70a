using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfConntrackH;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;

namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>
/// The flows that connection tracking knows in one namespace (ctnetlink). Any thread may call; requests are made one at a time.
/// </summary>
public sealed class ConntrackTable : IDisposable
{
    private readonly NetlinkConnection _connection;

    private ConntrackTable(NetlinkConnection connection) => _connection = connection;

    /// <summary>Opens a socket in <paramref name="netns"/>, which it keeps alive.</summary>
    /// <exception cref="LinuxException">No descriptor is left, or the namespace cannot be entered.</exception>
    public static ConntrackTable Open(NetworkNamespace netns) => new(NetlinkConnection.Open(netns, NETLINK_NETFILTER));

    public void Dispose() => _connection.Dispose();

    /// <summary>The number of the namespace, which no other has until the next boot; null where the kernel has none (before Linux 5.14).</summary>
    public ulong? TryReadNetnsCookie() => _connection.TryReadNetnsCookie();

    /// <summary>
    /// The flows of one family or of both. The table goes on changing while it is read: a flow that comes or goes meanwhile may be
    /// missed, and one may be seen twice.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused, or has no ctnetlink.</exception>
    public IReadOnlyList<ConntrackEntry> GetFlows(AddressFamily family = AddressFamily.Unspecified)
    {
        var flows = new List<ConntrackEntry>();
        Dump(family, ConntrackMessage.Read, flows);
        return flows;
    }

    /// <summary>The same as <see cref="GetFlows"/>, of both families, without an object for each.</summary>
    /// <exception cref="LinuxException">As there.</exception>
    public void VisitFlows(ConntrackVisitor visit) => Dump<ConntrackEntry>(
        AddressFamily.Unspecified,
        (ref reader) =>
        {
            if (ConntrackMessage.TryRead(ref reader, out ConntrackFlow flow))
            {
                visit(flow);
            }

            return null;
        },
        []);

    /// <summary>The flow whose first packet looked so; null when there is none.</summary>
    /// <exception cref="LinuxException">The kernel refused, or has no ctnetlink.</exception>
    public ConntrackEntry? Find(ConntrackTuple original) => Find(CTA_TUPLE_ORIG, original);

    /// <summary>The flow whose answers look so as they arrive; null when there is none.</summary>
    /// <exception cref="LinuxException">The kernel refused, or has no ctnetlink.</exception>
    public ConntrackEntry? FindAnswered(ConntrackTuple reply) => Find(CTA_TUPLE_REPLY, reply);

    /// <summary>How many entries the namespace has. It is cheap, however many there are.</summary>
    /// <exception cref="LinuxException">The kernel refused, or does not say (before Linux 5.6).</exception>
    public ConntrackSize ReadSize()
    {
        var request = new NetlinkWriter(
            stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_CTNETLINK | IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK);
        request.Write(default(NfGenMsg));
        NetlinkResult result = _connection.Get<ConntrackSize>(request.Finish(), ConntrackStatisticsMessage.ReadSize, out ConntrackSize? size);
        return result.IsSuccess && size is not null ? size : throw result.ToException("count", $"flows in {_connection.NetnsName}");
    }

    /// <summary>What the kernel has counted in the namespace since it was made, on all processors together.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public ConntrackStatistics ReadStatistics()
    {
        var request = new NetlinkWriter(
            stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_CTNETLINK | IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_DUMP);
        request.Write(default(NfGenMsg));
        var processors = new List<ConntrackStatistics>();
        NetlinkResult result = _connection.Dump(request.Finish(), ConntrackStatisticsMessage.Read, processors);
        return result.IsSuccess
            ? processors.Aggregate(new ConntrackStatistics(0, 0), (sum, one) => sum + one)
            : throw result.ToException("read", $"statistics of connection tracking in {_connection.NetnsName}");
    }

    /// <summary>
    /// Forgets a flow: its next packet is a new flow, to which the rules of the moment apply. A flow of the same tuples with
    /// another <see cref="ConntrackEntry.Id"/> is left alone.
    /// </summary>
    /// <returns>False when the flow was gone.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool Remove(ConntrackEntry flow)
    {
        byte family = KernelAddress.FamilyOf(flow.Original.Source.AddressFamily);
        NetlinkWriter request = BeginRemove(stackalloc byte[NetlinkWriter.BufferSize], family);
        ConntrackTupleCodec.Write(ref request, CTA_TUPLE_ORIG, flow.Original);
        request.WriteUInt32BigEndian(CTA_ID, flow.Id);
        if (flow.Zone != 0)
        {
            request.WriteUInt16BigEndian(CTA_ZONE, flow.Zone);
        }

        NetlinkResult result = _connection.Execute(request.Finish());
        return result.IsSuccess
            || (result.Errno == Errno.ENOENT
                ? false
                : throw result.ToException("remove flow", $"{flow.Original} in {_connection.NetnsName}"));
    }

    /// <summary>
    /// Makes an entry of a flow that another machine has tracked until now: its packets are translated as there, in both directions, and no
    /// rule is asked. Of the entry its tuples, its mark, its status, its connection and its timeout count.
    /// </summary>
    /// <returns>False when a flow of one of its tuples is there.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool Restore(ConntrackEntry flow)
    {
        (ConntrackTuple original, ConntrackTuple reply) = (flow.Original, flow.Reply);
        var request = new NetlinkWriter(
            stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_CTNETLINK | IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
        request.Write(new NfGenMsg { nfgen_family = KernelAddress.FamilyOf(original.Source.AddressFamily) });
        ConntrackTupleCodec.Write(ref request, CTA_TUPLE_ORIG, original);

        // That which an untranslated flow would have. The kernel makes the other one of it, and notes what it has translated.
        ConntrackTupleCodec.Write(ref request, CTA_TUPLE_REPLY, original with
        {
            Source = original.Destination,
            Destination = original.Source,
            SourcePort = original.DestinationPort,
            DestinationPort = original.SourcePort,
        });
        WriteTranslation(ref request, CTA_NAT_DST, reply.Source, reply.SourcePort);
        WriteTranslation(ref request, CTA_NAT_SRC, reply.Destination, reply.DestinationPort);
        request.WriteUInt32BigEndian(CTA_STATUS, (uint)((flow.Status & (ConntrackStatus.SeenReply | ConntrackStatus.Assured)) | ConntrackStatus.Confirmed));
        request.WriteUInt32BigEndian(CTA_TIMEOUT, (uint)Math.Max(1, flow.Timeout?.TotalSeconds ?? 0));
        request.WriteUInt32BigEndian(CTA_MARK, flow.Mark);
        if (flow.Connection is { } connection)
        {
            ConntrackConnectionCodec.Write(ref request, original.Protocol, connection);
        }

        NetlinkResult result = _connection.Execute(request.Finish());
        return result.IsSuccess
            || (result.Errno == Errno.EEXIST
                ? false
                : throw result.ToException("restore flow", $"{original} in {_connection.NetnsName}"));
    }

    /// <summary>Forgets all flows.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void Flush()
    {
        NetlinkWriter request = BeginRemove(stackalloc byte[NetlinkWriter.BufferSize], LibC.AF_UNSPEC);
        NetlinkResult result = _connection.Execute(request.Finish());
        if (!result.IsSuccess)
        {
            throw result.ToException("flush", $"flows in {_connection.NetnsName}");
        }
    }

    private void Dump<T>(AddressFamily family, MessageParser<T> parse, List<T> found)
        where T : class
    {
        var request = new NetlinkWriter(
            stackalloc byte[NetlinkWriter.BufferSize],
            NFNL_SUBSYS_CTNETLINK | IPCTNL_MSG_CT_GET,
            NLM_F_DUMP);
        request.Write(new NfGenMsg { nfgen_family = KernelAddress.FamilyOf(family) });
        NetlinkResult result = _connection.Dump(request.Finish(), parse, found);
        if (!result.IsSuccess)
        {
            throw result.ToException("list", $"flows in {_connection.NetnsName}");
        }
    }

    private ConntrackEntry? Find(ushort direction, ConntrackTuple tuple)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_CTNETLINK | IPCTNL_MSG_CT_GET, 0);
        request.Write(new NfGenMsg { nfgen_family = KernelAddress.FamilyOf(tuple.Source.AddressFamily) });
        ConntrackTupleCodec.Write(ref request, direction, tuple);
        NetlinkResult result = _connection.Get(request.Finish(), ConntrackMessage.Read, out ConntrackEntry? found);
        return result.IsSuccess ? found
            : result.Errno == Errno.ENOENT ? null
            : throw result.ToException("find flow", $"{tuple} in {_connection.NetnsName}");
    }

    // The range of one address and one port.
    private static void WriteTranslation(ref NetlinkWriter request, ushort type, IPAddress address, ushort? port)
    {
        int nest = request.BeginNested(type);
        request.WriteAddress(address.AddressFamily == AddressFamily.InterNetworkV6 ? CTA_NAT_V6_MINIP : CTA_NAT_V4_MINIP, address);
        if (port is ushort number)
        {
            int protocol = request.BeginNested(CTA_NAT_PROTO);
            request.WriteUInt16BigEndian(CTA_PROTONAT_PORT_MIN, number);
            request.EndNested(protocol);
        }

        request.EndNested(nest);
    }

    private static NetlinkWriter BeginRemove(Span<byte> buffer, byte family)
    {
        var request = new NetlinkWriter(buffer, NFNL_SUBSYS_CTNETLINK | IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
        request.Write(new NfGenMsg { nfgen_family = family });
        return request;
    }
}
