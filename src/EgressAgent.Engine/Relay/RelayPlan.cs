using System.Net;
using EgressAgent.Model;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>What a relay is to do: what arrives where goes where, from which address.</summary>
public sealed record RelayPlan
{
    /// <summary>At most one of each address family.</summary>
    public required ValueList<RelayFamily> Families { get; init; }

    /// <summary>Unique by protocol and port. A rule belongs to the family of its destination.</summary>
    public ValueList<RedirectRuleSpec> Rules { get; init; } = [];

    /// <summary>Who may use the relay; null for everyone. Others are refused.</summary>
    public ValueList<IPNetwork>? Clients { get; init; }

    /// <summary>
    /// The interface, in the router's network namespace, by which clients come in; what comes in by another one is left to the
    /// kernel, which refuses it. Null takes it by any. The accepted sockets are bound to it, so what the namespace sends from
    /// an inside address must have a route by it to wherever clients are (<c>ip rule from INSIDE</c>).
    /// </summary>
    public string? InsideInterface { get; init; }
}
