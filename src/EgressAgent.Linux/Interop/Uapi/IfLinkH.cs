namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/if_link.h, linux/veth.h and, of the types of links, linux/if_arp.h.</summary>
internal static class IfLinkH
{
    internal const ushort ARPHRD_ETHER = 1;

    internal const ushort IFLA_ADDRESS = 1;
    internal const ushort IFLA_IFNAME = 3;
    internal const ushort IFLA_MTU = 4;
    internal const ushort IFLA_LINK = 5;
    internal const ushort IFLA_MASTER = 10;
    internal const ushort IFLA_OPERSTATE = 16;
    internal const ushort IFLA_LINKINFO = 18;
    internal const ushort IFLA_IFALIAS = 20;
    internal const ushort IFLA_GROUP = 27;
    internal const ushort IFLA_NET_NS_FD = 28;
    internal const ushort IFLA_EXT_MASK = 29;
    internal const ushort IFLA_LINK_NETNSID = 37;
    internal const ushort IFLA_TARGET_NETNSID = 46;
    internal const ushort IFLA_CARRIER_UP_COUNT = 47;
    internal const ushort IFLA_PROP_LIST = 52;
    internal const ushort IFLA_ALT_IFNAME = 53;

    internal const ushort IFLA_INFO_KIND = 1;
    internal const ushort IFLA_INFO_DATA = 2;

    internal const ushort IFLA_MACVLAN_MODE = 1;

    internal const ushort VETH_INFO_PEER = 1;
}
