using System.Net.NetworkInformation;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Linux.Netlink.Links;

/// <summary>A pair of connected virtual Ethernet devices to make (veth(4)).</summary>
public sealed record NewVeth
{
    /// <summary>Of the end in the namespace in which the request is made.</summary>
    public required string Name { get; init; }

    public required string PeerName { get; init; }

    /// <summary>Where the peer appears, without ever being seen elsewhere; null for the namespace of the request.</summary>
    public NetworkNamespace? PeerNetns { get; init; }

    /// <summary>Of both ends, in bytes; null for 1500.</summary>
    public int? Mtu { get; init; }

    /// <summary>Null for a random one.</summary>
    public PhysicalAddress? MacAddress { get; init; }

    /// <inheritdoc cref="MacAddress"/>
    public PhysicalAddress? PeerMacAddress { get; init; }

    /// <summary>Of the peer; see <see cref="Link.Group"/>.</summary>
    public uint PeerGroup { get; init; }
}
