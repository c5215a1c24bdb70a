using System.Net;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Configuration;

/// <summary>The agent's settings, from <c>/etc/egress-agentd/agentd.yaml</c>. Every field has a default.</summary>
public sealed record AgentConfiguration
{
    public static readonly AgentConfiguration Default = new();

    /// <summary>Where routers get the addresses at which clients reach them: at most one network per family.</summary>
    public ValueList<IPNetwork> InsideNetworks { get; init; } = [IPNetwork.Parse("198.18.0.0/16"), IPNetwork.Parse("fd96:e9e5:a::/112")];

    /// <summary>Where services get their addresses: at most one network per family.</summary>
    public ValueList<IPNetwork> ServiceNetworks { get; init; } = [IPNetwork.Parse("198.19.0.0/16"), IPNetwork.Parse("fd96:e9e5:b::/112")];

    /// <summary>The datapath of routers that do not choose one.</summary>
    public DatapathKind Datapath { get; init; } = DatapathKind.Kernel;

    /// <summary>Whether to probe for another holder before an IPv4 address is claimed (RFC 5227).</summary>
    public bool AddressConflictDetection { get; init; } = true;

    /// <summary>Who may use the routers that do not say who may; null when everyone may.</summary>
    public ClientsSpec? Clients { get; init; }

    /// <summary>The flow log of routers that do not choose one.</summary>
    public FlowLogMode FlowLog { get; init; } = FlowLogMode.None;

    /// <summary>How long relayed connections may finish after the agent was told to stop.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
