namespace EgressAgent.Linux.Netlink.Routes;

/// <summary>What a route does with a packet; RTN_* of linux/rtnetlink.h.</summary>
public enum RouteType : byte
{
    Unspecified = 0,

    /// <summary>Forwards it.</summary>
    Unicast = 1,

    /// <summary>Takes it in.</summary>
    Local = 2,
    Broadcast = 3,
    Anycast = 4,
    Multicast = 5,

    /// <summary>Drops it.</summary>
    Blackhole = 6,

    /// <summary>Refuses it with ICMP host unreachable.</summary>
    Unreachable = 7,

    /// <summary>Refuses it with ICMP communication prohibited.</summary>
    Prohibit = 8,

    /// <summary>Goes on with the next rule.</summary>
    Throw = 9,
}
