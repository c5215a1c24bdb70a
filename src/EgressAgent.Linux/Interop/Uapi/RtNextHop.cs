namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct rtnexthop</c> of linux/rtnetlink.h: one path in RTA_MULTIPATH, followed by its attributes.</summary>
internal struct RtNextHop
{
    internal ushort rtnh_len;
    internal byte rtnh_flags;
    internal byte rtnh_hops;
    internal int rtnh_ifindex;
}
