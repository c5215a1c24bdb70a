using System.Net;
using EgressAgent.Engine.Cluster;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// One router from its first file to its removal: observes the kernel, compares it with what the files want, and takes the
/// steps that are missing. A pass runs on one worker at a time.
/// </summary>
internal sealed partial class ManagedRouter : IDisposable
{
    // A pass looks again after its steps. One look more than a healthy kernel needs, since some steps take others' work with
    // them (an address takes its routes).
    private const int MaxRounds = 4;

    private static readonly TimeSpan WaitingRetry = TimeSpan.FromSeconds(10);

    // The kernel takes a second or two, and reports the end of it; this is for when the report is lost.
    private static readonly TimeSpan DuplicateDetectionRetry = TimeSpan.FromSeconds(5);

    internal static readonly TimeSpan HeldRecheck = TimeSpan.FromSeconds(2);

    // RFC 5227, 1.1: DEFEND_INTERVAL.
    private static readonly TimeSpan ContestRecheck = TimeSpan.FromSeconds(10);

    private readonly RouterKey _key;
    private readonly IKernel _kernel;
    private readonly IKernelRouter _router;
    private readonly ResourceRegistry _registry;
    private readonly AgentConfiguration _configuration;
    private readonly ILogger _logger;
    private readonly StatusBoard _status;
    private readonly ExternalHolders _external;
    private readonly ICluster? _cluster;
    private readonly Fights _fights;
    private readonly HeldSteps _held;
    private readonly RefusedRepairs _refused;

    private DesiredRouter? _settled;
    private Backoff _backoff;
    private bool _isPausing;
    private bool _isFighting;
    private bool _isRepairing;
    private bool _hasRepaired;
    private long _repairs;

    internal ManagedRouter(RouterKey key, ReconcilerContext context)
    {
        _key = key;
        _kernel = context.Kernel;
        _router = context.Kernel.Open(key);
        _registry = context.Registry;
        _configuration = context.Configuration;
        _logger = context.Logger;
        _status = context.Status;
        _external = context.External;
        _cluster = context.Cluster;
        _fights = new Fights(context.Time);
        _held = new HeldSteps(context.Time);
        _refused = new RefusedRepairs(context.Time);
    }

    /// <summary>
    /// Whether the last pass failed. Its own steps are told as changes too, and would make it due again at once, without a pause; so
    /// what is told of the router alone waits for the pause to end.
    /// </summary>
    internal bool IsPausing => Volatile.Read(ref _isPausing);

    /// <summary>Whether somebody keeps undoing what the passes repair.</summary>
    internal bool IsFighting => Volatile.Read(ref _isFighting);

    /// <summary>In how many passes something was put back that others had changed.</summary>
    internal long RepairCount => Interlocked.Read(ref _repairs);

    /// <summary>Brings the kernel to what the files want, as far as it goes. Never throws: what goes wrong is logged and reported.</summary>
    internal PassResult Pass()
    {
        if (_registry.Find(_key) is not { } router)
        {
            return PassResult.Gone;
        }

        BeginRole();
        try
        {
            PassResult result = router.IsRemoved ? Remove() : Run(router);
            _backoff.Reset();
            Volatile.Write(ref _isPausing, result.IsPause);
            return result;
        }
        catch (Exception) when (IsReleasedMeanwhile)
        {
            // Whatever the pass met was on the way to hold the router.
            return new PassResult(TimeSpan.Zero);
        }
        catch (AddressConflictException conflict)
        {
            return WaitForHolder(router, conflict);
        }
        catch (OutdatedRoleException)
        {
            return new PassResult(TimeSpan.Zero);
        }
        catch (LinuxException) when (IsConcernedBy(_kernel.ObserveNode()))
        {
            // The plan was made for a node that changed under the pass.
            return new PassResult(TimeSpan.Zero);
        }
        catch (LinuxException refusal)
        {
            return Fail(router, StatusReasons.KernelRefused, refusal);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Fail(router, StatusReasons.StateNotSaved, exception);
        }
        catch (Exception exception)
        {
            // A defect. It must not end the passes of other routers, nor keep the agent busy.
            LogUnexpected(_key, exception);
            return Fail(router, PlanReasons.UnexpectedError, exception);
        }
    }

    public void Dispose() => _router.Dispose();

