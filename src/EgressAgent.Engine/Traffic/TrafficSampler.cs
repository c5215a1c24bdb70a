using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EgressAgent.Engine.Traffic;

/// <summary>
/// Looks at what goes through routers, on a thread of its own, so that who wants to know waits for no kernel and holds up no
/// traffic. A router is looked at when somebody asks and the last look is old, and from then on again and again, until nobody has
/// asked for a while. Flows that end are told to it. What it shows was saved before, and what it counts is saved soon after, also where
/// nobody asks: of a router in which flows end, or whose relay carries something. Thread-safe.
/// </summary>
public sealed class TrafficSampler : IDisposable
{
    /// <summary>How old a sample may be when it is read.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(5);

    // Sooner than a sample is too old, so that who reads all the time does not wait.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Interest = TimeSpan.FromSeconds(15);

    // What is counted is on disk within five seconds.
    private static readonly TimeSpan SaveInterval = TimeSpan.FromSeconds(4);

    // The counters that the kernel keeps are lost with the node alone.
    private static readonly TimeSpan KernelInterval = TimeSpan.FromSeconds(60);

    // Many are looked at one after the other, and the first is not to wait for the last.
    private static readonly TimeSpan BatchTime = TimeSpan.FromMilliseconds(300);

    private readonly Func<RedirectPlan, IFlowVisitor?, RouterTraffic> _read;
    private readonly Func<RedirectPlan, ulong> _readActivity;
    private readonly TrafficLedger _ledger;
    private readonly TimeProvider _time;
    private readonly Reconciler? _reconciler;
    private readonly Lock _lock = new();
    private readonly Dictionary<RouterKey, SampledRouter> _routers = [];
    private readonly Queue<SampledRouter> _due = new();
    private readonly WakeSignal _news = new();
    private readonly Thread _thread;
    private bool _isDisposed;

    /// <param name="read">Looks at a router; called on the sampler's thread.</param>
    /// <param name="time">The clock.</param>
    /// <param name="store">Where counters outlive the agent; null when they do not.</param>
    public TrafficSampler(Func<RedirectPlan, IFlowVisitor?, RouterTraffic> read, TimeProvider time, ITrafficStore? store = null)
        : this(read, _ => 0, time, new TrafficLedger(store, null, _ => true, () => { }, NullLogger.Instance)) => _thread.Start();

    /// <summary>Looks at the routers of a reconciler, and hears of their flows that end.</summary>
    /// <param name="reconciler">Whose.</param>
    /// <param name="time">The clock.</param>
    public TrafficSampler(Reconciler reconciler, TimeProvider time)
        : this(reconciler, time, new TrafficLedger(null, null, _ => true, () => { }, NullLogger.Instance))
    {
    }

    /// <summary>As the other one; its counters outlive the agent.</summary>
    /// <param name="reconciler">Whose.</param>
    /// <param name="registry">Who knows the routers that there are.</param>
    /// <param name="store">Where counters are kept.</param>
    /// <param name="directory">Where ends of flows are noted until they are saved.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For counters that cannot be read.</param>
    public TrafficSampler(Reconciler reconciler, ResourceRegistry registry, ITrafficStore store, string directory, TimeProvider time, ILogger logger)
        : this(reconciler, time, new TrafficLedger(store, EndsJournal.TryOpen(directory), key => registry.Find(key) is not null, registry.SaveAll, logger))
    {
    }

    private TrafficSampler(Reconciler reconciler, TimeProvider time, TrafficLedger ledger)
        : this(reconciler.ReadTraffic, reconciler.ReadActivity, time, ledger)
    {
        _reconciler = reconciler;
        _reconciler.FlowEnded += End;
        _reconciler.Status.Changed += OnChanged;
        _thread.Start();
    }

    private TrafficSampler(Func<RedirectPlan, IFlowVisitor?, RouterTraffic> read, Func<RedirectPlan, ulong> readActivity, TimeProvider time, TrafficLedger ledger)
    {
        _read = read;
        _readActivity = readActivity;
        _time = time;
        _ledger = ledger;
        _thread = new Thread(Run) { Name = "traffic", IsBackground = true };
    }

