using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>
/// The steps from what is to what must be, in an order in which no packet ever leaves with another source: the filter stands
/// before there is an interface but loopback, addresses that the network sees come last, and what is not wanted goes before what
/// is.
/// </summary>
public static class RouterDiff
{
    /// <summary>The steps that bring <paramref name="observed"/> to <paramref name="desired"/>; none when it is there.</summary>
    /// <param name="desired">What must be.</param>
    /// <param name="observed">What is.</param>
    /// <param name="check">What to do before a reserved address is claimed.</param>
    /// <param name="former">The gateways that the agent gave it before, where they are known.</param>
    public static IReadOnlyList<RouterStep> Build(
        DesiredRouter desired, ObservedRouter observed, PriorHolderCheck check, IEnumerable<IPAddress>? former = null)
    {
        List<RouterStep> steps = [.. desired.InsideNetworks.Except(observed.HeldNetworks).Select(network => new HoldInsideNetwork(network))];
        if (observed.HasNamelessNetns)
        {
            steps.Add(new LetGoOfNetns(observed.NamelessHolders));
        }

        if (observed.WhyForeign is not null)
        {
            return steps;
        }

        if (!observed.HasNetns)
        {
            steps.Add(new CreateNetns(RouterNames.Netns(desired.Key)));
        }
        else if (observed.IsUnmarked)
        {
            steps.Add(new MarkNetns(RouterNames.Netns(desired.Key)));
        }

        AddRole(desired.Role, observed, steps);

        List<SetSysctl> settings = [.. MissingSysctls(desired, observed)];
        steps.AddRange(settings.Where(step => !RouterSysctls.IsAfterFilter(step.Entry)));

        // Loopback brings the netns its first routing table. Without one every address passes for broadcast, and a socket of the
        // relay that is bound to it would answer from another.
        if (!observed.IsLoopbackUp)
        {
            steps.Add(new SetLoopbackUp());
        }

        // Before a ruleset that goes by them. Where an earlier version of the agent built the router, its own one goes by names, and lets
        // flows pass until this one takes its place.
        steps.AddRange(observed.Ungrouped.Select(link => new SetLinkGroup(link)));

        if (observed.Redirect != desired.Redirect)
        {
            steps.Add(new ApplyRedirect(desired.Redirect));
        }

        steps.AddRange(settings.Where(step => RouterSysctls.IsAfterFilter(step.Entry)));

        // The plan before still let flows leave with an address that is given up here.
        AddUnwantedAddresses(desired, observed, steps);

        // The kernel drops an interface's addresses and routes with the interface, so what was seen on it no longer counts.
        bool keepsVeth = AddVeth(desired.Veth, observed, steps);
        bool keepsMacvlan = AddMacvlan(desired.Macvlan, observed.Macvlan, steps);
        bool keepsServiceLink = AddServiceLink(desired.ServiceLink, observed, steps);
        HashSet<string> keptLinks = [.. KeptLinks(desired, keepsVeth, keepsMacvlan, keepsServiceLink)];
        HashSet<AddressEntry> addresses = [.. observed.Addresses.Where(entry => keptLinks.Contains(entry.Link))];

        // A link that is made anew is in no flowtable. One that is not known to be in force has none yet: the next look shows.
        if (observed.OffloadedLinks is { } offloaded)
        {
            steps.AddRange(desired.OffloadedLinks.Where(link => !keptLinks.Contains(link) || !offloaded.Contains(link)).Select(link => new OffloadFlows(link)));
        }

        steps.AddRange(desired.InsideAddresses.Where(entry => !addresses.Contains(entry)).Select(entry => new AddInsideAddress(entry)));
        AddRules(desired, observed, steps);

        List<AddressEntry> claims = [.. desired.ClaimedAddresses.Where(entry => !addresses.Contains(entry))];
        steps.AddRange(claims.Select(entry => new ClaimAddress(entry, check)
        {
            Gateway = desired.GatewayOf(entry.Address.Family),
            IsExternal = desired.ExternalAddresses.Contains(entry),
        }));
        AddRoutes(desired, observed.Routes.Where(entry => keptLinks.Contains(entry.Link)), addresses, former?.ToHashSet(), steps);
        if (desired.Role == FailoverRole.Standby)
        {
            return steps;
        }

        ValueList<IPAddress> heard = desired.ClaimedAddresses.Select(entry => entry.Address.Address).ToValueList();
        if (claims.Count == 0 && !heard.ToHashSet().SetEquals(observed.Heard))
        {
            steps.Add(new HearOthers(heard, check));
        }

        IEnumerable<IPAddress> announced = desired.ClaimedAddresses
            .Where(entry => claims.Contains(entry) || observed.Unannounced.Contains(entry.Address.Address)).Select(entry => entry.Address.Address);
        IEnumerable<IPAddress> defended = observed.Contested.Where(contest => contest.IsDefenceDue).Select(contest => contest.Address);
        steps.AddRange(announced.Union(defended).Select(address => new Announce(address) { IsTakeover = desired.Role == FailoverRole.Holder }));
        IEnumerable<IPAddress> asked = observed.Contested.Where(contest => contest.IsRecheckDue).Select(contest => contest.Address).Union(observed.Suspected);
        steps.AddRange(asked.Select(address => new RecheckAddress(address) { Gateway = desired.GatewayOf(address.AddressFamily) }));

        // Without a carrier nobody answers, which says nothing of the gateway.
        ValueList<IPAddress> gateways = observed.Macvlan is { HasCarrier: true } ? desired.Gateways.ToValueList() : [];
        if (keepsMacvlan && claims.Count == 0 && !gateways.Equals(observed.AskedGateways))
        {
            steps.Add(new AskGateways(gateways) { IsOften = desired.Macvlan.IsFenced });
        }

        return steps;
    }

