using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfTablesH;

namespace EgressAgent.Linux.Nftables;

public sealed partial class NftConnection
{
    /// <summary>All chains that see packets: those of tables that are not dormant.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal List<NftChain> GetChains()
    {
        var tables = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_NFTABLES | NFT_MSG_GETTABLE, NLM_F_DUMP);
        tables.Write(new NfGenMsg { nfgen_family = LibC.AF_UNSPEC });
        HashSet<(byte, string)> dormant = [.. Dump(tables.Finish(), ReadDormantTable, "tables").Select(table => (table.Family, table.Table))];
        var chains = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_NFTABLES | NFT_MSG_GETCHAIN, NLM_F_DUMP);
        chains.Write(new NfGenMsg { nfgen_family = LibC.AF_UNSPEC });
        return [.. Dump(chains.Finish(), ReadChain, "chains").Where(chain => !dormant.Contains((chain.Family, chain.Table)))];
    }

    /// <summary>The rules of a chain, in order: each the expressions that it consists of, as the kernel encodes them.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal List<byte[]> GetRules(NftChain chain)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_NFTABLES | NFT_MSG_GETRULE, NLM_F_DUMP);
        request.Write(new NfGenMsg { nfgen_family = chain.Family });
        request.WriteString(NFTA_RULE_TABLE, chain.Table);
        request.WriteString(NFTA_RULE_CHAIN, chain.Name);
        return Dump(request.Finish(), (ref NetlinkReader reader) => ReadRule(ref reader, chain), $"rules of {chain}");
    }

    /// <summary>The elements of a set or map, in no order; null where they say not all of what is in it, or may change without a transaction.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal (List<NftListedElement> Elements, bool AreIntervals)? GetElements(NftChain user, string set)
    {
        var description = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_NFTABLES | NFT_MSG_GETSET, NLM_F_ACK);
        description.Write(new NfGenMsg { nfgen_family = user.Family });
        description.WriteString(NFTA_SET_TABLE, user.Table);
        description.WriteString(NFTA_SET_NAME, set);
        NetlinkResult result = _connection.Get(description.Finish(), ReadSetFlags, out object? found);
        if (!result.IsSuccess || found is not uint flags || (flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL | NFT_SET_CONCAT)) != 0)
        {
            return null;
        }

        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], NFNL_SUBSYS_NFTABLES | NFT_MSG_GETSETELEM, NLM_F_DUMP);
        request.Write(new NfGenMsg { nfgen_family = user.Family });
        request.WriteString(NFTA_SET_ELEM_LIST_TABLE, user.Table);
        request.WriteString(NFTA_SET_ELEM_LIST_SET, set);
        return ([.. Dump(request.Finish(), ReadElements, $"elements of {set}").SelectMany(elements => elements)], (flags & NFT_SET_INTERVAL) != 0);
    }

    private List<T> Dump<T>(Span<byte> request, MessageParser<T> parse, string what)
        where T : class
    {
        var found = new List<T>();
        NetlinkResult result = _connection.Dump(request, parse, found);
        return result.IsSuccess ? found : throw result.ToException("list", $"{what} in {_connection.NetnsName}");
    }

    private static NftChain? ReadDormantTable(ref NetlinkReader reader)
    {
        byte family = reader.Read<NfGenMsg>().nfgen_family;
        string name = "";
        uint flags = 0;
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case NFTA_TABLE_NAME:
                    name = reader.GetString();
                    break;
                case NFTA_TABLE_FLAGS:
                    flags = reader.GetUInt32BigEndian();
                    break;
            }
        }

        return (flags & NFT_TABLE_F_DORMANT) != 0 ? new NftChain(family, name, "") : null;
    }

    private static NftChain? ReadChain(ref NetlinkReader reader)
    {
        var chain = new NftChain(reader.Read<NfGenMsg>().nfgen_family, "", "");
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case NFTA_CHAIN_TABLE:
                    chain = chain with { Table = reader.GetString() };
                    break;
                case NFTA_CHAIN_NAME:
                    chain = chain with { Name = reader.GetString() };
                    break;
                case NFTA_CHAIN_TYPE:
                    chain = chain with { Type = reader.GetString() };
                    break;
                case NFTA_CHAIN_POLICY:
                    chain = chain with { DropsByPolicy = reader.GetUInt32BigEndian() == NF_DROP };
                    break;
                case NFTA_CHAIN_HOOK:
                    (int Position, int End) outer = reader.Enter();
                    while (reader.MoveNext())
                    {
                        chain = reader.Type switch
                        {
                            NFTA_HOOK_HOOKNUM => chain with { Hook = (NftHook)reader.GetUInt32BigEndian() },
                            NFTA_HOOK_PRIORITY => chain with { Priority = (int)reader.GetUInt32BigEndian() },
                            _ => chain,
                        };
                    }

                    reader.Leave(outer);
                    break;
            }
        }

        return chain;
    }

    // Kernels that do not filter by chain tell of all.
    private static byte[]? ReadRule(ref NetlinkReader reader, NftChain chain)
    {
        bool isOfChain = reader.Read<NfGenMsg>().nfgen_family == chain.Family;
        byte[] expressions = [];
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case NFTA_RULE_TABLE:
                    isOfChain &= reader.GetString() == chain.Table;
                    break;
                case NFTA_RULE_CHAIN:
                    isOfChain &= reader.GetString() == chain.Name;
                    break;
                case NFTA_RULE_EXPRESSIONS:
                    expressions = reader.Value.ToArray();
                    break;
            }
        }

        return isOfChain ? expressions : null;
    }

    private static object? ReadSetFlags(ref NetlinkReader reader)
    {
        reader.Read<NfGenMsg>();
        uint flags = 0;
        while (reader.MoveNext())
        {
            if (reader.Type == NFTA_SET_FLAGS)
            {
                flags = reader.GetUInt32BigEndian();
            }
        }

        return flags;
    }

    private static List<NftListedElement>? ReadElements(ref NetlinkReader reader)
    {
        reader.Read<NfGenMsg>();
        List<NftListedElement> elements = [];
        while (reader.MoveNext())
        {
            if (reader.Type == NFTA_SET_ELEM_LIST_ELEMENTS)
            {
                (int Position, int End) outer = reader.Enter();
                while (reader.MoveNext())
                {
                    (int Position, int End) list = reader.Enter();
                    elements.Add(ReadElement(ref reader));
                    reader.Leave(list);
                }

                reader.Leave(outer);
            }
        }

        return elements;
    }

    private static NftListedElement ReadElement(ref NetlinkReader reader)
    {
        byte[] key = [];
        byte[]? data = null;
        uint flags = 0;
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case NFTA_SET_ELEM_KEY:
                    (int Position, int End) outer = reader.Enter();
                    key = reader.MoveNext() ? reader.Value.ToArray() : [];
                    reader.Leave(outer);
                    break;
                case NFTA_SET_ELEM_DATA:
                    data = reader.Value.ToArray();
                    break;
                case NFTA_SET_ELEM_FLAGS:
                    flags = reader.GetUInt32BigEndian();
                    break;
            }
        }

        return new NftListedElement(key, data, (flags & NFT_SET_ELEM_INTERVAL_END) != 0, (flags & NFT_SET_ELEM_CATCHALL) != 0);
    }
}
