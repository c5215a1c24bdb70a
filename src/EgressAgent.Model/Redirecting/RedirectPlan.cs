using System.Net;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Redirecting;

/// <summary>
/// What arrives where goes where: a router's spec, compiled for a datapath. It says nothing about interfaces or routes, and
/// everything about which packet is let through and with which source. Equality is by value.
/// </summary>
public sealed record RedirectPlan
{
    public required RouterKey Key { get; init; }

    public required DatapathKind Datapath { get; init; }

    /// <summary>One entry for every family that the router serves.</summary>
    public required ValueList<FamilyRedirect> Families { get; init; }

    /// <summary>Unique by port and protocol, sorted by destination family, protocol and port.</summary>
    public required ValueList<RedirectRuleSpec> Rules { get; init; }

    /// <summary>Who may use the router; null when everyone may.</summary>
    public ValueList<IPNetwork>? Clients { get; init; }
}
