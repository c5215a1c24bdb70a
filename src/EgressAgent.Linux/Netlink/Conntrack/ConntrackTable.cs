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

    /// <summary>
    /// The flows of one family or of both. The table goes on changing while it is read: a flow that comes or goes meanwhile may be
    /// missed, and one may be seen twice.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused, or has no ctnetlink.</exception>
    public IReadOnlyList<ConntrackEntry> GetFlows(AddressFamily family = AddressFamily.Unspecified)
    {
        var request = new NetlinkWriter(
            stackalloc byte[NetlinkWriter.BufferSize],
            NFNL_SUBSYS_CTNETLINK | IPCTNL_MSG_CT_GET,
            NLM_F_DUMP);
        request.Write(new NfGenMsg { nfgen_family = KernelAddress.FamilyOf(family) });
        var flows = new List<ConntrackEntry>();
        NetlinkResult result = _connection.Dump(request.Finish(), ConntrackMessage.Read, flows);
        return result.IsSuccess ? flows : throw result.ToException("list", $"flows in {_connection.NetnsName}");
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

    private static NetlinkWriter BeginRemove(Span<byte> buffer, byte family)
    {
        var request = new NetlinkWriter(buffer, NFNL_SUBSYS_CTNETLINK | IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
        request.Write(new NfGenMsg { nfgen_family = family });
        return request;
    }
}
