using System.Globalization;
using System.Text.Json.Serialization;
using EgressAgent.Model;

namespace EgressAgent.Control.Agent;

/// <summary>The agent and its routers. This and the other views are what <c>--json</c> prints: egressctl(1), schema/egressctl.schema.json.</summary>
internal sealed record AgentView(string Version, string State, IReadOnlyList<RouterView> Routers, IReadOnlyList<FaultView> Faults);

/// <summary>A router as it is now.</summary>
internal sealed record RouterView
{
    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required string State { get; init; }

    /// <summary><c>none</c>, <c>standby</c> or <c>holder</c>.</summary>
    public required string Failover { get; init; }

    /// <summary>The node of the cluster that holds it; empty where none does, or no cluster agrees about it.</summary>
    public required string Holder { get; init; }

    /// <summary>The nodes of the cluster that are there and do not.</summary>
    public required IReadOnlyList<string> Standbys { get; init; }

    /// <summary>What an operator should know first.</summary>
    public required string Message { get; init; }

    public required string File { get; init; }

    public required long Line { get; init; }

    public required ulong Generation { get; init; }

    public required string Datapath { get; init; }

    /// <summary><c>off</c>, <c>on</c> or <c>refused</c>.</summary>
    public required string FlowOffload { get; init; }

    /// <summary>Why it is refused; empty otherwise.</summary>
    public required string WhyNoFlowOffload { get; init; }

    public required string NetworkNamespace { get; init; }

    public required string Master { get; init; }

    public required string MacAddress { get; init; }

    public required IReadOnlyList<string> InsideAddresses { get; init; }

    public required IReadOnlyList<string> SourceAddresses { get; init; }

    public required IReadOnlyList<string> Gateways { get; init; }

    public required IReadOnlyList<string> Fallback { get; init; }

    public required IReadOnlyList<RuleView> Rules { get; init; }

    /// <summary>Left out where they are not known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CountersView? Counters { get; init; }

    public required IReadOnlyList<ConditionView> Conditions { get; init; }

    [JsonIgnore]
    public RouterKey Key => new(Namespace, Name);

    /// <summary>The state, and what this node is to the router where that is not said yet.</summary>
    [JsonIgnore]
    public string Standing => Failover is "none" or "" ? State
        : Failover != State ? $"{State}, {Failover}"
        : Holder == "" ? State : $"{State} of {Holder}";

    [JsonIgnore]
    public bool IsWell => State is "active" or "configuring" or "removing" or "standby";
}

/// <summary>A rule, and what it has carried so far.</summary>
internal sealed record RuleView(string Protocol, ushort Port, string Destination, ushort TargetPort, ulong Connections, ulong Bytes);

/// <summary>What a router has counted so far, also under earlier agents.</summary>
internal sealed record CountersView
{
    public required ulong BytesToDestination { get; init; }

    public required ulong BytesToClient { get; init; }

    /// <summary>The relay counts none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ulong? PacketsToDestination { get; init; }

    /// <inheritdoc cref="PacketsToDestination"/>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ulong? PacketsToClient { get; init; }

    public required ulong FallbackConnections { get; init; }

    public required RefusedView Refused { get; init; }

    /// <summary>The kernel datapath has no sockets.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DroppedView? Dropped { get; init; }

    public required ulong PortAllocationFailures { get; init; }
}

/// <summary>What was turned away, by reason.</summary>
internal sealed record RefusedView(ulong NoRule, ulong NotInClients, ulong Limit);

/// <summary>What sockets had no room for, by reason: datagrams and, of the listen queue, packets of new TCP connections.</summary>
internal sealed record DroppedView(ulong ReceiveBuffer, ulong SendBuffer, ulong ListenQueue);

/// <summary>A Service as it is now.</summary>
internal sealed record ServiceView
{
    public required string Namespace { get; init; }

    public required string Name { get; init; }

    /// <summary><c>available</c>, <c>degraded</c> where clients are served but something is wrong, or <c>unavailable</c>.</summary>
    public required string State { get; init; }

    /// <summary>What an operator should know first.</summary>
    public required string Message { get; init; }

