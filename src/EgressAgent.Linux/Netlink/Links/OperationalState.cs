namespace EgressAgent.Linux.Netlink.Links;

/// <summary>RFC 2863's ifOperStatus; the values are IF_OPER_* of linux/if.h.</summary>
public enum OperationalState : byte
{
    /// <summary>The driver says nothing of it.</summary>
    Unknown = 0,
    NotPresent = 1,
    Down = 2,

    /// <summary>The link that it stands on is down.</summary>
    LowerLayerDown = 3,
    Testing = 4,

    /// <summary>Waits for something outside, such as 802.1X.</summary>
    Dormant = 5,
    Up = 6,
}
