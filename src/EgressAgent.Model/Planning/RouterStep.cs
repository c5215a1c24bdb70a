using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Redirecting;

namespace EgressAgent.Model.Planning;

/// <summary>
/// One change of the kernel on the way from what is to what must be. Each is idempotent: doing it twice is doing it once, so an
/// interruption anywhere is mended by observing and planning again. <see cref="object.ToString"/> says it with all its values.
/// </summary>
public abstract record RouterStep
{
    private protected RouterStep()
    {
    }

    /// <summary>Whether it changes the kernel's configuration; else it only asks or tells the physical network.</summary>
    public virtual bool ChangesKernel => true;

    /// <summary>What is changed, in few words: steps about the same link, address, route, rule or setting have the same.</summary>
    public abstract string Thing { get; }

    /// <summary>The family that it is for alone; null when it is for the whole router.</summary>
    public virtual AddressFamily? Family => null;

    public abstract override string ToString();
}

/// <summary>Takes the router's interfaces out of a netns that lost its name, and closes what the agent holds of it.</summary>
/// <param name="Holders">Who else keeps it alive.</param>
public sealed record LetGoOfNetns(ValueList<string> Holders) : RouterStep
{
    public override string Thing => "the network namespace that lost its name";

    public override string ToString() =>
        $"remove {RouterNames.OutsideLink} and {RouterNames.InsideLink} from the network namespace that lost its name"
        + (Holders.Count == 0 ? "" : $" and that lives on as long as {string.Join(", ", Holders)} holds it");
}

/// <summary>Writes into the netns whose it is.</summary>
public sealed record MarkNetns(string Name) : RouterStep
{
    public override string Thing => $"the mark of network namespace {Name}";

    public override string ToString() => $"mark network namespace {Name} as this agent's";
}

/// <summary>Makes the netns.</summary>
public sealed record CreateNetns(string Name) : RouterStep
{
    public override string Thing => $"network namespace {Name}";

    public override string ToString() => $"create network namespace {Name}";
}

/// <summary>Makes the node refuse an inside network to its clients, except for the addresses in it that routers have.</summary>
public sealed record HoldInsideNetwork(IPNetwork Network) : RouterStep
{
    public override string Thing => $"route unreachable {Network}";

    public override AddressFamily? Family => Network.BaseAddress.AddressFamily;

    public override string ToString() => $"set route unreachable {Network}";
}

/// <summary>Writes a kernel setting in the netns.</summary>
public sealed record SetSysctl(SysctlEntry Entry) : RouterStep
{
    public override string Thing => Entry.Key;

    public override AddressFamily? Family => Entry.Key.StartsWith("net/ipv6/", StringComparison.Ordinal) ? AddressFamily.InterNetworkV6 : null;

    public override string ToString() => $"set {Entry}";
}

/// <summary>Puts a link that is there into the group by which the ruleset knows it.</summary>
public sealed record SetLinkGroup(string Link) : RouterStep
{
    public override string Thing => $"the group of {Link}";

    public override string ToString() => $"put {Link} into group {LinkGroups.All[Link]}";
}

/// <summary>Puts the redirect plan in force, filter included, in one transaction.</summary>
public sealed record ApplyRedirect(RedirectPlan Plan) : RouterStep
{
    public override string Thing => "the redirection with its packet filter";

    public override string ToString() => $"redirect: {Plan.Rules.Count} rules, {string.Join(", ", Plan.Families.Select(Describe))}";

    private static string Describe(FamilyRedirect family) =>
        family.Fallback is null
            ? $"{family.Inside} leaves as {family.Source}, anything else is rejected"
            : $"{family.Inside} leaves as {family.Source}, anything else goes to {family.Fallback}";
}

/// <summary>Has established flows that arrive by a link bypass the chains, from their next packet on.</summary>
public sealed record OffloadFlows(string Link) : RouterStep
{
    public override string Thing => $"flow offload of {Link}";

    public override string ToString() => $"offload established flows of {Link}";
}

/// <summary>Sets the netns's loopback up.</summary>
public sealed record SetLoopbackUp : RouterStep
{
    public override string Thing => "lo";

    public override string ToString() => "set lo up";
}

/// <summary>Deletes whatever carries the names of the veth pair, on either side.</summary>
public sealed record RemoveVeth(string NodeLink) : RouterStep
{
    public override string Thing => RouterNames.InsideLink;

    public override string ToString() => $"remove {NodeLink} and {RouterNames.InsideLink}";
}

/// <summary>Makes the veth pair, both ends in place.</summary>
public sealed record CreateVeth(DesiredVeth Veth) : RouterStep
{
    public override string Thing => RouterNames.InsideLink;

    public override string ToString() =>
        $"create veth {RouterNames.InsideLink} with node end {Veth.NodeLink} ({Veth.AltName}), MTU {Veth.Mtu}";
}

