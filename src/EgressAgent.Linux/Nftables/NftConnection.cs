using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfTablesH;

namespace EgressAgent.Linux.Nftables;

/// <summary>
/// Speaks to nf_tables in one namespace without libnftables: asks for the generation of its ruleset, and changes elements of sets and
/// maps if nobody else has written since. Any thread may call; one request is under way at a time.
/// </summary>
public sealed partial class NftConnection : IDisposable
{
    /// <summary>The generation of a ruleset in which nobody has written yet: it is empty. Source: nf_tables_init_net of nf_tables_api.c.</summary>
    public const uint FirstGeneration = 1;

    private readonly NetlinkConnection _connection;

    private NftConnection(NetlinkConnection connection, ulong? netnsCookie)
    {
        _connection = connection;
        NetnsCookie = netnsCookie;
    }

    /// <summary>
    /// The namespace, by a number that no other one has until the node boots again (SO_NETNS_COOKIE); null where the kernel does not say
    /// (before Linux 5.14).
    /// </summary>
    public ulong? NetnsCookie { get; }

    /// <summary>Opens a socket in <paramref name="netns"/>, which it keeps alive.</summary>
    /// <exception cref="LinuxException">No descriptor is left, or the namespace cannot be entered.</exception>
    public static NftConnection Open(NetworkNamespace netns)
    {
        NetlinkConnection connection = NetlinkConnection.Open(netns, NETLINK_NETFILTER);
        return new NftConnection(connection, connection.TryReadNetnsCookie());
    }

    public void Dispose() => _connection.Dispose();

    /// <summary>
    /// How many transactions have changed anything in the ruleset of the namespace, whoever made them (NFT_MSG_GETGEN): as long as it stays
    /// the same, so does the ruleset. It goes up by one with each.
    /// </summary>
    /// <exception cref="LinuxException">The kernel has no nftables.</exception>
    public uint ReadGeneration()
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_NFTABLES | NFT_MSG_GETGEN, NLM_F_ACK);
        request.Write(new NfGenMsg { nfgen_family = LibC.AF_UNSPEC });
        NetlinkResult result = _connection.Get(request.Finish(), ReadId, out object? id);
        return result.IsSuccess && id is uint generation
            ? generation
            : throw result.ToException("read", $"generation of the ruleset of {_connection.NetnsName}");
    }

    /// <summary>The generation after one more transaction. No ruleset is of generation 0.</summary>
    public static uint Next(uint generation) => Math.Max(generation + 1, 1);

    /// <summary>Makes all changes of <paramref name="batch"/> in one transaction, or none of them.</summary>
    /// <param name="batch">The changes, at least one.</param>
    /// <param name="generation">That of the ruleset to which they are made.</param>
    /// <returns>False when somebody else has written since.</returns>
    /// <exception cref="LinuxException">The kernel refused a change.</exception>
    public bool TryCommit(NftBatch batch, uint generation)
    {
        NetlinkResult result = _connection.ExecuteBatch(batch.Finish(generation));
        return result.IsSuccess
            || (result.Errno == Errno.ERESTART ? false : throw result.ToException("change", $"elements in the ruleset of {_connection.NetnsName}"));
    }

    private static object? ReadId(ref NetlinkReader reader)
    {
        reader.Read<NfGenMsg>();
        object? id = null;
        while (reader.MoveNext())
        {
            if (reader.Type == NFTA_GEN_ID)
            {
                id = reader.GetUInt32BigEndian();
            }
        }

        return id;
    }
}
