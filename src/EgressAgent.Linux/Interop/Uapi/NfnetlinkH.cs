namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/netfilter/nfnetlink.h and nfnetlink_conntrack.h: subsystems, messages, groups.</summary>
internal static class NfnetlinkH
{
    internal const ushort NFNL_SUBSYS_CTNETLINK = 1 << 8;
    internal const ushort NFNL_SUBSYS_NFTABLES = 10 << 8;

    internal const uint NFNLGRP_CONNTRACK_NEW = 1;
    internal const uint NFNLGRP_CONNTRACK_UPDATE = 2;
    internal const uint NFNLGRP_CONNTRACK_DESTROY = 3;
    internal const uint NFNLGRP_NFTABLES = 7;

    internal const ushort IPCTNL_MSG_CT_NEW = 0;
    internal const ushort IPCTNL_MSG_CT_GET = 1;
    internal const ushort IPCTNL_MSG_CT_DELETE = 2;
    internal const ushort IPCTNL_MSG_CT_GET_STATS_CPU = 4;
    internal const ushort IPCTNL_MSG_CT_GET_STATS = 5;

    internal const ushort NFNL_MSG_BATCH_BEGIN = 0x10;
    internal const ushort NFNL_MSG_BATCH_END = 0x11;
    internal const ushort NFNL_BATCH_GENID = 1;

    internal const byte NFPROTO_INET = 1;
    internal const byte NFPROTO_IPV4 = 2;
    internal const byte NFPROTO_IPV6 = 10;
}

/// <summary><c>struct nfgenmsg</c> of linux/netfilter/nfnetlink.h.</summary>
internal struct NfGenMsg
{
    internal byte nfgen_family;
    internal byte version;

    /// <summary>Big endian.</summary>
    internal ushort res_id;
}
