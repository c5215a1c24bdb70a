namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/neighbour.h.</summary>
internal static class NeighbourH
{
    internal const ushort NDA_DST = 1;
    internal const ushort NDA_LLADDR = 2;
    internal const ushort NDA_IFINDEX = 8;

    internal const byte NTF_USE = 0x01;

    internal const ushort NDTA_THRESH3 = 4;
    internal const ushort NDTA_CONFIG = 5;
    internal const ushort NDTA_STATS = 7;

    // struct ndt_config: ndtc_key_len and ndtc_entry_size, 2 bytes each, then ndtc_entries.
    internal const int NDTC_ENTRIES = 4;

    // struct ndt_stats: ndts_table_fulls after ten other counters of 8 bytes.
    internal const int NDTS_TABLE_FULLS = 80;
}

/// <summary><c>struct ndmsg</c> of linux/neighbour.h.</summary>
internal struct NdMsg
{
    internal byte ndm_family;
    internal byte ndm_pad1;
    internal ushort ndm_pad2;
    internal int ndm_ifindex;
    internal ushort ndm_state;
    internal byte ndm_flags;
    internal byte ndm_type;
}

/// <summary><c>struct ndtmsg</c> of linux/neighbour.h.</summary>
internal struct NdtMsg
{
    internal byte ndtm_family;
    internal byte ndtm_pad1;
    internal ushort ndtm_pad2;
}