    public required string File { get; init; }

    public required ulong Generation { get; init; }

    public required IReadOnlyList<string> ClusterIPs { get; init; }

    public required IReadOnlyList<string> ExternalIPs { get; init; }

    /// <summary>Which router holds which of them.</summary>
    public required IReadOnlyList<ExternalHolderView> ExternalHolders { get; init; }

    public required IReadOnlyList<ServicePortView> Ports { get; init; }

    public required IReadOnlyList<ServiceRouterView> Routers { get; init; }

    public required IReadOnlyList<ConditionView> Conditions { get; init; }

    [JsonIgnore]
    public string Title => $"{Namespace}/{Name}";

    [JsonIgnore]
    public bool IsWell => State == "available";
}

/// <summary>A port of a Service, and the one of the routers that it leads to.</summary>
internal sealed record ServicePortView(string Name, string Protocol, ushort Port, ushort TargetPort);

/// <summary>A router that holds an external address.</summary>
internal sealed record ExternalHolderView(string Address, string Namespace, string Name);

/// <summary>A router that a Service selects.</summary>
internal sealed record ServiceRouterView(string Namespace, string Name, string State, bool IsAvailable);

/// <summary>As in the custom resource's status.</summary>
internal sealed record ConditionView(string Type, string Status, string Reason, string Message, DateTime LastTransitionTime);

/// <summary>What is wrong in a file.</summary>
internal sealed record FaultView(string File, uint Line, uint Column, string Field, string Message)
{
    /// <summary>As <c>egress-agentd check</c> prints it.</summary>
    public override string ToString()
    {
        string place = Line == 0 ? File : string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}:{Column}");
        return Field.Length == 0 ? $"{place}: {Message}" : $"{place}: {Field}: {Message}";
    }
}

/// <summary>A connection through a router.</summary>
internal sealed record FlowView(
    string Router, string Protocol, string Client, string Inside, string Source, string Destination, ulong BytesTo, ulong BytesFrom);

/// <summary>Who was behind a source of flows at some time.</summary>
/// <param name="Source">As it was asked for: <c>192.168.12.99:41022/tcp</c>.</param>
/// <param name="At">When.</param>
/// <param name="Flows">Those that were there.</param>
/// <param name="Nearest">Where there are none, the last one before and the first one after.</param>
/// <param name="Notes">What one has to know of it, in sentences.</param>
internal sealed record WhoView(
    string Source, DateTime At, IReadOnlyList<FoundFlowView> Flows, IReadOnlyList<FoundFlowView> Nearest, IReadOnlyList<string> Notes);

/// <summary>A flow of a <see cref="WhoView"/>. What does not apply is empty, a time left out.</summary>
internal sealed record FoundFlowView
{
    public required string Router { get; init; }

    public required string Rule { get; init; }

    public required string Protocol { get; init; }

    public required string Client { get; init; }

    public required string Unit { get; init; }

    public required string Container { get; init; }

    public required string Masqueraded { get; init; }

    public required string Source { get; init; }

    public required string Destination { get; init; }

    /// <summary><c>ended</c>, <c>living</c>, or <c>unknown</c> where no end was recorded.</summary>
    public required string State { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTime? Start { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTime? End { get; init; }

    public required ulong BytesTo { get; init; }

    public required ulong BytesFrom { get; init; }
}

/// <summary>What became of a router at some time.</summary>
internal sealed record EventView(string Router, DateTime Time, ulong Generation, string State, string Reason, string Message);

/// <summary>What would become of a packet.</summary>
internal sealed record ExplanationView(string Router, string Packet, IReadOnlyList<AnswerView> Answers);

/// <summary>The same for one family.</summary>
internal sealed record AnswerView(
    string Fate, string Client, string Inside, string Rule, string Source, string Destination, IReadOnlyList<string> Why);

internal sealed record ServicesView(IReadOnlyList<ServiceView> Services);

internal sealed record FlowsView(IReadOnlyList<FlowView> Flows);

internal sealed record EventsView(IReadOnlyList<EventView> Events);
