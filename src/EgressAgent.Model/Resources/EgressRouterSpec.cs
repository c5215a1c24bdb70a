using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Model.Addressing;

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

    /// <summary>
    /// Annotation <c>egressagent.org/passthru-takes-the-node</c>: whether passthru mode may take an interface that the node itself uses.
    /// </summary>
    public bool PassthruTakesTheNode { get; init; }

    /// <summary>Annotation <c>egressagent.org/failover</c>.</summary>
    public FailoverMode Failover { get; init; }

    /// <summary>Annotation <c>egressagent.org/flow-log</c>; null when the agent's configuration decides.</summary>
    public FlowLogMode? FlowLog { get; init; }

    /// <summary>Annotation <c>egressagent.org/flow-offload</c>; null when the agent's configuration decides.</summary>
    public FlowOffloadMode? FlowOffload { get; init; }

    /// <summary>Annotation <c>egressagent.org/local-processes</c>.</summary>
    public LocalProcesses LocalProcesses { get; init; }
}

/// <summary>One entry of <c>spec.addresses</c>.</summary>
/// <param name="Address">The reserved address; a plain IP in the file is a /32 or /128.</param>
/// <param name="Gateway">Of the same family; null when it is to be inferred from the master's default route.</param>
public sealed record AddressSpec(InterfaceAddress Address, IPAddress? Gateway);

/// <summary>One entry of <c>spec.redirect.redirectRules</c>, with <c>targetPort</c> filled in.</summary>
/// <param name="Protocol">The transport that the rule takes.</param>
/// <param name="Port">The port on the router's inside address.</param>
/// <param name="Destination">A unicast address of a family for which the router has a reserved address.</param>
/// <param name="TargetPort">The port at the destination.</param>
public sealed record RedirectRuleSpec(TransportProtocol Protocol, ushort Port, IPAddress Destination, ushort TargetPort);

/// <summary>Who may use a router.</summary>
/// <param name="IncludesNode">The word <c>node</c>: the node's own processes, and whom it masquerades.</param>
/// <param name="Networks">Clients by their own address. With neither, nobody may.</param>
public sealed record ClientsSpec(bool IncludesNode, ValueList<IPNetwork> Networks)
{
    internal const string NodeWord = "node";

    /// <summary>The word and the networks, as a file lists them.</summary>
    public IEnumerable<string> Words => [.. IncludesNode ? [NodeWord] : ValueList<string>.Empty, .. Networks.Select(network => network.ToString())];

    /// <summary>What <see cref="Words"/> gave.</summary>
    /// <exception cref="FormatException">A word is no network.</exception>
    public static ClientsSpec OfWords(ValueList<string> words) =>
        new(words.Contains(NodeWord), words.Where(word => word != NodeWord).Select(IPNetwork.Parse).ToValueList());

    /// <summary>As it is written in a file: <c>node, 10.0.0.0/8</c>.</summary>
    public override string ToString() => string.Join(", ", Words);
}
