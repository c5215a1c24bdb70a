using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace EgressAgent.Model.Resources;

/// <summary>
/// What the user asked for: the <c>spec</c> of a <c>Service</c> (v1) together with the agent's own settings from its annotations. A
/// value of this type has passed validation. Equality is by value.
/// </summary>
public sealed record ServiceSpec
{
    /// <summary>The labels that a router must have to be behind the Service. None selects no router.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Unique by port and protocol.</summary>
    public ValueList<ServicePortSpec> Ports { get; init; } = [];

    /// <summary>Whether its names lead to the routers' inside addresses: <c>clusterIP: None</c>.</summary>
    public bool IsHeadless { get; init; }

    /// <summary>The addresses that are fixed, at most one per family.</summary>
    public ValueList<IPAddress> PinnedAddresses { get; init; } = [];

    /// <summary>The families that were asked for by name, the first of which comes first; empty when none were.</summary>
    public ValueList<AddressFamily> Families { get; init; } = [];

    public FamilyPolicy FamilyPolicy { get; init; }

    /// <summary>Addresses of the LAN at which other machines reach the Service.</summary>
    public ValueList<IPAddress> ExternalAddresses { get; init; } = [];

    /// <summary>How long a client's next connection goes to the router of its last one; null when that is not asked for.</summary>
    public TimeSpan? ClientAffinity { get; init; }

    /// <summary>Annotation <c>egressagent.org/hostnames</c>: the partner's names that lead here.</summary>
    public ValueList<string> HostNames { get; init; } = [];

    /// <summary>Whether a router with these labels, and of the same namespace, is behind the Service.</summary>
    public bool Selects(IReadOnlyDictionary<string, string> labels) =>
        Selector.Count > 0 && Selector.All(wanted => labels.TryGetValue(wanted.Key, out string? value) && value == wanted.Value);

    /// <summary>The families in which it has an address, of those that have a network; the first is the one that was asked for first.</summary>
    /// <param name="served">The families that have a network, the first of which is taken where nothing is asked for.</param>
    public ValueList<AddressFamily> FamiliesOf(ValueList<AddressFamily> served)
    {
        AddressFamily[] named = [.. Families.Concat(PinnedAddresses.Select(address => address.AddressFamily)).Distinct()];
        return FamilyPolicy == FamilyPolicy.SingleStack
            ? named.Concat(served).Take(Math.Max(1, named.Length)).ToValueList()
            : named.Concat(served).Distinct().ToValueList();
    }

    public bool Equals(ServiceSpec? other) =>
        ReferenceEquals(this, other)
        || (other is not null
            && Selector.SequenceEqual(other.Selector)
            && Ports.Equals(other.Ports)
            && IsHeadless == other.IsHeadless
            && PinnedAddresses.Equals(other.PinnedAddresses)
            && Families.Equals(other.Families)
            && FamilyPolicy == other.FamilyPolicy
            && ExternalAddresses.Equals(other.ExternalAddresses)
            && ClientAffinity == other.ClientAffinity
            && HostNames.Equals(other.HostNames));

    public override int GetHashCode() => HashCode.Combine(Selector.Count, Ports, PinnedAddresses, ClientAffinity, HostNames);
}

/// <summary>One entry of <c>spec.ports</c>, with what was left out filled in.</summary>
/// <param name="Name">Empty when it has none.</param>
/// <param name="Protocol">The transport.</param>
/// <param name="Port">The port at the Service's address.</param>
/// <param name="TargetPort">The port at the router's inside address.</param>
public sealed record ServicePortSpec(string Name, TransportProtocol Protocol, ushort Port, ushort TargetPort);

/// <summary>In how many families a Service has an address: <c>spec.ipFamilyPolicy</c>.</summary>
public enum FamilyPolicy
{
    SingleStack,
    PreferDualStack,
    RequireDualStack,
}
