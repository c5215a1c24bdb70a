namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct ifaddrmsg</c> of linux/if_addr.h.</summary>
internal struct IfAddrMsg
{
    internal byte ifa_family;
    internal byte ifa_prefixlen;
    internal byte ifa_flags;
    internal byte ifa_scope;
    internal int ifa_index;
}