    /// <summary>From here on the rules of this plan count, and those that it has not are forgotten.</summary>
    public void Follow(RedirectPlan plan)
    {
        Find(plan);
        RouterTally tally = _ledger.Find(plan.Key);
        lock (tally)
        {
            tally.Follow(plan);
        }

        Touch(plan.Key);
    }

    /// <summary>A flow through a router of the kernel datapath has ended, with these counts.</summary>
    public void End(RouterKey key, RouterFlow flow)
    {
        bool isFirst = _ledger.End(key, flow);
        lock (_lock)
        {
            if (_routers.TryGetValue(key, out SampledRouter? router))
            {
                router.HasEnds = true;
            }
        }

        if (isFirst)
        {
            _news.Set();
        }
    }

    /// <summary>The last sample; nothing when there is none.</summary>
    public RouterTraffic Last(RouterKey key)
    {
        lock (_lock)
        {
            return _routers.TryGetValue(key, out SampledRouter? router) ? router.Sample : RouterTraffic.None;
        }
    }

    /// <summary>The flows of the last sample that has them; none when there is none.</summary>
    public FlowList LastFlows(RouterKey key)
    {
        lock (_lock)
        {
            return _routers.TryGetValue(key, out SampledRouter? router) ? router.Flows : FlowList.None;
        }
    }

