using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Status;

/// <summary>A router behind a Service.</summary>
/// <param name="Key">The router.</param>
/// <param name="State">Its state; pending while nothing is known of it.</param>
/// <param name="IsAvailable">Whether new connections go there.</param>
public sealed record ServiceRouter(RouterKey Key, RouterState State, bool IsAvailable)
{
    /// <summary>Its inside addresses to which new connections go, from the Service's address of their family.</summary>
    public ValueList<IPAddress> Targets { get; init; } = [];

    /// <summary>The families whose gateway does not answer it, or is the node itself.</summary>
    public ValueList<AddressFamily> CutOff { get; init; } = [];
}

/// <summary>An external address that a Service asks for.</summary>
/// <param name="Address">The address.</param>
/// <param name="Holder">The router that holds it for the Service; null while none does.</param>
public sealed record ExternalAddress(IPAddress Address, RouterKey? Holder)
{
    /// <summary>Why it does not work, or not reliably; null when nothing is known.</summary>
    public PlanProblem? Problem { get; init; }
}

/// <summary>A Service at a moment. Immutable; equality is by value.</summary>
public sealed record ServiceStatus
{
    public required ResourceKey Id { get; init; }

    /// <summary>The file that its present spec came from.</summary>
    public required string File { get; init; }

    /// <summary>Counts the specs that were accepted, from 1; it goes on across restarts.</summary>
    public long Generation { get; init; }

    /// <summary>Its addresses; none of a headless one.</summary>
    public ValueList<IPAddress> ClusterAddresses { get; init; } = [];

    /// <summary>Addresses of the physical network at which other machines reach it.</summary>
    public ValueList<ExternalAddress> ExternalAddresses { get; init; } = [];

    public ValueList<ServicePortSpec> Ports { get; init; } = [];

    /// <summary>Whether a client's connections stay with one router.</summary>
    public bool IsByClient { get; init; }

    /// <summary>Those that it selects, by key.</summary>
    public ValueList<ServiceRouter> Routers { get; init; } = [];

    /// <summary>Available, Progressing and Degraded, in that order.</summary>
    public required ValueList<Condition> Conditions { get; init; }

    public Condition Condition(ConditionType type) => Conditions.First(condition => condition.Type == type);
}

/// <summary>A Service became another, or came or went.</summary>
/// <param name="Id">The Service.</param>
/// <param name="Before">Null when it is new.</param>
/// <param name="After">Null when it is gone.</param>
public sealed record ServiceTransition(ResourceKey Id, ServiceStatus? Before, ServiceStatus? After);
