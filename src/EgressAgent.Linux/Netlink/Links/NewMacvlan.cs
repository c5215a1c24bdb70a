using System.Net.NetworkInformation;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Linux.Netlink.Links;

/// <summary>A macvlan to make.</summary>
public sealed record NewMacvlan
{
    /// <summary>
    /// At most 15 bytes. Kernels before 6.15 also want it free in the namespace of the parent, so a name that may stand there
    /// has to be given by a rename afterwards.
    /// </summary>
    public required string Name { get; init; }

    /// <summary>The master, in the namespace in which the request is made.</summary>
    public required int ParentIndex { get; init; }

    /// <summary>Where the macvlan appears, without ever being seen elsewhere; null for the parent's own namespace.</summary>
    public NetworkNamespace? Netns { get; init; }

    public MacvlanMode Mode { get; init; } = MacvlanMode.Bridge;

    /// <summary>Null for a random one, with <see cref="MacvlanMode.Passthru"/> for the parent's.</summary>
    public PhysicalAddress? MacAddress { get; init; }

    /// <summary>Bytes; null for the parent's.</summary>
    public int? Mtu { get; init; }

    /// <summary>See <see cref="Link.Group"/>.</summary>
    public uint Group { get; init; }
}
