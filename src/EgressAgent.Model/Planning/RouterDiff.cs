using System.Net;
using EgressAgent.Model.Addressing;
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
    public static IReadOnlyList<RouterStep> Build(DesiredRouter desired, ObservedRouter observed, PriorHolderCheck check)
    {
        List<RouterStep> steps = [.. desired.InsideNetworks.Except(observed.HeldNetworks).Select(network => new HoldInsideNetwork(network))];
        if (observed.HasNamelessNetns)
        {
            steps.Add(new LetGoOfNetns());
        }

        if (!observed.HasNetns)
        {
            steps.Add(new CreateNetns(RouterNames.Netns(desired.Key)));
        }

        AddSysctls(desired, observed, steps);

        // Loopback brings the netns its first routing table. Without one every address passes for broadcast, and a socket of the
        // relay that is bound to it would answer from another.
        if (!observed.IsLoopbackUp)
        {
            steps.Add(new SetLoopbackUp());
        }

        if (observed.Redirect != desired.Redirect)
        {
            steps.Add(new ApplyRedirect(desired.Redirect));
        }

        // The plan before still let flows leave with an address that is given up here.
        AddUnwantedAddresses(desired, observed, steps);

        // The kernel drops an interface's addresses and routes with the interface, so what was seen on it no longer counts.
        bool keepsVeth = AddVeth(desired.Veth, observed, steps);
        bool keepsMacvlan = AddMacvlan(desired.Macvlan, observed.Macvlan, steps);
        HashSet<string> keptLinks = [.. KeptLinks(desired, keepsVeth, keepsMacvlan)];
        HashSet<AddressEntry> addresses = [.. observed.Addresses.Where(entry => keptLinks.Contains(entry.Link))];

        steps.AddRange(desired.InsideAddresses.Where(entry => !addresses.Contains(entry)).Select(entry => new AddInsideAddress(entry)));
        AddRules(desired, observed, steps);

        List<AddressEntry> claims = [.. desired.ReservedAddresses.Where(entry => !addresses.Contains(entry))];
        steps.AddRange(claims.Select(entry => new ClaimAddress(entry, check)));
        AddRoutes(desired, observed.Routes.Where(entry => keptLinks.Contains(entry.Link)), addresses, steps);
        ValueList<IPAddress> heard = desired.ReservedAddresses.Select(entry => entry.Address.Address).Where(address => address.IsIPv4).ToValueList();
        if (claims.Count == 0 && !heard.ToHashSet().SetEquals(observed.Heard))
        {
            steps.Add(new HearOthers(heard));
        }

        IEnumerable<IPAddress> announced = desired.ReservedAddresses
            .Where(entry => claims.Contains(entry) || observed.Unannounced.Contains(entry.Address.Address)).Select(entry => entry.Address.Address);
        IEnumerable<IPAddress> defended = observed.Contested.Where(contest => contest.IsDefenceDue).Select(contest => contest.Address);
        steps.AddRange(announced.Union(defended).Select(address => new Announce(address)));
        steps.AddRange(observed.Contested.Where(contest => contest.IsRecheckDue).Select(contest => new RecheckAddress(contest.Address)));
        return steps;
    }

    /// <summary>The steps to take in place of <paramref name="steps"/> when those are put off: a router without its packet filter is cut off.</summary>
    public static IReadOnlyList<RouterStep> PutOff(IReadOnlyList<RouterStep> steps, ObservedRouter observed) =>
        observed.Macvlan is { IsUp: true } && steps.Any(step => step is ApplyRedirect) ? [new CutOffMacvlan()] : [];

    /// <summary>The steps that leave nothing of a router; none when nothing is there.</summary>
    public static IReadOnlyList<RouterStep> Remove(RouterKey key, ObservedRouter observed)
    {
        List<RouterStep> steps = [];
        if (observed.HasNamelessNetns)
        {
            steps.Add(new LetGoOfNetns());
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
            steps.Add(new DeleteNetns(RouterNames.Netns(key)));
        }

        return steps;
    }

    // A setting that is not there at all belongs to something that this kernel does not have, or has not loaded yet.
    private static void AddSysctls(DesiredRouter desired, ObservedRouter observed, List<RouterStep> steps)
    {
        Dictionary<string, string> present = observed.Sysctls.ToDictionary(entry => entry.Key, entry => entry.Value);
        steps.AddRange(desired.Sysctls
            .Where(entry => !observed.HasNetns || (present.TryGetValue(entry.Key, out string? value) && value != entry.Value))
            .Select(entry => new SetSysctl(entry)));
    }

    private static void AddUnwantedAddresses(DesiredRouter desired, ObservedRouter observed, List<RouterStep> steps) =>
        steps.AddRange(observed.Addresses.Concat(observed.DuplicateAddresses)
            .Where(entry => !desired.InsideAddresses.Contains(entry) && !desired.ReservedAddresses.Contains(entry))
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
            && veth.IsNodeEndUp && veth.IsRouterEndUp;
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

        bool isRight = observed.Mode == desired.Mode && observed.Mtu == desired.Mtu && observed.IsUp
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

    private static IEnumerable<string> KeptLinks(DesiredRouter desired, bool keepsVeth, bool keepsMacvlan)
    {
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
        List<RouterStep> steps)
    {
        HashSet<RouteEntry> observed = [.. observedRoutes];
        RouteEntry[] missing =
        [
            .. desired.Routes.Where(entry => !observed.Contains(entry) && !(entry.IsKernelMade && !HasAddressIn(entry, observedAddresses))),
        ];

        // Setting a route replaces the one for the same destination, unless that has another metric: then it is seen, and
        // removed, in the next round. The kernel's own routes come and go with addresses.
        HashSet<(NetworkSide, int, IPNetwork)> replaced = [.. missing.Select(entry => (entry.Side, entry.Table, entry.Destination))];
        steps.AddRange(observed.Except(desired.Routes)
            .Where(entry => !entry.IsKernelMade && !replaced.Contains((entry.Side, entry.Table, entry.Destination)))
            .Select(entry => new RemoveRoute(entry)));
        steps.AddRange(missing.Select(entry => new SetRoute(entry)));
    }

    // The address is about to be added, and its route with it.
    private static bool HasAddressIn(RouteEntry route, HashSet<AddressEntry> observedAddresses) =>
        observedAddresses.Any(entry => entry.Link == route.Link && entry.Address.Network.Equals(route.Destination));
}