/// <summary>Brings an existing veth pair to its MTU and altname, and both ends up.</summary>
public sealed record ConfigureVeth(DesiredVeth Veth) : RouterStep
{
    public override string Thing => RouterNames.InsideLink;

    public override string ToString() => $"set {Veth.NodeLink} and {RouterNames.InsideLink} up, MTU {Veth.Mtu}";
}

/// <summary>Deletes the cable to the Services, both ends.</summary>
public sealed record RemoveServiceLink : RouterStep
{
    public override string Thing => RouterNames.ServiceLink;

    public override string ToString() => $"remove the link to the Services {RouterNames.ServiceLink}";
}

/// <summary>Makes the cable between the netns of Services, which is made too if it is missing, and the router's.</summary>
public sealed record CreateServiceLink(ServiceLink Link) : RouterStep
{
    public override string Thing => RouterNames.ServiceLink;

    public override string ToString() => $"create link to the Services {RouterNames.ServiceLink}, MTU {Link.Mtu}";
}

/// <summary>Brings an existing cable to its MTU, both ends up, and its outer end to its addresses and routes.</summary>
public sealed record ConfigureServiceLink(ServiceLink Link) : RouterStep
{
    public override string Thing => RouterNames.ServiceLink;

    public override string ToString() =>
        $"set {RouterNames.ServiceLink} up, MTU {Link.Mtu}; Services reach {string.Join(", ", Link.Families.Select(family => family.Inside))} over it";
}

/// <summary>Deletes the macvlan.</summary>
public sealed record RemoveMacvlan(string Why) : RouterStep
{
    public override string Thing => RouterNames.OutsideLink;

    public override string ToString() => $"remove {RouterNames.OutsideLink}: {Why}";
}

/// <summary>Makes the macvlan inside the netns, down, without an address, and behind the fence where that is wanted.</summary>
public sealed record CreateMacvlan(DesiredMacvlan Macvlan) : RouterStep
{
    public override string Thing => RouterNames.OutsideLink;

    public override string ToString() =>
        $"create macvlan {RouterNames.OutsideLink} on {Macvlan.Master}, mode {Macvlan.Mode}, "
        + $"MAC {Macvlan.Mac?.ToColonString() ?? "of the master"}, MTU {Macvlan.Mtu}";
}

/// <summary>Brings an existing macvlan to its mode, MAC and MTU, and up, but on a standby.</summary>
public sealed record ConfigureMacvlan(DesiredMacvlan Macvlan) : RouterStep
{
    public override string Thing => RouterNames.OutsideLink;

    public override string ToString() =>
        $"set {RouterNames.OutsideLink} {(Macvlan.IsUp ? "up, " : "")}mode {Macvlan.Mode}, MAC {Macvlan.Mac?.ToColonString() ?? "of the master"}, MTU {Macvlan.Mtu}";
}

/// <summary>Puts an existing macvlan behind the node's fence, or takes it out. Where that is refused the macvlan is set down.</summary>
public sealed record FenceMacvlan(bool IsFenced) : RouterStep
{
    public override string Thing => $"the fence of {RouterNames.OutsideLink}";

    public override string ToString() => IsFenced ? $"put {RouterNames.OutsideLink} behind the fence" : $"take {RouterNames.OutsideLink} out of the fence";
}

/// <summary>Marks the netns as that of a router which was claimed on this node, or takes the mark away.</summary>
public sealed record MarkClaim(bool IsClaimed) : RouterStep
{
    public override string Thing => RouterNames.ClaimMark;

    public override string ToString() => IsClaimed
        ? $"mark the network namespace as claimed: lo is {RouterNames.ClaimMark} too"
        : $"mark the network namespace as not claimed: lo is {RouterNames.ClaimMark} no more";
}

/// <summary>Sets the macvlan down and ends all flows of the router: another node may have its addresses.</summary>
public sealed record StandBy : RouterStep
{
    public override string Thing => RouterNames.OutsideLink;

    public override string ToString() => $"set {RouterNames.OutsideLink} down and end all flows, since the router is standby";
}

/// <summary>Sets the macvlan down, so that nothing leaves while its packet filter or its fence is not as it should be.</summary>
public sealed record CutOffMacvlan : RouterStep
{
    public override string Thing => RouterNames.OutsideLink;

    public override string ToString() => $"set {RouterNames.OutsideLink} down until its packet filter is repaired";
}

/// <summary>Adds an address that nobody outside the node sees.</summary>
public sealed record AddInsideAddress(AddressEntry Entry) : RouterStep
{
    public override string Thing => $"address {Entry}";

    public override AddressFamily? Family => Entry.Address.Family;

    public override string ToString() => $"add address {Entry}";
}

