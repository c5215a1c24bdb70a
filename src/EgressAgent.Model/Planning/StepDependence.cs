namespace EgressAgent.Model.Planning;

/// <summary>
/// Which steps need others taken before. What was lost along with something else, a route with its link, is put back with it, and
/// cannot be put back without it.
/// </summary>
public static class StepDependence
{
    /// <summary>What is itself amiss, of all that <paramref name="steps"/> mend: the steps whose lack no other one explains.</summary>
    /// <param name="steps">In the order in which they are taken.</param>
    public static IReadOnlyList<RouterStep> Causes(IReadOnlyList<RouterStep> steps) =>
        [.. steps.Where((step, place) => step.ChangesKernel && !steps.Take(place).Any(earlier => DependsOn(step, earlier)))];

    /// <summary>Divides steps into those that can be taken now and those that have to wait.</summary>
    /// <param name="steps">In the order in which they are taken.</param>
    /// <param name="isPutOff">Whether a step waits for a reason of its own; what depends on it waits too.</param>
    public static (IReadOnlyList<RouterStep> Due, IReadOnlyList<RouterStep> PutOff) Divide(IReadOnlyList<RouterStep> steps, Predicate<RouterStep> isPutOff)
    {
        List<RouterStep> due = [];
        List<RouterStep> putOff = [];
        foreach (RouterStep step in steps)
        {
            (isPutOff(step) || putOff.Any(earlier => DependsOn(step, earlier)) ? putOff : due).Add(step);
        }

        return (due, putOff);
    }

    /// <summary>Whether a step is of no use, or refused, before an earlier one of the same list was taken.</summary>
    public static bool DependsOn(RouterStep step, RouterStep earlier) => earlier switch
    {
        CreateNetns => step is not CreateNetns,

        // A packet filter that goes by groups lets nothing pass by a link that is in none. Without its packet filter the router is cut off from
        // the network.
        SetLinkGroup => step is ApplyRedirect,
        ApplyRedirect => step is OffloadFlows || IsOn(step, RouterNames.OutsideLink) || (step is SetSysctl { Entry: var entry } && RouterSysctls.IsAfterFilter(entry)),
        FenceMacvlan { IsFenced: true } => step is not FenceMacvlan && IsOn(step, RouterNames.OutsideLink),
        CreateVeth or ConfigureVeth => !IsOfLink(step) && (IsOn(step, RouterNames.InsideLink) || IsOnNode(step)),
        CreateMacvlan or ConfigureMacvlan => !IsOfLink(step) && IsOn(step, RouterNames.OutsideLink),
        CreateServiceLink or ConfigureServiceLink => !IsOfLink(step) && IsOn(step, RouterNames.ServiceLink),
        AddInsideAddress { Entry: var entry } => IsRouteBy(step, entry),
        ClaimAddress { Entry: var entry } => IsRouteBy(step, entry),
        SetRoute { Entry: { Gateway: null } hop } => step is SetRoute { Entry: { Gateway: { } gateway } entry }
            && (hop.Side, hop.Link) == (entry.Side, entry.Link) && hop.Destination.Contains(gateway),
        _ => false,
    };

    /// <summary>Whether clients that come by the inside address do not need it, only those of Services.</summary>
    public static bool IsForServices(RouterStep step) => step is CreateServiceLink or ConfigureServiceLink || IsOn(step, RouterNames.ServiceLink);

    private static bool IsOfLink(RouterStep step) => step is CreateVeth or ConfigureVeth or RemoveVeth
        or CreateMacvlan or FenceMacvlan or ConfigureMacvlan or RemoveMacvlan or CreateServiceLink or ConfigureServiceLink or RemoveServiceLink;

    private static bool IsOn(RouterStep step, string link) => step switch
    {
        CreateMacvlan or FenceMacvlan or ConfigureMacvlan or HearOthers or RecheckAddress or Announce or AskGateways => link == RouterNames.OutsideLink,
        OffloadFlows { Link: var on } => on == link,
        AddInsideAddress { Entry.Link: var on } => on == link,
        ClaimAddress { Entry.Link: var on } => on == link,
        SetRoute { Entry.Link: var on } => on == link,
        _ => false,
    };

    private static bool IsOnNode(RouterStep step) =>
        step is AddInsideAddress { Entry.Side: NetworkSide.Node } or SetRoute { Entry.Side: NetworkSide.Node };

    private static bool IsRouteBy(RouterStep step, AddressEntry address) =>
        step is SetRoute { Entry: var route } && (route.Side, route.Link) == (address.Side, address.Link)
        && (address.Address.Address.Equals(route.PreferredSource)
            || address.Address.Network.Contains(route.Destination.BaseAddress)
            || (route.Gateway is { } gateway && address.Address.Network.Contains(gateway)));
}