    /// <summary>
    /// Completes when the last sample is of this plan and not older than <see cref="MaxAge"/>, as it may be already; also when the
    /// kernel takes longer than that for another one, or refuses it. Never fails.
    /// </summary>
    /// <param name="plan">What is in force.</param>
    /// <param name="isOnce">Whether it is not asked for again soon: then the sample is forgotten after some seconds.</param>
    /// <param name="withFlows">Whether <see cref="LastFlows"/> is to be of the last sample. Of many flows that costs memory.</param>
    public Task RefreshAsync(RedirectPlan plan, bool isOnce = false, bool withFlows = false)
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return Task.CompletedTask;
            }

            SampledRouter router = Find(plan);
            long now = _time.GetTimestamp();
            router.AskedAt = isOnce ? router.AskedAt : now;
            router.FlowsAskedAt = withFlows && !isOnce ? now : router.FlowsAskedAt;
            if (router.SampledPlan == plan && _time.GetElapsedTime(router.TakenAt) < MaxAge && (!withFlows || router.FlowsTakenAt == router.TakenAt))
            {
                return Task.CompletedTask;
            }

            router.NeedsFlows |= withFlows;
            Enqueue(router);
            _news.Set();
            return Task.WhenAny(withFlows ? router.NextFlows : router.Next, Task.Delay(MaxAge, _time));
        }
    }

    /// <summary>Forgets a router that went.</summary>
    public void Forget(RouterKey key)
    {
        lock (_lock)
        {
            if (_routers.Remove(key, out SampledRouter? router))
            {
                router.End();
            }
        }

        _ledger.Forget(key);
        _news.Set();
    }

    /// <summary>Counts and saves what passed until now. For when nothing ends any more, and while the kernel can still be asked.</summary>
    public void Dispose()
    {
        if (_reconciler is not null)
        {
            _reconciler.FlowEnded -= End;
            _reconciler.Status.Changed -= OnChanged;
        }

        lock (_lock)
        {
            _isDisposed = true;
            _news.Set();
        }

        _thread.Join();
        EnqueueBusy(isLast: true);
        Look([.. _due]);
        _ledger.Save();
        foreach (SampledRouter router in _routers.Values)
        {
            router.End();
        }

        _news.Dispose();
        _ledger.Dispose();
    }

    private void OnChanged(RouterTransition transition)
    {
        if (transition.After is null)
        {
            Forget(transition.Key);
        }
        else if (transition.After.Desired is { } desired)
        {
            Follow(desired.Redirect);
        }
    }

    private void Run()
    {
        while (WaitForDue() is { } routers)
        {
            Look(routers);
        }
    }

    // Null at the end.
    private SampledRouter[]? WaitForDue()
    {
        while (true)
        {
            TimeSpan? wait;
            lock (_lock)
            {
                if (_isDisposed)
                {
                    return null;
                }

                if (_due.Count > 0)
                {
                    SampledRouter[] due = [.. _due];
                    _due.Clear();
                    return due;
                }

                wait = _routers.Values.Any(router => router.SampledPlan is not null) ? Interval
                    : _ledger.IsPending || _routers.Values.Any(router => router.HasEnds || router.Plan.Datapath == DatapathKind.Relay) ? SaveInterval
                    : null;
            }

            if (!_news.Wait(wait))
            {
                EnqueueInteresting();
                EnqueueBusy(isLast: false);
                _ledger.Save();
            }
        }
    }

    // What is shown was saved before.
    private void Look(SampledRouter[] routers)
    {
        List<Action> seen = [];
        long began = _time.GetTimestamp();
        foreach (SampledRouter router in routers)
        {
            seen.Add(Sample(router));
            if (_time.GetElapsedTime(began) > BatchTime)
            {
                Show();
            }
        }

        Show();

        void Show()
        {
            _ledger.Save();
            seen.ForEach(show => show());
            seen.Clear();
            began = _time.GetTimestamp();
        }
    }

    // The relay's counters go with the agent.
    private void EnqueueBusy(bool isLast)
    {
        SampledRouter[] routers;
        lock (_lock)
        {
            routers = [.. _routers.Values];
        }

        foreach (SampledRouter router in routers)
        {
            ulong activity = router.Plan.Datapath == DatapathKind.Relay ? _readActivity(router.Plan) : 0;
            lock (_lock)
            {
                if (activity != router.Activity || (router.HasEnds && (isLast || _time.GetElapsedTime(router.TakenAt) > KernelInterval)))
                {
                    router.Activity = activity;
                    Enqueue(router);
                }
            }
        }
    }

    private void Touch(RouterKey key)
    {
        if (_ledger.Touch(key))
        {
            _news.Set();
        }
    }

    private void EnqueueInteresting()
    {
        lock (_lock)
        {
            foreach (SampledRouter router in _routers.Values.Where(router => router.SampledPlan is not null))
            {
                if (IsRecent(router.AskedAt))
                {
                    Enqueue(router);
                }
                else
                {
                    router.ForgetSample();
                }
            }
        }
    }

    private bool IsRecent(long? askedAt) => askedAt is { } time && _time.GetElapsedTime(time) < Interest;

    private SampledRouter Find(RedirectPlan plan)
    {
        lock (_lock)
        {
            if (!_routers.TryGetValue(plan.Key, out SampledRouter? router))
            {
                _routers.Add(plan.Key, router = new SampledRouter(plan));
            }

            router.Plan = plan;
            return router;
        }
    }

    private void Enqueue(SampledRouter router)
    {
        if (!router.IsDue)
        {
            router.IsDue = true;
            _due.Enqueue(router);
        }
    }

    // Returns what shows the sample.
    private Action Sample(SampledRouter router)
    {
        RedirectPlan plan;
        bool withFlows;
        lock (_lock)
        {
            router.IsDue = false;
            router.HasEnds = false;
            plan = router.Plan;
            withFlows = router.NeedsFlows || IsRecent(router.FlowsAskedAt);
            router.NeedsFlows = false;
        }

        // Not under the lock that readers need: to count many flows takes its time.
        RouterTally tally = _ledger.Find(plan.Key);
        lock (tally)
        {
            tally.Follow(plan);
            tally.Begin();
        }

        bool isCountedByFlow = plan.Datapath == DatapathKind.Kernel;
        var intake = new FlowIntake(isCountedByFlow ? tally : null, withFlows);
        RouterTraffic? sample = TryRead(plan, isCountedByFlow || withFlows ? intake : null);
        if (sample is not null)
        {
            lock (tally)
            {
                RouterTraffic counted = tally.Finish(sample, isCountedByFlow);
                sample = ReferenceEquals(sample, RouterTraffic.None) ? sample : counted;
            }

            _ledger.Touch(plan.Key);
        }

        return () =>
        {
            lock (_lock)
            {
                router.Show(plan, sample, intake.Flows, _time.GetTimestamp());
                if (!IsRecent(router.FlowsTakenAt))
                {
                    router.ForgetFlows();
                }
            }
        };
    }

    // A router whose netns goes at this moment is refused, and its reconcile pass says what there is to say.
    private RouterTraffic? TryRead(RedirectPlan plan, IFlowVisitor? visit)
    {
        try
        {
            return _read(plan, visit);
        }
        catch (LinuxException)
        {
            return null;
        }
    }
}