    /// <summary>The steps to take in place of <paramref name="steps"/> when those are put off: a router without its packet filter or its fence is cut off.</summary>
    public static IReadOnlyList<RouterStep> PutOff(IReadOnlyList<RouterStep> steps, ObservedRouter observed) =>
        observed.Macvlan is { IsUp: true } && steps.Any(step => step is ApplyRedirect or FenceMacvlan { IsFenced: true }) ? [new CutOffMacvlan()] : [];

    /// <summary>The steps by which a router that is not built further gives up what it claimed for Services alone.</summary>
    /// <param name="reserved">What it is to claim for itself.</param>
    /// <param name="settled">What was in force last, by this agent: what was reserved before stays too.</param>
    /// <param name="ports">The ports of Services that lead to it.</param>
    /// <param name="observed">What is.</param>
    public static IReadOnlyList<RouterStep> GiveUpExternal(
        IEnumerable<IPAddress> reserved, DesiredRouter? settled, IEnumerable<ExternalPort> ports, ObservedRouter observed) =>
    [
        .. observed.Addresses
            .Where(entry => entry.Link == RouterNames.OutsideLink && !reserved.Contains(entry.Address.Address))
            .Where(entry => ports.Any(port => port.Address.Equals(entry.Address.Address)) || (entry.Address.IsSingleHost && settled?.ReservedAddresses.Contains(entry) != true))
            .Select(entry => new RemoveAddress(entry)),
    ];

    /// <summary>The steps that leave nothing of a router; none when nothing is there.</summary>
    public static IReadOnlyList<RouterStep> Remove(RouterKey key, ObservedRouter observed)
    {
        List<RouterStep> steps = [];
        if (observed.HasNamelessNetns)
        {
            steps.Add(new LetGoOfNetns(observed.NamelessHolders));
        }

        if (observed.Macvlan is not null)
        {
            steps.Add(new RemoveMacvlan("the router is removed"));
        }

        if (observed.Veth is not null || observed.HasStrayVethEnd)
        {
            steps.Add(new RemoveVeth(RouterNames.NodeLink(key)));
        }

        if (observed.HasNetns || observed.HasStaleName)
        {
            steps.Add(new DeleteNetns(RouterNames.Netns(key), observed.HasStaleName));
        }

        return steps;
    }

