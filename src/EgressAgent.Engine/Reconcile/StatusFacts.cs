using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// What a pass found out about a router. The board turns it into conditions with times. Of a router that is not in force, the troubles
/// of one that is stand as before.
/// </summary>
internal sealed record StatusFacts(
    RouterState State, Claim Available, Claim Progressing, Claim Degraded, DesiredRouter? Desired,
    ValueList<Trouble> Troubles)
{
    private static readonly Claim Settled = new(false, StatusReasons.Settled, "nothing is left to do");
    private static readonly Claim AsSpecified = new(false, StatusReasons.AsSpecified, "everything is as the file says");

    internal bool IsInForce => Available.Reason == StatusReasons.InForce;

    /// <summary>Whether all is known of it that can be: what was wrong with it before, and is not told again, is over.</summary>
    internal bool IsSettled => IsInForce || Available.Reason == StatusReasons.Standby;

    /// <summary>Whether another node may hold the router, and this one asks its gateways from the master.</summary>
    internal bool IsStandbyOfCluster => this is { Available.Reason: StatusReasons.Standby, Desired.StandbyGateways.Count: > 0 };

    /// <param name="desired">What is in force.</param>
    /// <param name="troubles">What of it does not work.</param>
    /// <param name="without">The families that do not work at all.</param>
    internal static StatusFacts InForce(DesiredRouter desired, ValueList<Trouble> troubles, IReadOnlySet<AddressFamily>? without = null) =>
        new StatusFacts(RouterState.Active, new Claim(true, StatusReasons.InForce, Describe(desired, without)), Settled, AsSpecified, desired, []).With(troubles);

    /// <param name="desired">What is in force, but for what it has claimed.</param>
    /// <param name="troubles">What of it does not work, or would not.</param>
    /// <param name="holder">Who holds it, for the nodes of a cluster, which claim it by themselves; null where somebody claims it.</param>
    internal static StatusFacts Standby(DesiredRouter desired, ValueList<Trouble> troubles, string? holder = null) => new StatusFacts(
        RouterState.Standby,
        new Claim(false, StatusReasons.Standby, $"standby: {RouterNames.OutsideLink} is down, and nothing is taken from clients, {(holder is null ? $"until the router is claimed on this node: egressctl claim {desired.Key}" : $"until the cluster has this node hold the router; {holder}")}"),
        Settled,
        AsSpecified,
        desired,
        []).With(troubles);

    /// <summary>The same of a router that is in force, and that more of it does not work.</summary>
    internal StatusFacts With(ValueList<Trouble> more)
    {
        ValueList<Trouble> all = [.. Troubles, .. more];
        return more.Count == 0 ? this : this with
        {
            State = RouterState.Degraded,
            Degraded = new Claim(true, all[0].Reason, string.Join("; ", all.Select(trouble => trouble.Message))),
            Troubles = all,
        };
    }

    /// <summary>An address of the router is still with one that is being removed.</summary>
    internal static StatusFacts TakingOver(RouterKey from) => new(
        RouterState.Configuring,
        new Claim(false, StatusReasons.Configuring, $"the router {from} is being removed, and has an address that this one takes over"),
        new Claim(true, StatusReasons.Configuring, $"waiting until {from} is removed"),
        AsSpecified,
        Desired: null,
        []);

    internal static StatusFacts Configuring(DesiredRouter desired) => new(
        RouterState.Configuring,
        new Claim(null, StatusReasons.Configuring, "the kernel is being configured"),
        new Claim(true, StatusReasons.Configuring, "the kernel is being configured"),
        AsSpecified,
        desired,
        []);

    /// <summary>Everything is in the kernel, but IPv6 addresses are not usable yet (RFC 4862, 5.4).</summary>
    internal static StatusFacts DetectingDuplicates(DesiredRouter desired)
    {
        IEnumerable<IPAddress> asked = desired.ReservedAddresses.Select(entry => entry.Address.Address).Where(address => !address.IsIPv4);
        string message = $"waiting for the network to say whether another host has {string.Join(", ", asked)}";
        return Configuring(desired) with
        {
            Available = new Claim(false, StatusReasons.DetectingDuplicates, message),
            Progressing = new Claim(true, StatusReasons.DetectingDuplicates, message),
        };
    }

    internal static StatusFacts Waiting(PlanProblem problem) => new(
        RouterState.Pending,
        new Claim(false, problem.Reason, problem.Message),
        new Claim(true, StatusReasons.Waiting, problem.Message),
        AsSpecified,
        Desired: null,
        [new Trouble(TroubleKind.Waiting, problem.Reason, problem.Message)]);

    /// <summary>Another host has an address of the router.</summary>
    internal static StatusFacts Held(string message, bool isInForce) => new(
        RouterState.Degraded,
        new Claim(isInForce ? null : false, StatusReasons.AddressConflict, message),
        new Claim(true, StatusReasons.Retrying, "the network is asked for the address every two seconds"),
        new Claim(true, StatusReasons.AddressConflict, message),
        Desired: null,
        [new Trouble(TroubleKind.Held, StatusReasons.AddressConflict, message)]);

    internal static StatusFacts Failed(string reason, string message, bool isInForce) => new(
        isInForce ? RouterState.Degraded : RouterState.Failed,
        new Claim(isInForce ? null : false, reason, message),
        new Claim(true, StatusReasons.Retrying, "it is tried again, with growing pauses"),
        new Claim(true, reason, message),
        Desired: null,
        [new Trouble(TroubleKind.Failed, reason, message)]);

    internal static Trouble Shortcoming(PlanProblem problem) => new(TroubleKind.Shortcoming, problem.Reason, problem.Message, problem.Subject ?? problem.Message);

    /// <summary>What another host's use of the router's address means for it.</summary>
    internal static Trouble Contested(ContestedAddress contest) => new(
        TroubleKind.Contested,
        StatusReasons.AddressConflict,
        $"{contest.Address} is also used by another host ({contest.Holder.ToColonString()}){HolderKinds.Explain(contest.Kind)}; answers may go there; "
        + "the router keeps it and tells the network so every 10 s, but take it off the other host",
        contest.Address.ToString(),
        $"no other host uses {contest.Address} any more");

    /// <summary>Somebody keeps undoing what the agent repairs of a thing.</summary>
    internal static Trouble Undone(string thing, string steps) => new(
        TroubleKind.Fight,
        StatusReasons.RepairsUndone,
        $"somebody keeps undoing what the agent repairs, so it is repaired less and less often, and everything else at once: {steps}",
        thing,
        $"nobody undoes what the agent repairs any more: {thing}");

    /// <summary>The file is in error and no good spec is known.</summary>
    internal static StatusFacts Invalid(RegisteredRouter router) => new(
        RouterState.Failed,
        new Claim(false, StatusReasons.InvalidSpec, FaultText(router)),
        Settled,
        new Claim(true, StatusReasons.InvalidSpec, FaultText(router)),
        Desired: null,
        []);

    internal static string FaultText(RegisteredRouter router) =>
        router.Faults.Count > 1 ? $"{router.Faults[0]} (and {router.Faults.Count - 1} more)" : router.Faults[0].ToString();

    private static string Describe(DesiredRouter desired, IReadOnlySet<AddressFamily>? without) =>
        string.Join("; ", desired.Redirect.Families.Where(family => without?.Contains(family.Family) != true).Select(family => $"{family.Inside} leaves as {family.Source} through {desired.Macvlan.Master}"));
}
