namespace EgressAgent.Linux.Nftables;

/// <summary>How listings look; the values are NFT_CTX_OUTPUT_* of libnftables.h.</summary>
[Flags]
public enum NftOutput : uint
{
    None = 0,

    /// <summary>Port names instead of numbers.</summary>
    Services = 1 << 1,

    /// <summary>Without counters' and timers' values: <c>nft -s</c>.</summary>
    Stateless = 1 << 2,

    /// <summary>With the handles by which rules are deleted: <c>nft -a</c>.</summary>
    Handles = 1 << 3,

    /// <summary>libnftables-json(5): <c>nft -j</c>.</summary>
    Json = 1 << 4,

    /// <summary>Prints what was added: <c>nft -e</c>.</summary>
    Echo = 1 << 5,

    /// <summary>Protocols, priorities and marks as numbers: <c>nft -y -n</c>.</summary>
    Numeric = (1 << 7) | (1 << 8) | (1 << 9) | (1 << 10),

    /// <summary>Without the elements of sets and maps: <c>nft -t</c>.</summary>
    Terse = 1 << 11,
}
