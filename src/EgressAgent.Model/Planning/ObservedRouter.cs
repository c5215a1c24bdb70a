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

    /// <summary>Who keeps that one alive, besides the agent: <c>process 4242 (sleep)</c>.</summary>
    public ValueList<string> NamelessHolders { get; init; } = [];

    /// <summary>
    /// Why a name of the router's is not this agent's to use, and what to do about it; null when nobody else has one. Then nothing else
    /// is known of what has it.
    /// </summary>
    public string? WhyForeign { get; init; }

    /// <summary>Whether the netns does not carry the mark by which its agent knows it again.</summary>
    public bool IsUnmarked { get; init; }

    /// <summary>Whether the netns bears the mark of a claim (<see cref="RouterNames.ClaimMark"/>).</summary>
    public bool IsClaimed { get; init; }

    public bool IsLoopbackUp { get; init; }

    /// <summary>Null when either end is missing.</summary>
    public ObservedVeth? Veth { get; init; }

    /// <summary>Whether an end of the veth is there without the other, or an interface of its name that is something else.</summary>
    public bool HasStrayVethEnd { get; init; }

    public ObservedMacvlan? Macvlan { get; init; }

    /// <summary>The links of <see cref="LinkGroups.All"/> that are there and not in their group.</summary>
    public ValueList<string> Ungrouped { get; init; } = [];

    /// <summary>The cable to the Services, with what is right of it; null when either end is missing.</summary>
    public ServiceLink? ServiceLink { get; init; }

    /// <summary>Whether there is an interface of its name all the same.</summary>
    public bool HasStrayServiceLinkEnd { get; init; }

    /// <summary>The networks that the node refuses to its clients where no router has the address; those of other routers too.</summary>
    public ValueList<IPNetwork> HeldNetworks { get; init; } = [];

    /// <summary>The plan that the datapath has in force, untouched by others; null when it has none, or it is not known.</summary>
    public RedirectPlan? Redirect { get; init; }

    /// <summary>What <see cref="Redirect"/> asks for and its datapath cannot do here; the rest of it is in force.</summary>
    public ValueList<PlanProblem> Shortcomings { get; init; } = [];

    /// <summary>The links whose established flows bypass the chains; null where <see cref="Redirect"/> does not ask for it.</summary>
    public ValueList<string>? OffloadedLinks { get; init; }

    /// <summary>The settings that a router cares for, as they are.</summary>
    public ValueList<SysctlEntry> Sysctls { get; init; } = [];

    /// <summary>
    /// Those that the agent put there, without loopback and IPv6 link-local ones. Those whose duplicate detection failed are in
    /// <see cref="DuplicateAddresses"/>.
    /// </summary>
    public ValueList<AddressEntry> Addresses { get; init; } = [];

    /// <summary>Addresses that do not say who put them there, where none does: an earlier version of the agent did.</summary>
    public ValueList<AddressEntry> UnmarkedAddresses { get; init; } = [];

    /// <summary>IPv6 addresses that the kernel found in use by another host (IFA_F_DADFAILED).</summary>
    public ValueList<AddressEntry> DuplicateAddresses { get; init; } = [];

    /// <summary>For which addresses of the macvlan other hosts are heard.</summary>
    public ValueList<IPAddress> Heard { get; init; } = [];

    /// <summary>Which gateways are asked by the macvlan, again and again, whether they are there.</summary>
    public ValueList<IPAddress> AskedGateways { get; init; } = [];

    /// <summary>Addresses that the router holds and another host uses too.</summary>
    public ValueList<ContestedAddress> Contested { get; init; } = [];

    /// <summary>
    /// Addresses that the router holds and that something with its own MAC was heard to have, which may have been its own voice, or for which
    /// somebody answered.
    /// </summary>
    public ValueList<IPAddress> Suspected { get; init; } = [];

    /// <summary>The addresses for which the kernel still asks the network for another holder (IFA_F_TENTATIVE).</summary>
    public ValueList<AddressEntry> Tentative { get; init; } = [];

    /// <summary>Whether it still does so on the node's end of the veth, and the node cannot ask for the router's inside address.</summary>
    public bool IsNodeEndDetecting { get; init; }

    /// <summary>
    /// Addresses of the macvlan that its network is to be told of now: it was not yet, by this run of the agent, since the link last
    /// came up, or it is time for the repetition. Link-local ones may be among them.
    /// </summary>
    public ValueList<IPAddress> Unannounced { get; init; } = [];

    /// <summary>When the next address is to be announced again; null when none is.</summary>
    public TimeSpan? NextAnnouncement { get; init; }

    /// <summary>Of the main and the return table, whoever made them; without IPv6 link-local and multicast ones.</summary>
    public ValueList<RouteEntry> Routes { get; init; } = [];

    /// <summary>With those that every netns begins with (<see cref="RuleEntry.BuiltIn"/>).</summary>
    public ValueList<RuleEntry> Rules { get; init; } = [];

    /// <summary>The gateways of the default routes over the macvlan.</summary>
    public IEnumerable<IPAddress> DefaultGateways => Routes.Where(route => route.IsOutsideDefault).Select(route => route.Gateway!);

    /// <summary>Whether the router is not ready, since the network is asked for more than the addresses that it can serve without.</summary>
    /// <param name="external">Those.</param>
    public bool IsDetectingDuplicatesBeside(ValueList<AddressEntry> external) => IsNodeEndDetecting || !Tentative.All(external.Contains);

    /// <summary>Whether nothing at all of the router is there.</summary>
    public bool IsNothing => !HasNetns && !HasNamelessNetns && !HasStaleName && Veth is null && !HasStrayVethEnd;
}
