using System.Net.NetworkInformation;

namespace EgressAgent.Linux.Netlink.Links;

/// <summary>A network device as the kernel describes it (RTM_NEWLINK, rtnetlink(7)).</summary>
public sealed record Link
{
    /// <summary>The interface index, unique within the network namespace.</summary>
    public required int Index { get; init; }

    public required string Name { get; init; }

    /// <summary>The driver's kind: <c>macvlan</c>, <c>veth</c>, <c>bridge</c>; null for physical devices and the loopback.</summary>
    public string? Kind { get; init; }

    public LinkFlags Flags { get; init; }

    public OperationalState OperationalState { get; init; }

    /// <summary>Bytes.</summary>
    public int Mtu { get; init; }

    /// <summary>The link-layer address; empty where the device has none.</summary>
    public PhysicalAddress MacAddress { get; init; } = PhysicalAddress.None;

    /// <summary>
    /// IFLA_LINK: the link that this one stands on (a macvlan's master), for a veth its peer. An index of the namespace
    /// <see cref="ParentNetnsId"/>.
    /// </summary>
    public int? ParentIndex { get; init; }

    /// <summary>
    /// The namespace of <see cref="ParentIndex"/> as an id that is local to this namespace (see
    /// <see cref="RouteNetlink.GetNetnsId"/>); null when it is this one.
    /// </summary>
    public int? ParentNetnsId { get; init; }

    /// <summary>The bridge, bond or VRF that the link is a port of.</summary>
    public int? MasterIndex { get; init; }

    /// <summary>The number by which links are told apart in groups, by packet filters too; 0 when nobody has given one.</summary>
    public uint Group { get; init; }

    /// <summary>Free text (ifalias); null when none is set.</summary>
    public string? Alias { get; init; }

    /// <summary>Further names, up to 127 characters long. They share the space of names with <see cref="Name"/>.</summary>
    public IReadOnlyList<string> AltNames { get; init; } = [];

    /// <summary>Of a macvlan only.</summary>
    public MacvlanMode? MacvlanMode { get; init; }

    /// <summary>Whether both are veth ends, each the other's peer, as far as indexes tell: those of two namespaces can be the same.</summary>
    public bool IsVethPeerOf(Link? other) => Kind == "veth" && other is { Kind: "veth" } && ParentIndex == other.Index && other.ParentIndex == Index;

    /// <summary>Whether the administrator set it up; it may still lack a carrier.</summary>
    public bool IsUp => Flags.HasFlag(LinkFlags.Up);

    public bool HasCarrier => Flags.HasFlag(LinkFlags.LowerUp);

    /// <summary>How often the carrier came up since the device was made: it tells a link that came back from one that stayed.</summary>
    public uint CarrierUpCount { get; init; }

    /// <summary>Whether its frames are those of Ethernet (ARPHRD_ETHER); those of loopback and of tunnels for IP packets are not.</summary>
    public bool IsEthernet { get; init; } = true;

    public bool IsLoopback => Flags.HasFlag(LinkFlags.Loopback);
}