    // Silence is the first thing of all. What is left on a macvlan that is down says that somebody else has silenced it.
    private static void AddRole(FailoverRole role, ObservedRouter observed, List<RouterStep> steps)
    {
        if (role == FailoverRole.Standby
            && (observed.Macvlan is { IsUp: true } || observed.Heard.Count > 0 || observed.Addresses.Any(entry => entry.Link == RouterNames.OutsideLink)))
        {
            steps.Add(new StandBy());
        }

        if (observed.IsClaimed != (role == FailoverRole.Holder))
        {
            steps.Add(new MarkClaim(!observed.IsClaimed));
        }
    }

    // A setting that is not there at all belongs to something that this kernel does not have, or has not loaded yet. A link begins with what is
    // set for all that are to come.
    private static IEnumerable<SetSysctl> MissingSysctls(DesiredRouter desired, ObservedRouter observed)
    {
        int next = 0;
        foreach (SysctlEntry entry in desired.Sysctls)
        {
            if ((!observed.HasNetns && !RouterSysctls.IsOfLink(entry)) || (Find(observed.Sysctls, entry.Key, ref next) is { } present && present.Value != entry.Value))
            {
                yield return new SetSysctl(entry);
            }
        }
    }

    // Both lists mostly have the same order, so it is looked for after the one that was found before.
    private static SysctlEntry? Find(ValueList<SysctlEntry> entries, string key, ref int next)
    {
        for (int i = 0; i < entries.Count; i++)
        {
            SysctlEntry entry = entries[(next + i) % entries.Count];
            if (entry.Key == key)
            {
                next = (next + i + 1) % entries.Count;
                return entry;
            }
        }

        return null;
    }

    private static void AddUnwantedAddresses(DesiredRouter desired, ObservedRouter observed, List<RouterStep> steps) =>
        steps.AddRange(observed.Addresses.Concat(observed.UnmarkedAddresses).Concat(observed.DuplicateAddresses)
            .Where(entry => !desired.InsideAddresses.Contains(entry) && !desired.ClaimedAddresses.Contains(entry))

            // They go with the link.
            .Where(entry => desired.ServiceLink is not null || entry.Link != RouterNames.ServiceLink)
            .Select(entry => new RemoveAddress(entry)));

    private static bool AddVeth(DesiredVeth desired, ObservedRouter observed, List<RouterStep> steps)
    {
        if (observed.Veth is not { } veth)
        {
            if (observed.HasStrayVethEnd)
            {
                steps.Add(new RemoveVeth(desired.NodeLink));
            }

            steps.Add(new CreateVeth(desired));
            steps.Add(new ConfigureVeth(desired));
            return false;
        }

        bool isRight = veth.HasAltName && veth.NodeMtu == desired.Mtu && veth.RouterMtu == desired.Mtu
            && veth.IsNodeEndUp && veth.IsRouterEndUp && !veth.IsUnmarked;
        if (!isRight)
        {
            steps.Add(new ConfigureVeth(desired));
        }

        return true;
    }

    private static bool AddMacvlan(DesiredMacvlan desired, ObservedMacvlan? observed, List<RouterStep> steps)
    {
        if (observed is not null && WhyRebuild(desired, observed) is { } why)
        {
            steps.Add(new RemoveMacvlan(why));
            observed = null;
        }

        if (observed is null)
        {
            steps.Add(new CreateMacvlan(desired));
            steps.Add(new ConfigureMacvlan(desired));
            return false;
        }

        // Before it is set up.
        if (observed.IsFenced != desired.IsFenced)
        {
            steps.Add(new FenceMacvlan(desired.IsFenced));
        }

        bool isRight = observed.Mode == desired.Mode && observed.Mtu == desired.Mtu && (observed.IsUp || !desired.IsUp)
            && (desired.Mac is null || observed.Mac.Equals(desired.Mac));
        if (!isRight)
        {
            steps.Add(new ConfigureMacvlan(desired));
        }

        return true;
    }

