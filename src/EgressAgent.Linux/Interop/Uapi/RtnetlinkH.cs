namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/rtnetlink.h.</summary>
internal static class RtnetlinkH
{
    internal const ushort RTM_NEWLINK = 16;
    internal const ushort RTM_DELLINK = 17;
    internal const ushort RTM_GETLINK = 18;
    internal const ushort RTM_NEWADDR = 20;
    internal const ushort RTM_DELADDR = 21;
    internal const ushort RTM_GETADDR = 22;
    internal const ushort RTM_NEWROUTE = 24;
    internal const ushort RTM_DELROUTE = 25;
    internal const ushort RTM_GETROUTE = 26;
    internal const ushort RTM_NEWNEIGH = 28;
    internal const ushort RTM_DELNEIGH = 29;
    internal const ushort RTM_GETNEIGH = 30;
    internal const ushort RTM_NEWRULE = 32;
    internal const ushort RTM_DELRULE = 33;
    internal const ushort RTM_GETRULE = 34;
    internal const ushort RTM_NEWQDISC = 36;
    internal const ushort RTM_DELQDISC = 37;
    internal const ushort RTM_GETQDISC = 38;
    internal const ushort RTM_NEWTFILTER = 44;
    internal const ushort RTM_DELTFILTER = 45;
    internal const ushort RTM_GETTFILTER = 46;
    internal const ushort RTM_GETNEIGHTBL = 66;
    internal const ushort RTM_NEWNETCONF = 80;
    internal const ushort RTM_NEWNSID = 88;
    internal const ushort RTM_DELNSID = 89;
    internal const ushort RTM_GETNSID = 90;
    internal const ushort RTM_NEWLINKPROP = 108;
    internal const ushort RTM_DELLINKPROP = 109;

    internal const ushort RTA_DST = 1;
    internal const ushort RTA_SRC = 2;
    internal const ushort RTA_IIF = 3;
    internal const ushort RTA_OIF = 4;
    internal const ushort RTA_GATEWAY = 5;
    internal const ushort RTA_PRIORITY = 6;
    internal const ushort RTA_PREFSRC = 7;
    internal const ushort RTA_MULTIPATH = 9;
    internal const ushort RTA_TABLE = 15;
    internal const ushort RTA_VIA = 18;
    internal const ushort RTA_IP_PROTO = 27;
    internal const ushort RTA_SPORT = 28;
    internal const ushort RTA_DPORT = 29;

    internal const uint RTM_F_CLONED = 0x200;
    internal const uint RTM_F_LOOKUP_TABLE = 0x1000;
    internal const uint RTM_F_FIB_MATCH = 0x2000;
    internal const uint RTNH_F_ONLINK = 4;

    // rtm_table is a byte: numbers above it travel in RTA_TABLE alone.
    internal const byte RT_TABLE_COMPAT = 252;

    internal const uint RTEXT_FILTER_SKIP_STATS = 8;

    internal const uint RTNLGRP_LINK = 1;
    internal const uint RTNLGRP_NEIGH = 3;
    internal const uint RTNLGRP_TC = 4;
    internal const uint RTNLGRP_IPV4_IFADDR = 5;
    internal const uint RTNLGRP_IPV4_ROUTE = 7;
    internal const uint RTNLGRP_IPV4_RULE = 8;
    internal const uint RTNLGRP_IPV6_IFADDR = 9;
    internal const uint RTNLGRP_IPV6_ROUTE = 11;
    internal const uint RTNLGRP_IPV6_RULE = 19;
    internal const uint RTNLGRP_IPV4_NETCONF = 24;
    internal const uint RTNLGRP_IPV6_NETCONF = 25;
    internal const uint RTNLGRP_NSID = 28;
}

/// <summary><c>struct ifinfomsg</c> of linux/rtnetlink.h.</summary>
internal struct IfInfoMsg
{
    internal byte ifi_family;
    internal byte __ifi_pad;
    internal ushort ifi_type;
    internal int ifi_index;
    internal uint ifi_flags;
    internal uint ifi_change;
}

/// <summary><c>struct tcmsg</c> of linux/rtnetlink.h.</summary>
internal struct TcMsg
{
    internal byte tcm_family;
    internal byte tcm__pad1;
    internal ushort tcm__pad2;
    internal int tcm_ifindex;
    internal uint tcm_handle;
    internal uint tcm_parent;
    internal uint tcm_info;
}

/// <summary><c>struct rtmsg</c> of linux/rtnetlink.h.</summary>
internal struct RtMsg
{
    internal byte rtm_family;
    internal byte rtm_dst_len;
    internal byte rtm_src_len;
    internal byte rtm_tos;
    internal byte rtm_table;
    internal byte rtm_protocol;
    internal byte rtm_scope;
    internal byte rtm_type;
    internal uint rtm_flags;
}

/// <summary><c>struct rtnexthop</c> of linux/rtnetlink.h: one path in RTA_MULTIPATH, followed by its attributes.</summary>
internal struct RtNextHop
{
    internal ushort rtnh_len;
    internal byte rtnh_flags;
    internal byte rtnh_hops;
    internal int rtnh_ifindex;
}

/// <summary><c>struct rtgenmsg</c> of linux/rtnetlink.h; the attributes after it start at the next multiple of 4.</summary>
internal struct RtGenMsg
{
    internal byte rtgen_family;
}
