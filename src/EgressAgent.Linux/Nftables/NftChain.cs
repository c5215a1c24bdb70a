using EgressAgent.Linux.Interop.Uapi;

namespace EgressAgent.Linux.Nftables;

/// <summary>A chain of a ruleset.</summary>
/// <param name="Family">Of its table, as the kernel numbers it (NFPROTO_*).</param>
/// <param name="Table">Its table.</param>
/// <param name="Name">Its name.</param>
public sealed record NftChain(byte Family, string Table, string Name)
{
    /// <summary>Null of a chain that is only jumped to.</summary>
    public NftHook? Hook { get; init; }

    /// <summary><c>filter</c>, <c>nat</c>, <c>route</c> of a chain at a hook.</summary>
    public string Type { get; init; } = "";

    /// <summary>Of chains at one hook, the lower comes first.</summary>
    public int Priority { get; init; }

    /// <summary>Whether a packet is dropped that no rule decides on.</summary>
    public bool DropsByPolicy { get; init; }

    /// <summary><c>ip</c>, <c>ip6</c>, <c>inet</c>; null of others.</summary>
    public string? FamilyName => Family switch
    {
        NfnetlinkH.NFPROTO_INET => "inet",
        NfnetlinkH.NFPROTO_IPV4 => "ip",
        NfnetlinkH.NFPROTO_IPV6 => "ip6",
        _ => null,
    };

    /// <summary>As nft(8) names it.</summary>
    public override string ToString() => $"{FamilyName} {Table} {Name}";
}

/// <summary>Where the kernel shows packets to a chain; NF_INET_* of linux/netfilter.h.</summary>
public enum NftHook
{
    Prerouting = 0,
    Input = 1,
    Forward = 2,
    Output = 3,
    Postrouting = 4,
}
