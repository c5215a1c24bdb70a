using System.Runtime.CompilerServices;

namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/in6.h, linux/in.h and linux/icmpv6.h.</summary>
internal static class In6H
{
    internal const int IPPROTO_IPV6 = 41;
    internal const int IPPROTO_ICMPV6 = 58;

    internal const int ICMPV6_FILTER = 1;
    internal const int IPV6_MULTICAST_IF = 17;
    internal const int IPV6_MULTICAST_HOPS = 18;
    internal const int IPV6_MULTICAST_LOOP = 19;
    internal const int IPV6_JOIN_GROUP = 20;
}

/// <summary><c>struct ipv6_mreq</c> of linux/in6.h.</summary>
internal struct IPv6MulticastRequest
{
    internal SockAddrIn6.In6Addr ipv6mr_multiaddr;
    internal int ipv6mr_ifindex;
}

/// <summary><c>struct sockaddr_in6</c> of linux/in6.h.</summary>
internal struct SockAddrIn6
{
    internal ushort sin6_family;

    /// <summary>Big endian.</summary>
    internal ushort sin6_port;
    internal uint sin6_flowinfo;
    internal In6Addr sin6_addr;
    internal uint sin6_scope_id;

    [InlineArray(16)]
    internal struct In6Addr
    {
        private byte _first;
    }
}
