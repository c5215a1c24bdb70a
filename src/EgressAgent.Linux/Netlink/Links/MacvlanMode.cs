namespace EgressAgent.Linux.Netlink.Links;

/// <summary>How macvlans on one parent treat each other; the values are MACVLAN_MODE_* of linux/if_link.h.</summary>
public enum MacvlanMode : uint
{
    /// <summary>No traffic between them, not even by way of the switch.</summary>
    Private = 1,

    /// <summary>Traffic between them goes out to the switch, which may send it back.</summary>
    Vepa = 2,

    /// <summary>Traffic between them is delivered directly.</summary>
    Bridge = 4,

    /// <summary>The only macvlan of its parent, whose MAC it takes over.</summary>
    Passthru = 8,

    /// <summary>Takes only frames from a list of source MACs.</summary>
    Source = 16,
}
