namespace EgressAgent.Linux.Netlink.Neighbours;

/// <summary>NUD_* of linux/neighbour.h.</summary>
[Flags]
public enum NeighbourState : ushort
{
    None = 0,

    /// <summary>Asked for, no answer yet.</summary>
    Incomplete = 0x01,
    Reachable = 0x02,

    /// <summary>Was reachable; checked before long when it is used.</summary>
    Stale = 0x04,
    Delay = 0x08,
    Probe = 0x10,

    /// <summary>Nobody answered.</summary>
    Failed = 0x20,

    /// <summary>Needs no resolution, such as multicast.</summary>
    NoArp = 0x40,

    /// <summary>Set by the administrator.</summary>
    Permanent = 0x80,
}
