namespace EgressAgent.Linux.Netlink.Links;

/// <summary>IFF_* of linux/if.h, netdevice(7). Flags without a name here are kept as they are.</summary>
[Flags]
public enum LinkFlags : uint
{
    None = 0,

    /// <summary>Set up by the administrator.</summary>
    Up = 0x1,
    Broadcast = 0x2,
    Loopback = 0x8,
    PointToPoint = 0x10,

    /// <summary>Operational, by RFC 2863.</summary>
    Running = 0x40,
    NoArp = 0x80,
    Promiscuous = 0x100,
    AllMulticast = 0x200,
    Multicast = 0x1000,

    /// <summary>The driver reports a carrier.</summary>
    LowerUp = 0x10000,
    Dormant = 0x20000,
}
