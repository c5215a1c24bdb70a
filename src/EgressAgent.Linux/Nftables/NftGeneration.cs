using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;

namespace EgressAgent.Linux.Nftables;

/// <summary>
/// Counts the transactions that changed anything in the ruleset of one namespace (NFT_MSG_GETGEN), whoever made them: as long as it
/// stays the same, so does the ruleset.
/// </summary>
public sealed class NftGeneration : IDisposable
{
    private readonly NetlinkConnection _connection;

    private NftGeneration(NetlinkConnection connection) => _connection = connection;

    /// <summary>Opens a socket in <paramref name="netns"/>, which it keeps alive.</summary>
    /// <exception cref="LinuxException">No descriptor is left, or the namespace cannot be entered.</exception>
    public static NftGeneration Open(NetworkNamespace netns) => new(NetlinkConnection.Open(netns, NETLINK_NETFILTER));

    public void Dispose() => _connection.Dispose();

    /// <exception cref="LinuxException">The kernel has no nftables.</exception>
    public uint Read()
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_NFTABLES | NFT_MSG_GETGEN, NLM_F_ACK);
        request.Write(new NfGenMsg { nfgen_family = LibC.AF_UNSPEC });
        NetlinkResult result = _connection.Get(request.Finish(), ReadId, out object? id);
        return result.IsSuccess && id is uint generation
            ? generation
            : throw result.ToException("read", $"generation of the ruleset of {_connection.NetnsName}");
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