    // The kernel changes everything else in place; it refuses to enter or leave passthru mode on a living macvlan.
    private static string? WhyRebuild(DesiredMacvlan desired, ObservedMacvlan observed) =>
        observed.MasterIndex != desired.MasterIndex ? $"its master is now {desired.Master}"
        : observed.Mode != desired.Mode && (observed.Mode == MacvlanMode.Passthru || desired.Mode == MacvlanMode.Passthru)
            ? $"its mode is now {desired.Mode}"
            : null;

    private static bool AddServiceLink(ServiceLink? desired, ObservedRouter observed, List<RouterStep> steps)
    {
        bool isThere = observed.ServiceLink is not null;
        if (observed.HasStrayServiceLinkEnd || (desired is null && isThere))
        {
            steps.Add(new RemoveServiceLink());
            isThere = false;
        }

        if (desired is not null && !isThere)
        {
            steps.Add(new CreateServiceLink(desired));
        }

        if (desired is not null && (!isThere || observed.ServiceLink != desired))
        {
            steps.Add(new ConfigureServiceLink(desired));
        }

        return isThere;
    }

    private static IEnumerable<string> KeptLinks(DesiredRouter desired, bool keepsVeth, bool keepsMacvlan, bool keepsServiceLink)
    {
        if (keepsServiceLink)
        {
            yield return RouterNames.ServiceLink;
        }

        if (keepsVeth)
        {
            yield return desired.Veth.NodeLink;
            yield return RouterNames.InsideLink;
        }

        if (keepsMacvlan)
        {
            yield return RouterNames.OutsideLink;
        }
    }

    // The kernel's own rules are there from the netns' beginning, and those of a family without an address are nobody's business.
    private static void AddRules(DesiredRouter desired, ObservedRouter observed, List<RouterStep> steps)
    {
        steps.AddRange(observed.Rules.Except(desired.Rules).Where(entry => !entry.IsBuiltIn).Select(entry => new RemoveRule(entry)));
        steps.AddRange(desired.Rules.Except(observed.Rules).Where(entry => observed.HasNetns || !entry.IsBuiltIn).Select(entry => new AddRule(entry)));
    }

    private static void AddRoutes(
        DesiredRouter desired,
        IEnumerable<RouteEntry> observedRoutes,
        HashSet<AddressEntry> observedAddresses,
        HashSet<IPAddress>? former,
        List<RouterStep> steps)
    {
        HashSet<RouteEntry> observed = [.. observedRoutes];
        HashSet<IPAddress> gateways = [.. former ?? [], .. observed.Where(entry => entry.IsOutsideDefault).Select(entry => entry.Gateway!)];
        RouteEntry[] missing =
        [
            .. desired.Routes.Where(entry => !observed.Contains(entry) && !(entry.IsKernelMade && !HasAddressIn(entry, observedAddresses))),
        ];

        // Setting a route replaces the one for the same destination. The kernel's own routes come and go with addresses, and those of
        // an administrator are no business of the agent's.
        HashSet<(NetworkSide, int, IPNetwork)> replaced = [.. missing.Select(entry => (entry.Side, entry.Table, entry.Destination))];
        steps.AddRange(observed.Except(desired.Routes)
            .Where(entry => IsOurs(entry, former, gateways) && !replaced.Contains((entry.Side, entry.Table, entry.Destination)))
            .Select(entry => new RemoveRoute(entry)));
        steps.AddRange(missing.Select(entry => new SetRoute(entry)));
    }

    // The routes to gateways bear no mark, since they are shown as documented. An administrator's to a host on the link is of link scope.
    private static bool IsOurs(RouteEntry entry, HashSet<IPAddress>? former, HashSet<IPAddress> gateways) => entry.IsMarked
        || (entry.IsOutsideDefault && former?.Contains(entry.Gateway!) != false)
        || (entry.IsOutsideHost && (gateways.Contains(entry.Destination.BaseAddress) || (entry.Destination.BaseAddress.IsIPv4 && !entry.IsLinkScope)));

    // The address is about to be added, and its route with it.
    private static bool HasAddressIn(RouteEntry route, HashSet<AddressEntry> observedAddresses) =>
        observedAddresses.Any(entry => entry.Link == route.Link && entry.Address.Network.Equals(route.Destination));
}
