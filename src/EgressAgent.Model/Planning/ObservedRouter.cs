using System.Net;
using EgressAgent.Model.Redirecting;

namespace EgressAgent.Model.Planning;

/// <summary>What the kernel has of one router. Everything in its netns is the router's, and on the node what hangs on its veth.</summary>
public sealed record ObservedRouter
{
    /// <summary>A router of which nothing is there.</summary>
    public static readonly ObservedRouter Nothing = new();

    public bool HasNetns { get; init; }

    /// <summary>Whether the netns' name is there without a namespace behind it, as after an unmount.</summary>
    public bool HasStaleName { get; init; }

    /// <summary>Whether the agent still holds a netns of the router's that lost its name, or was replaced under it.</summary>
    public bool HasNamelessNetns { get; init; }

    public bool IsLoopbackUp { get; init; }

    /// <summary>Null when either end is missing.</summary>
    public ObservedVeth? Veth { get; init; }

    /// <summary>Whether an end of the veth is there without the other, or an interface of its name that is something else.</summary>
    public bool HasStrayVethEnd { get; init; }

    public ObservedMacvlan? Macvlan { get; init; }

    /// <summary>The networks that the node refuses to its clients where no router has the address; those of other routers too.</summary>
    public ValueList<IPNetwork> HeldNetworks { get; init; } = [];

    /// <summary>The plan that the datapath has in force, untouched by others; null when it has none, or it is not known.</summary>
    public RedirectPlan? Redirect { get; init; }

    /// <summary>What <see cref="Redirect"/> asks for and its datapath cannot do here; the rest of it is in force.</summary>
    public ValueList<PlanProblem> Shortcomings { get; init; } = [];

    /// <summary>The settings that a router cares for, as they are.</summary>
    public ValueList<SysctlEntry> Sysctls { get; init; } = [];

    /// <summary>Without loopback and IPv6 link-local ones. Those whose duplicate detection failed are in <see cref="DuplicateAddresses"/>.</summary>
    public ValueList<AddressEntry> Addresses { get; init; } = [];

    /// <summary>IPv6 addresses that the kernel found in use by another host (IFA_F_DADFAILED).</summary>
    public ValueList<AddressEntry> DuplicateAddresses { get; init; } = [];

    /// <summary>For which addresses of the macvlan other hosts are heard.</summary>
    public ValueList<IPAddress> Heard { get; init; } = [];

    /// <summary>Addresses that the router holds and another host uses too.</summary>
    public ValueList<ContestedAddress> Contested { get; init; } = [];

    /// <summary>Whether the kernel still asks the network for another holder of an IPv6 address (IFA_F_TENTATIVE).</summary>
    public bool IsDetectingDuplicates { get; init; }

    /// <summary>
    /// Addresses of the macvlan that its network is to be told of now: it was not yet, by this run of the agent, since the link last
    /// came up, or it is time for the repetition. Link-local ones may be among them.
    /// </summary>
    public ValueList<IPAddress> Unannounced { get; init; } = [];

    /// <summary>When the next address is to be announced again; null when none is.</summary>
    public TimeSpan? NextAnnouncement { get; init; }

    /// <summary>Of the main and the return table; without IPv6 link-local and multicast ones.</summary>
    public ValueList<RouteEntry> Routes { get; init; } = [];

    /// <summary>With those that every netns begins with (<see cref="RuleEntry.BuiltIn"/>).</summary>
    public ValueList<RuleEntry> Rules { get; init; } = [];

    /// <summary>Whether nothing at all of the router is there.</summary>
    public bool IsNothing => !HasNetns && !HasNamelessNetns && !HasStaleName && Veth is null && !HasStrayVethEnd;
}
