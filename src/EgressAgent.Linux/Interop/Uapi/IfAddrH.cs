namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/if_addr.h.</summary>
internal static class IfAddrH
{
    internal const ushort IFA_ADDRESS = 1;
    internal const ushort IFA_LOCAL = 2;
    internal const ushort IFA_LABEL = 3;
    internal const ushort IFA_CACHEINFO = 6;
    internal const ushort IFA_FLAGS = 8;
    internal const ushort IFA_PROTO = 11;
}

/// <summary><c>struct ifa_cacheinfo</c> of linux/if_addr.h; lifetimes in seconds.</summary>
internal struct IfaCacheInfo
{
    internal const uint Forever = uint.MaxValue;

    internal uint ifa_prefered;
    internal uint ifa_valid;
    internal uint cstamp;
    internal uint tstamp;
}

/// <summary><c>struct ifaddrmsg</c> of linux/if_addr.h.</summary>
internal struct IfAddrMsg
{
    internal byte ifa_family;
    internal byte ifa_prefixlen;
    internal byte ifa_flags;
    internal byte ifa_scope;
    internal int ifa_index;
}
