using System.Net;
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
    RouterState State, StatusFacts.Claim Available, StatusFacts.Claim Progressing, StatusFacts.Claim Degraded, DesiredRouter? Desired,
    ValueList<Trouble> Troubles)
{
    private static readonly Claim Settled = new(false, StatusReasons.Settled, "nothing is left to do");
    private static readonly Claim AsSpecified = new(false, StatusReasons.AsSpecified, "everything is as the file says");

    internal readonly record struct Claim(bool? Status, string Reason, string Message);

    internal bool IsInForce => Available.Reason == StatusReasons.InForce;

    internal static StatusFacts InForce(DesiredRouter desired, ValueList<Trouble> troubles) => new(
        troubles.Count == 0 ? RouterState.Active : RouterState.Degraded,
        new Claim(true, StatusReasons.InForce, Describe(desired)),
        Settled,
        troubles.Count == 0 ? AsSpecified : new Claim(true, troubles[0].Reason, string.Join("; ", troubles.Select(trouble => trouble.Message))),
        desired,
        troubles);

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

    internal static StatusFacts Failed(string reason, string message, bool isInForce) => new(
        isInForce || reason == StatusReasons.AddressConflict ? RouterState.Degraded : RouterState.Failed,
        new Claim(isInForce ? null : false, reason, message),
        new Claim(true, StatusReasons.Retrying, "it is tried again, with growing pauses"),
        new Claim(true, reason, message),
        Desired: null,
        [new Trouble(TroubleKind.Failed, reason, message)]);

    internal static Trouble Shortcoming(PlanProblem problem) => new(TroubleKind.Shortcoming, problem.Reason, problem.Message, problem.Message);

    /// <summary>What another host's use of the router's address means for it.</summary>
    internal static Trouble Contested(ContestedAddress contest) => new(
        TroubleKind.Contested,
        StatusReasons.AddressConflict,
        $"{contest.Address} is also used by another host ({contest.Holder.ToColonString()}), and answers may go there; "
        + "the router keeps it and tells the network so every 10 s, but take it off the other host",
        contest.Address.ToString(),
        $"no other host uses {contest.Address} any more");

    /// <summary>Somebody keeps undoing what the agent repairs.</summary>
    internal static Trouble Undone(string steps) => new(
        TroubleKind.Fight,
        StatusReasons.RepairsUndone,
        $"somebody keeps undoing what the agent repairs, so it is repaired less and less often: {steps}",
        End: "nobody undoes what the agent repairs any more");

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

    private static string Describe(DesiredRouter desired) =>
        string.Join("; ", desired.Redirect.Families.Select(family => $"{family.Inside} leaves as {family.Source} through {desired.Macvlan.Master}"));
}
