namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>IPS_* of linux/netfilter/nf_conntrack_common.h. Flags without a name here are kept as they are.</summary>
[Flags]
public enum FlowStatus : uint
{
    None = 0,

    /// <summary>Was expected by a helper, such as FTP's data connection.</summary>
    Expected = 0x1,

    /// <summary>Packets went both ways.</summary>
    SeenReply = 0x2,

    /// <summary>Not thrown out early when the table is full.</summary>
    Assured = 0x4,
    Confirmed = 0x8,

    /// <summary>Its source is translated.</summary>
    SourceNat = 0x10,

    /// <summary>Its destination is translated.</summary>
    DestinationNat = 0x20,
    Dying = 0x200,
    Offloaded = 0x4000,
}
