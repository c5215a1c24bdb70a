using System.Buffers.Binary;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.PktSchedH;

namespace EgressAgent.Linux.Netlink.Filters;

/// <summary>Reads RTM_NEWTFILTER.</summary>
internal static class EgressFilterMessage
{
    internal static readonly ushort AllProtocols = BinaryPrimitives.ReverseEndianness((ushort)IfPacketH.ETH_P_ALL);

    /// <summary>Null for the head of a preference, which has no handle.</summary>
    public static EgressFilter? Read(ref NetlinkReader reader)
    {
        TcMsg header = reader.Read<TcMsg>();
        string kind = "";
        uint? program = null;
        uint flags = 0;
        uint chain = 0;
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case TCA_KIND:
                    kind = reader.GetString();
                    break;
                case TCA_CHAIN:
                    chain = reader.GetUInt32();
                    break;
                case TCA_OPTIONS when kind == "bpf":
                    NetlinkReader options = new(reader.Value);
                    while (options.MoveNext())
                    {
                        switch (options.Type)
                        {
                            case TCA_BPF_ID:
                                program = options.GetUInt32();
                                break;
                            case TCA_BPF_FLAGS:
                                flags = options.GetUInt32();
                                break;
                        }
                    }

                    break;
            }
        }

        return header.tcm_handle == 0 ? null : new EgressFilter(kind, (int)(header.tcm_info >> 16), header.tcm_handle)
        {
            ProgramId = program,
            IsDirectAction = (flags & TCA_BPF_FLAG_ACT_DIRECT) != 0,
            IsForAll = (ushort)header.tcm_info == AllProtocols,
            Chain = chain,
        };
    }
}
