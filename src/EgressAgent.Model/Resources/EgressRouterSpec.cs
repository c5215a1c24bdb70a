using System.Net;
using System.Net.NetworkInformation;

namespace EgressAgent.Model.Resources;

/// <summary>
/// What the user asked for: the <c>spec</c> of an <c>EgressRouter</c> (network.operator.openshift.io/v1) together with the
/// agent's own settings from its annotations. A value of this type has passed validation. Equality is by value.
/// </summary>
public sealed record EgressRouterSpec
{
    public MacvlanMode MacvlanMode { get; init; } = MacvlanMode.Bridge;

    /// <summary>The node interface below the macvlan; null when it is to be inferred.</summary>
    public string? Master { get; init; }

    /// <summary>At least one; the first of a family is that family's source address.</summary>
    public required ValueList<AddressSpec> Addresses { get; init; }

    /// <summary>Unique by port and protocol.</summary>
    public ValueList<RedirectRuleSpec> Rules { get; init; } = [];

    /// <summary>Where everything goes that no rule takes; null when it is rejected.</summary>
    public IPAddress? FallbackIP { get; init; }

    /// <summary>Annotation <c>egressagent.org/datapath</c>; null when the agent's configuration decides.</summary>
    public DatapathKind? Datapath { get; init; }

    /// <summary>Annotation <c>egressagent.org/clients</c>: null when the agent's configuration decides.</summary>
    public ClientsSpec? Clients { get; init; }

    /// <summary>
    /// Annotation <c>egressagent.org/inside-address</c>: at most one per family, of families that have a reserved address. For
    /// the other families the inside address follows from the key.
    /// </summary>
    public ValueList<IPAddress> PinnedInsideAddresses { get; init; } = [];

    /// <summary>Annotation <c>egressagent.org/mac-address</c>; null when it is derived from machine-id and key.</summary>
    public PhysicalAddress? MacAddress { get; init; }

    /// <summary>Annotation <c>egressagent.org/flow-log</c>; null when the agent's configuration decides.</summary>
    public FlowLogMode? FlowLog { get; init; }
}