    private PassResult Run(RegisteredRouter router)
    {
        if (_registry.FindLeaving(router) is { } leaving)
        {
            // A move under another name: the registry makes it due when the other one is gone.
            _status.Report(router, StatusFacts.TakingOver(leaving.Key));
            return PassResult.Settled;
        }

        if (router is not { Wanted: { } wanted, Allocation: { } allocation })
        {
            _status.Report(router, StatusFacts.Invalid(router));
            return PassResult.Settled;
        }

        ObservedRouter observed = _router.Observe();
        NoteHeld(router, observed);
        _registry.EnsureSaved(router);
        try
        {
            return Run(router, wanted, allocation, observed);
        }
        catch (MasterTakenException taken)
        {
            return Wait(router, _router.Observe(), new PlanProblem(PlanReasons.MasterTaken, taken.Message)) with { IsPause = true };
        }
    }

    private PassResult Run(RegisteredRouter router, EgressRouterResource wanted, RouterAllocation allocation, ObservedRouter observed)
    {
        FailoverRole role = FindRole(wanted.Spec, observed);
        if (WhyNotAgreed(wanted.Spec) is { } whyNotAgreed)
        {
            return Wait(router, observed, whyNotAgreed, isSilent: true);
        }

        RouterPlan plan = Plan(
            wanted.Spec,
            allocation,
            RouterStanding.Of(router.Footing, observed, _settled),
            router.IsBehindService,
            role == FailoverRole.Standby ? [] : _external.Grant(router),
            role);
        if (plan.Desired is not { } desired)
        {
            return Wait(router, observed, plan.WaitingFor is { Reason: PlanReasons.InsideNetworkMissing } missing ? router.AllocationProblem ?? missing : plan.WaitingFor!);
        }

        if (FindOther(desired) is { } taken)
        {
            return Wait(router, observed, taken);
        }

        observed = Converge(router, wanted.Spec, desired, observed);
        NoteHeld(router, observed);
        if (observed.WhyForeign is { } why)
        {
            _settled = null;
            return Wait(router, observed, new PlanProblem(PlanReasons.NotOurs, why));
        }

        // Without a carrier nobody answers, and that is what is to be said.
        if (observed.Macvlan is { HasCarrier: true } && observed.IsDetectingDuplicatesBeside(desired.ExternalAddresses))
        {
            _status.Report(router, StatusFacts.DetectingDuplicates(desired));
            return new PassResult(observed.NextAnnouncement is { } soon && soon < DuplicateDetectionRetry ? soon : DuplicateDetectionRetry);
        }

        _settled = desired;
        _registry.Note(_key, plan.Footing!);
        ValueList<Trouble> troubles =
        [
            .. _refused.Troubles,
            .. _held.Troubles,
            .. _fights.Troubles,
            .. observed.Contested.Select(StatusFacts.Contested),
            .. (wanted.Spec.Failover == FailoverMode.Cluster ? ClusterProblems(role) : []).Select(StatusFacts.Shortcoming),
            .. new[] { router.AllocationProblem }.OfType<PlanProblem>().Concat(ShortcomingsOf(plan, router)).Concat(observed.Shortcomings).Select(StatusFacts.Shortcoming),
        ];
        _status.Report(router, role == FailoverRole.Standby ? StatusFacts.Standby(desired, troubles, wanted.Spec.Failover == FailoverMode.Cluster ? DescribeHolder() : null) : StatusFacts.InForce(desired, troubles, _held.Families));
        TimeSpan? recheck = observed.Contested.Count > 0 ? ContestRecheck : null;
        TimeSpan? partial = plan.IsPartial ? WaitingRetry : null;
        return new PassResult(((TimeSpan?[])[recheck, partial, observed.NextAnnouncement, _fights.RetryAfter, _held.RetryAfter, _refused.RetryAfter]).Min());
    }

    private void NoteHeld(RegisteredRouter router, ObservedRouter observed) => _external.Note(
        _key,
        observed.Addresses.Where(entry => entry.Link == RouterNames.OutsideLink).Select(entry => entry.Address.Address)
            .Where(address => !ReservedBy(router).Contains(address) || router.ExternalPorts.Any(port => port.Address.Equals(address))));

    private static IEnumerable<IPAddress> ReservedBy(RegisteredRouter router) => router.Wanted!.Spec.Addresses.Select(address => address.Address.Address);

