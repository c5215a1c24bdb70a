namespace EgressAgent.Linux.Netlink.Addresses;

/// <summary>IFA_F_* of linux/if_addr.h.</summary>
[Flags]
public enum AddressFlags : uint
{
    None = 0,

    /// <summary>IPv4: not the first of its subnet on the link. IPv6: a temporary privacy address.</summary>
    Secondary = 0x01,

    /// <summary>IPv6: usable at once, without duplicate address detection.</summary>
    NoDad = 0x02,
    Optimistic = 0x04,

    /// <summary>IPv6: somebody else has it; it is never used.</summary>
    DadFailed = 0x08,
    HomeAddress = 0x10,

    /// <summary>Not used as a source for new connections.</summary>
    Deprecated = 0x20,

    /// <summary>IPv6: duplicate address detection is under way; not usable yet.</summary>
    Tentative = 0x40,

    /// <summary>Without an expiry.</summary>
    Permanent = 0x80,
    ManageTemporaryAddress = 0x100,

    /// <summary>The kernel adds no route to the address's subnet.</summary>
    NoPrefixRoute = 0x200,
    MulticastAutoJoin = 0x400,
    StablePrivacy = 0x800,
}
