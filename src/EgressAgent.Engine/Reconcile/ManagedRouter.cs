using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.Model;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Planning;
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

    // RFC 5227, 1.1: DEFEND_INTERVAL.
    private static readonly TimeSpan ContestRecheck = TimeSpan.FromSeconds(10);

    private readonly RouterKey _key;
    private readonly IKernel _kernel;
    private readonly IKernelRouter _router;
    private readonly ResourceRegistry _registry;
    private readonly AgentConfiguration _configuration;
    private readonly ILogger _logger;
    private readonly StatusBoard _status;
    private readonly Fight _fight;

    private DesiredRouter? _settled;
    private Trouble? _undone;
    private Backoff _backoff;
    private bool _isPausing;
    private bool _isRepairing;

    internal ManagedRouter(RouterKey key, ReconcilerContext context)
    {
        _key = key;
        _kernel = context.Kernel;
        _router = context.Kernel.Open(key);
        _registry = context.Registry;
        _configuration = context.Configuration;
        _logger = context.Logger;
        _status = context.Status;
        _fight = new Fight(context.Time);
    }

    /// <summary>
    /// Whether the last pass failed, or somebody keeps undoing what it did. Its own steps are told as changes too, and would make it
    /// due again at once, without a pause; so what is told of the router alone waits for the pause to end.
    /// </summary>
    internal bool IsPausing => Volatile.Read(ref _isPausing);

    /// <summary>Brings the kernel to what the files want, as far as it goes. Never throws: what goes wrong is logged and reported.</summary>
    internal PassResult Pass()
    {
        if (_registry.Find(_key) is not { } router)
        {
            return PassResult.Gone;
        }

        try
        {
            PassResult result = router.IsRemoved ? Remove() : Run(router);
            _backoff.Reset();
            Volatile.Write(ref _isPausing, result.IsPause);
            return result;
        }
        catch (AddressConflictException conflict)
        {
            return Fail(router, StatusReasons.AddressConflict, conflict);
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
            return Fail(router, StatusReasons.UnexpectedError, exception);
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

        _registry.EnsureSaved(router);
        RouterPlan plan = Plan(wanted.Spec, allocation);
        if (plan.Desired is not { } desired)
        {
            PlanProblem waitingFor = plan.WaitingFor is { Reason: PlanReasons.InsideNetworkMissing } missing ? router.AllocationProblem ?? missing : plan.WaitingFor!;
            _status.Report(router, StatusFacts.Waiting(waitingFor));
            return new PassResult(WaitingRetry);
        }

        ObservedRouter observed = Converge(router, desired);
        if (observed.IsDetectingDuplicates)
        {
            _status.Report(router, StatusFacts.DetectingDuplicates(desired));
            return new PassResult(DuplicateDetectionRetry);
        }

        _settled = desired;
        ValueList<Trouble> troubles =
        [
            .. new[] { _fight.IsOn ? _undone : null }.OfType<Trouble>(),
            .. observed.Contested.Select(StatusFacts.Contested),
            .. new[] { router.AllocationProblem }.OfType<PlanProblem>().Concat(plan.Shortcomings).Concat(observed.Shortcomings).Select(StatusFacts.Shortcoming),
        ];
        _status.Report(router, StatusFacts.InForce(desired, troubles));
        if (_fight.IsOn)
        {
            return new PassResult(_fight.RetryAfter, IsPause: _fight.IsPausing);
        }

        TimeSpan? recheck = observed.Contested.Count > 0 ? ContestRecheck : null;
        return new PassResult(recheck < observed.NextAnnouncement ? recheck : observed.NextAnnouncement ?? recheck);
    }

    private ObservedRouter Converge(RegisteredRouter router, DesiredRouter desired)
    {
        PriorHolderCheck check = _configuration.AddressConflictDetection ? PriorHolderCheck.Probe : PriorHolderCheck.Skip;
        for (int round = 0; ; round++)
        {
            ObservedRouter observed = _router.Observe();
            IReadOnlyList<RouterStep> steps = RouterDiff.Build(desired, observed, check);
            bool isDrift = desired == _settled && steps.Any(step => step.ChangesKernel);
            if (round == 0 && !isDrift)
            {
                _fight.Rest();
            }

            bool isPutOff = round == 0 && isDrift && _fight.IsPausing;
            if (isPutOff || round == MaxRounds)
            {
                foreach (RouterStep step in RouterDiff.PutOff(steps, observed))
                {
                    _router.Apply(step);
                    LogStep(step);
                }
            }

            if (steps.Count == 0 && _isRepairing)
            {
                _isRepairing = false;
                LogRepaired(_key);
            }

            if (steps.Count == 0 || isPutOff)
            {
                return observed;
            }

            if (round == MaxRounds)
            {
                throw new LinuxException(
                    "configure router", _key.ToString(), Errno.EALREADY, $"after {MaxRounds} rounds the kernel still differs: {string.Join("; ", steps)}");
            }

            if (round == 0)
            {
                ReportStart(router, desired, steps, isDrift);
            }

            foreach (RouterStep step in steps)
            {
                _router.Apply(step);
                LogStep(step, isRepeated: _fight.IsOn && isDrift);
            }
        }
    }

    // The same desired state as last time means that somebody else has changed the kernel since, or that the link was away.
    private void ReportStart(RegisteredRouter router, DesiredRouter desired, IReadOnlyList<RouterStep> steps, bool isDrift)
    {
        if (isDrift)
        {
            string undone = string.Join("; ", steps);
            if (_fight.Repair())
            {
                _undone = StatusFacts.Undone(undone);
            }
            else if (!_fight.IsOn)
            {
                _isRepairing = true;
                LogDrift(_key, undone);
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
        if (!_registry.TryForget(_key))
        {
            return PassResult.Gone;
        }

        _status.Forget(_key);
        return PassResult.Gone;
    }

    private PassResult Fail(RegisteredRouter router, string reason, Exception exception)
    {
        TimeSpan delay = _backoff.Next();
        Volatile.Write(ref _isPausing, true);
        _status.Report(router, StatusFacts.Failed(reason, exception.Message, isInForce: _settled is not null));
        return new PassResult(delay, IsPause: true);
    }
}
