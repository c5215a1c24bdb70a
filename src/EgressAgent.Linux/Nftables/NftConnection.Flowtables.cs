using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfTablesH;

namespace EgressAgent.Linux.Nftables;

public sealed partial class NftConnection
{
    /// <summary>
    /// The links of a flowtable. Before Linux 6.16 one that is deleted leaves it without a word, and one that takes its name does not come in by
    /// itself; neither is a new generation.
    /// </summary>
    /// <param name="table">The table, of family inet, in which it is.</param>
    /// <param name="name">The flowtable.</param>
    /// <returns>Null when there is none.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public IReadOnlyList<string>? FindFlowtableLinks(string table, string name)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_NFTABLES | NFT_MSG_GETFLOWTABLE, NLM_F_ACK);
        request.Write(new NfGenMsg { nfgen_family = NFPROTO_INET });
        request.WriteString(NFTA_FLOWTABLE_TABLE, table);
        request.WriteString(NFTA_FLOWTABLE_NAME, name);
        NetlinkResult result = _connection.Get(request.Finish(), ReadFlowtableLinks, out List<string>? links);
        return result.IsSuccess ? links : result.Errno == Errno.ENOENT ? null : throw result.ToException("read", $"flowtable {name} of {_connection.NetnsName}");
    }

    private static List<string> ReadFlowtableLinks(ref NetlinkReader reader)
    {
        reader.Read<NfGenMsg>();
        List<string> links = [];
        while (reader.MoveNext())
        {
            if (reader.Type != NFTA_FLOWTABLE_HOOK)
            {
                continue;
            }

            (int Position, int End) flowtable = reader.Enter();
            while (reader.MoveNext())
            {
                if (reader.Type == NFTA_FLOWTABLE_HOOK_DEVS)
                {
                    (int Position, int End) hook = reader.Enter();
                    while (reader.MoveNext())
                    {
                        links.Add(reader.GetString());
                    }

                    reader.Leave(hook);
                }
            }

            reader.Leave(flowtable);
        }

        return links;
    }
}
