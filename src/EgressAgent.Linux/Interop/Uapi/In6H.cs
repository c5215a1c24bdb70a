namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/in6.h, linux/in.h and linux/icmpv6.h.</summary>
internal static class In6H
{
    internal const int IPPROTO_IPV6 = 41;
    internal const int IPPROTO_ICMPV6 = 58;

    internal const int ICMPV6_FILTER = 1;
    internal const int IPV6_MULTICAST_IF = 17;
    internal const int IPV6_MULTICAST_HOPS = 18;
}