/// <summary>
/// Makes sure that no other host holds a reserved address, and takes it. Fails with the holder's MAC when one does. IPv6 leaves
/// the question to the kernel's duplicate address detection.
/// </summary>
public sealed record ClaimAddress(AddressEntry Entry, PriorHolderCheck Check) : RouterStep
{
    /// <summary>The gateway of the address's family, since it may be the holder; null when none is known.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>Whether Services are reached there; nothing of the router's own leaves from it.</summary>
    public bool IsExternal { get; init; }

    public override string Thing => $"address {Entry}";

    public override AddressFamily? Family => Entry.Address.Family;

    public override string ToString() => Check == PriorHolderCheck.Probe ? $"probe for and claim address {Entry}" : $"claim address {Entry}";
}

/// <summary>Takes an address away.</summary>
public sealed record RemoveAddress(AddressEntry Entry) : RouterStep
{
    public override string Thing => $"address {Entry}";

    public override AddressFamily? Family => Entry.Address.Family;

    public override string ToString() => $"remove address {Entry}";
}

/// <summary>Adds a route, or changes what is there for the same destination and table.</summary>
public sealed record SetRoute(RouteEntry Entry) : RouterStep
{
    public override string Thing => Entry.Thing;

    public override AddressFamily? Family => Entry.Destination.BaseAddress.AddressFamily;

    public override string ToString() => $"set route {Entry}";
}

/// <summary>Deletes a route.</summary>
public sealed record RemoveRoute(RouteEntry Entry) : RouterStep
{
    public override string Thing => Entry.Thing;

    public override AddressFamily? Family => Entry.Destination.BaseAddress.AddressFamily;

    public override string ToString() => $"remove route {Entry}";
}

/// <summary>Adds a policy rule.</summary>
public sealed record AddRule(RuleEntry Entry) : RouterStep
{
    public override string Thing => $"rule {Entry.Priority} of {(Entry.Family == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4")}";

    public override AddressFamily? Family => Entry.Family;

    public override string ToString() => $"add rule {Entry}";
}

/// <summary>Deletes a policy rule.</summary>
public sealed record RemoveRule(RuleEntry Entry) : RouterStep
{
    public override string Thing => $"rule {Entry.Priority} of {(Entry.Family == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4")}";

    public override AddressFamily? Family => Entry.Family;

    public override string ToString() => $"remove rule {Entry}";
}

/// <summary>
/// Begins to hear who else uses the router's addresses on the physical network, and only these. Where others are looked for, they are
/// also asked for, now and then: who says nothing is not heard.
/// </summary>
public sealed record HearOthers(ValueList<IPAddress> Addresses, PriorHolderCheck Check) : RouterStep
{
    public override string Thing => $"hearing on {RouterNames.OutsideLink}";

    public override bool ChangesKernel => false;

    public override string ToString() => $"hear who else has {string.Join(", ", Addresses)}";
}

/// <summary>Begins to ask the gateways, and only these, whether they are there: at once, and again and again while there is no traffic.</summary>
public sealed record AskGateways(ValueList<IPAddress> Gateways) : RouterStep
{
    /// <summary>Whether every few seconds, as another node may serve where they do not answer.</summary>
    public bool IsOften { get; init; }

    public override string Thing => $"asking on {RouterNames.OutsideLink}";

    public override bool ChangesKernel => false;

    public override string ToString() =>
        Gateways.Count == 0 ? "ask no gateway any more" : $"ask whether the gateway is there: {string.Join(", ", Gateways)}";
}

/// <summary>Asks the physical network whether another host still uses an address of the router.</summary>
public sealed record RecheckAddress(IPAddress Address) : RouterStep
{
    /// <inheritdoc cref="ClaimAddress.Gateway"/>
    public IPAddress? Gateway { get; init; }

    public override string Thing => $"address {Address} on {RouterNames.OutsideLink}";

    public override bool ChangesKernel => false;

    public override AddressFamily? Family => Address.AddressFamily;

    public override string ToString() => $"ask who else has {Address}";
}

/// <summary>Tells the neighbours on the physical network where an address lives now.</summary>
public sealed record Announce(IPAddress Address) : RouterStep
{
    /// <summary>Whether another node may have had it until now: who it was, switches and neighbours remember.</summary>
    public bool IsTakeover { get; init; }

    public override string Thing => $"address {Address} on {RouterNames.OutsideLink}";

    public override bool ChangesKernel => false;

    public override AddressFamily? Family => Address.AddressFamily;

    public override string ToString() => $"announce {Address} on {RouterNames.OutsideLink}";
}

/// <summary>Deletes the netns, or a name that holds none.</summary>
public sealed record DeleteNetns(string Name, bool IsStaleName = false) : RouterStep
{
    public override string Thing => $"network namespace {Name}";

    public override string ToString() => IsStaleName ? $"remove the name {Name}, which holds no network namespace" : $"delete network namespace {Name}";
}