    // Another router may serve by an external address meanwhile, and another node by all addresses.
    private PassResult Wait(RegisteredRouter router, ObservedRouter observed, PlanProblem problem, bool isSilent = false)
    {
        IReadOnlyList<RouterStep> steps =
        [
            .. (isSilent || _role == FailoverRole.Standby) && observed.Macvlan is { IsUp: true } ? [new StandBy()] : ValueList<RouterStep>.Empty,
            .. RouterDiff.GiveUpExternal(ReservedBy(router), _settled, router.ExternalPorts, observed),
        ];
        foreach (RouterStep step in steps)
        {
            _router.Apply(step);
            LogStep(step);
        }

        NoteHeld(router, steps.Count > 0 ? _router.Observe() : observed);
        _status.Report(router, StatusFacts.Waiting(problem));
        return new PassResult(WaitingRetry);
    }

    // In passthru mode a router has its master alone. Who came first has it; a router that is built already does not give way.
    private PlanProblem? FindOther(DesiredRouter desired)
    {
        if (desired.Macvlan == _settled?.Macvlan)
        {
            return null;
        }

        bool isPassthru = desired.Macvlan.Mode == MacvlanMode.Passthru;
        foreach (RouterStatus other in _status.Unsorted)
        {
            if (other.Desired?.Macvlan is { } macvlan && macvlan.MasterIndex == desired.Macvlan.MasterIndex
                && (isPassthru || macvlan.Mode == MacvlanMode.Passthru) && other.Key != _key)
            {
                return MasterFitness.Taken(desired.Macvlan.Master, other.Key, macvlan.Mode == MacvlanMode.Passthru);
            }
        }

        return null;
    }

    // Why an inside address is missing the registry knows better than the plan.
    private static IEnumerable<PlanProblem> ShortcomingsOf(RouterPlan plan, RegisteredRouter router) =>
        plan.Shortcomings.Where(problem => router.AllocationProblem is null || problem.Reason != PlanReasons.InsideNetworkMissing);

    private ObservedRouter Converge(RegisteredRouter router, EgressRouterSpec spec, DesiredRouter desired, ObservedRouter observed)
    {
        PriorHolderCheck check = _configuration.AddressConflictDetection && spec.Failover != FailoverMode.Cluster ? PriorHolderCheck.Probe : PriorHolderCheck.Skip;
        IEnumerable<IPAddress>? former = router.Footing?.Gateways.Select(gateway => gateway.Gateway);
        LinuxException? refusal = null;
        _hasRepaired = false;
        _held.BeginPass(isAnew: desired != _settled);
        for (int round = 0; ; round++)
        {
            if (round > 0)
            {
                observed = _router.Observe();
                if (FindRole(spec, observed) != desired.Role)
                {
                    throw new OutdatedRoleException();
                }
            }

            IReadOnlyList<RouterStep> steps = [.. RouterDiff.Build(desired, observed, check, former).Where(step => !_held.Holds(step))];
            bool isDrift = desired == _settled && steps.Any(step => step.ChangesKernel && !_held.Concerns(step));
            _refused.Look(isDrift ? steps : []);
            if (round == 0)
            {
                _fights.Look(isDrift ? steps : []);
            }
            else if (round == MaxRounds && isDrift && refusal is null)
            {
                _fights.Repair(StepDependence.Divide(steps, IsPutOff).Due, isUndoneAtOnce: true);
            }

            (IReadOnlyList<RouterStep> due, IReadOnlyList<RouterStep> putOff) = isDrift ? StepDependence.Divide(steps, IsPutOff) : (steps, []);
            IReadOnlyList<RouterStep> cut = RouterDiff.PutOff(round == MaxRounds ? steps : putOff, observed);
            if (cut.Count > 0)
            {
                Apply(cut, desired);
                observed = _router.Observe();
            }

            if (due.Count == 0 && _isRepairing && observed.WhyForeign is null && !_refused.IsAny)
            {
                _isRepairing = false;
                LogRepaired(_key);
            }

            Volatile.Write(ref _isFighting, _fights.IsAny);
            if (due.Count == 0 || (round == MaxRounds && isDrift))
            {
                _held.EndPass();
                return refusal is null || due.Count == 0 ? observed : throw refusal;
            }

            if (round == MaxRounds)
            {
                throw new LinuxException(
                    "configure router", _key.ToString(), Errno.EALREADY, $"after {MaxRounds} rounds the kernel still differs: {string.Join("; ", steps)}");
            }

            if (round == 0)
            {
                ReportStart(router, desired, due, isDrift);
            }

            refusal = Apply(due, desired, isRepair: isDrift, isLast: round == MaxRounds - 1);
        }
    }

