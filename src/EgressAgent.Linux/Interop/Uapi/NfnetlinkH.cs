namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/netfilter/nfnetlink.h, nf_tables.h and nfnetlink_conntrack.h: subsystems, messages, groups.</summary>
internal static class NfnetlinkH
{
    internal const ushort NFNL_SUBSYS_CTNETLINK = 1 << 8;
    internal const ushort NFNL_SUBSYS_NFTABLES = 10 << 8;

    internal const uint NFNLGRP_CONNTRACK_DESTROY = 3;
    internal const uint NFNLGRP_NFTABLES = 7;

    internal const ushort IPCTNL_MSG_CT_GET = 1;
    internal const ushort IPCTNL_MSG_CT_DELETE = 2;

    internal const ushort NFT_MSG_NEWGEN = 15;
    internal const ushort NFT_MSG_GETGEN = 16;
    internal const ushort NFTA_GEN_ID = 1;
    internal const ushort NFTA_GEN_PROC_PID = 2;
    internal const ushort NFTA_GEN_PROC_NAME = 3;
}
