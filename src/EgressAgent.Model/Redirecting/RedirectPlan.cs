using System.Net;
using System.Net.Sockets;
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

    /// <summary>Of which flows records are made.</summary>
    public FlowLogMode FlowLog { get; init; }

    /// <summary>Whether processes in the router's netns may send from the reserved addresses.</summary>
    public LocalProcesses LocalProcesses { get; init; }

    /// <summary>Whether established flows bypass the chains, through a flowtable.</summary>
    public bool OffloadsFlows { get; init; }

    /// <summary>Whether clients come by Services too.</summary>
    public bool IsBehindService { get; init; }

    /// <summary>Where other machines of the physical network reach the router; reserved addresses may be among them.</summary>
    public ValueList<IPAddress> ExternalAddresses { get; init; } = [];

    /// <summary>What of the external addresses is open.</summary>
    public ValueList<ExternalRedirect> ExternalPorts { get; init; } = [];

    /// <summary>The port by which a rule knows a flow that arrived there.</summary>
    public int RulePortOf(string protocol, IPEndPoint arrived) => ExternalPorts
        .FirstOrDefault(external => external.Port.Address.Equals(arrived.Address) && external.Port.Port == arrived.Port && external.Port.Protocol.ToString() == protocol)
        ?.Port.TargetPort ?? arrived.Port;
}

/// <summary>The addresses of one family that a redirect works with.</summary>
/// <param name="Inside">Where clients reach the router.</param>
/// <param name="Source">The reserved address that destinations see.</param>
/// <param name="Reserved">All reserved addresses of the family, <paramref name="Source"/> first.</param>
/// <param name="Fallback">Where everything goes that no rule takes; null when it is rejected.</param>
public sealed record FamilyRedirect(IPAddress Inside, IPAddress Source, ValueList<IPAddress> Reserved, IPAddress? Fallback)
{
    public AddressFamily Family => Inside.AddressFamily;
}