    // While somebody else is at work, what a step stands on may go the moment before. Then the others are taken, and another round shows.
    // What one family or one further address is refused in the end does not keep the rest from working.
    private LinuxException? Apply(IReadOnlyList<RouterStep> steps, DesiredRouter desired, bool isRepair = false, bool isLast = false)
    {
        LinuxException? first = null;
        List<RouterStep> refused = [];
        foreach (RouterStep step in steps)
        {
            if (_held.Holds(step) || refused.Any(earlier => StepDependence.DependsOn(step, earlier)))
            {
                refused.Add(step);
                continue;
            }

            try
            {
                Take(step, desired);
                LogStep(step, isRepeated: isRepair && !IsNews(step));
                if (isRepair && step.ChangesKernel && !_hasRepaired)
                {
                    _hasRepaired = true;
                    Interlocked.Increment(ref _repairs);
                }
            }
            catch (AddressConflictException conflict) when (_held.TryHold(step, desired, StatusReasons.AddressConflict, conflict))
            {
                refused.Add(step);
            }
            catch (LinuxException refusal) when ((!isRepair || isLast) && !IsConcernedBy(_kernel.ObserveNode())
                && _held.TryHold(step, desired, StatusReasons.KernelRefused, refusal))
            {
                refused.Add(step);
            }
            catch (LinuxException refusal) when (isRepair && isLast && !IsConcernedBy(_kernel.ObserveNode()))
            {
                refused.Add(step);
                _refused.Note(step, refusal);
            }
            catch (LinuxException refusal) when (isRepair)
            {
                refused.Add(step);
                first ??= refusal;
            }
        }

        return first;
    }

    // Whoever sets a standby's macvlan up again and again may not have it sending in between.
    private bool IsPutOff(RouterStep step) => step is StandBy ? false : _fights.IsPutOff(step) || _refused.IsPutOff(step);

    // What was fought over or refused before has been told.
    private bool IsNews(RouterStep step) => !_fights.IsOver(step) && !_refused.Has(step);

    // The same desired state as last time means that somebody else has changed the kernel since, or that the link was away.
    private void ReportStart(RegisteredRouter router, DesiredRouter desired, IReadOnlyList<RouterStep> steps, bool isDrift)
    {
        if (isDrift)
        {
            _fights.Repair([.. steps.Where(step => !_refused.Has(step))]);
            RouterStep[] told = [.. steps.Where(IsNews)];
            if (told.Any(step => step.ChangesKernel) && StepDependence.Causes(steps).Any(IsNews))
            {
                _isRepairing = true;
                LogDrift(_key, string.Join("; ", told.AsEnumerable()));
            }
        }
        else if (desired != _settled && !IsPausing)
        {
            // Of a router that failed, the failure is told until it is over.
            _status.Report(router, StatusFacts.Configuring(desired));
        }
    }

    private PassResult Remove()
    {
        _status.Removing(_key);
        RouterRemoval.Run(_router, _key, step => LogStep(step));
        _external.Note(_key, []);
        if (!_registry.TryForget(_key))
        {
            return PassResult.Gone;
        }

        _status.Forget(_key);
        return PassResult.Gone;
    }

    // A node that had a router until it was claimed here is about to let go, so it is asked again soon, at first. Any other
    // holder that lets go says nothing of it, so the network is asked at a steady pace: one question, and three before it is taken.
    private PassResult WaitForHolder(RegisteredRouter router, AddressConflictException conflict)
    {
        TimeSpan pause = _role == FailoverRole.Holder && _backoff.Next() is var soon && soon < HeldRecheck ? soon : HeldRecheck;
        if (_role != FailoverRole.Holder)
        {
            _backoff.Reset();
        }

        Volatile.Write(ref _isPausing, true);
        _status.Report(router, StatusFacts.Held(conflict.Message, isInForce: HasSettledInForce));
        return new PassResult(pause, IsPause: true);
    }

    private bool HasSettledInForce => _settled is { Role: not FailoverRole.Standby };

    private PassResult Fail(RegisteredRouter router, string reason, Exception exception)
    {
        TimeSpan delay = _backoff.Next();
        Volatile.Write(ref _isPausing, true);
        _status.Report(router, StatusFacts.Failed(reason, exception.Message, isInForce: HasSettledInForce));
        return new PassResult(delay, IsPause: true);
    }
}
