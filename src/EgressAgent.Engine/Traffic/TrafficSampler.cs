using EgressAgent.Linux;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Traffic;

/// <summary>
/// Looks at what goes through routers, on a thread of its own, so that who wants to know waits for no kernel and holds up no
/// traffic. A router is looked at when somebody asks and the last look is old, and from then on again and again, until nobody has
/// asked for a while. Flows that end are told to it. Thread-safe.
/// </summary>
public sealed class TrafficSampler : IDisposable
{
    /// <summary>How old a sample may be when it is read.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(5);

    // Sooner than a sample is too old, so that who reads all the time does not wait.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Interest = TimeSpan.FromSeconds(15);

    private readonly Func<RedirectPlan, RouterTraffic> _read;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Dictionary<RouterKey, SampledRouter> _routers = [];
    private readonly Queue<SampledRouter> _due = new();
    private readonly AutoResetEvent _news = new(initialState: false);
    private readonly Thread _thread;
    private bool _isDisposed;

    /// <param name="read">Looks at a router; called on the sampler's thread.</param>
    /// <param name="time">The clock.</param>
    public TrafficSampler(Func<RedirectPlan, RouterTraffic> read, TimeProvider time)
    {
        _read = read;
        _time = time;
        _thread = new Thread(Run) { Name = "traffic", IsBackground = true };
        _thread.Start();
    }

    /// <summary>From here on the rules of this plan count, and those that it has not are forgotten.</summary>
    public void Follow(RedirectPlan plan)
    {
        RouterTally tally = Find(plan).Tally;
        lock (tally)
        {
            tally.Follow(plan);
        }
    }

    /// <summary>A flow through a router of the kernel datapath has ended, with these counts.</summary>
    public void End(RouterKey key, RouterFlow flow)
    {
        RouterTally? tally;
        lock (_lock)
        {
            tally = _routers.GetValueOrDefault(key)?.Tally;
        }

        if (tally is not null)
        {
            lock (tally)
            {
                tally.End(flow);
            }
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

    /// <summary>The flows of the last sample; none when there is none.</summary>
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
    public Task RefreshAsync(RedirectPlan plan)
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return Task.CompletedTask;
            }

            SampledRouter router = Find(plan);
            router.AskedAt = _time.GetTimestamp();
            if (router.SampledPlan == plan && _time.GetElapsedTime(router.TakenAt) < MaxAge)
            {
                return Task.CompletedTask;
            }

            Enqueue(router);
            _news.Set();
            return Task.WhenAny(router.Next.Task, Task.Delay(MaxAge, _time));
        }
    }

    /// <summary>Forgets a router that went.</summary>
    public void Forget(RouterKey key)
    {
        lock (_lock)
        {
            if (_routers.Remove(key, out SampledRouter? router))
            {
                router.Next.TrySetResult();
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _news.Set();
        }

        _thread.Join();
        foreach (SampledRouter router in _routers.Values)
        {
            router.Next.TrySetResult();
        }

        _news.Dispose();
    }

    private void Run()
    {
        while (WaitForDue() is { } routers)
        {
            foreach (SampledRouter router in routers)
            {
                Sample(router);
            }
        }
    }

    // Null at the end.
    private SampledRouter[]? WaitForDue()
    {
        while (true)
        {
            bool isAnybodyInterested;
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

                isAnybodyInterested = _routers.Values.Any(router => router.SampledPlan is not null);
            }

            if (!_news.WaitOne(isAnybodyInterested ? Interval : Timeout.InfiniteTimeSpan))
            {
                EnqueueInteresting();
            }
        }
    }

    private void EnqueueInteresting()
    {
        lock (_lock)
        {
            foreach (SampledRouter router in _routers.Values.Where(router => router.SampledPlan is not null))
            {
                if (_time.GetElapsedTime(router.AskedAt) < Interest)
                {
                    Enqueue(router);
                }
                else
                {
                    router.SampledPlan = null;
                    router.Sample = RouterTraffic.None;
                    router.Flows = FlowList.None;
                }
            }
        }
    }

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

    private void Sample(SampledRouter router)
    {
        RedirectPlan plan;
        lock (_lock)
        {
            router.IsDue = false;
            plan = router.Plan;
        }

        // Not under the lock that readers need: to count many flows takes its time.
        lock (router.Tally)
        {
            router.Tally.Follow(plan);
            router.Tally.Begin();
        }

        RouterTraffic? sample = TryRead(plan);
        if (sample is not null)
        {
            lock (router.Tally)
            {
                sample = router.Tally.Finish(sample, plan.Datapath == DatapathKind.Kernel);
            }
        }

        lock (_lock)
        {
            if (sample is not null)
            {
                router.Sample = sample;
                router.Flows = new FlowList(sample.Flows);
            }

            router.SampledPlan = plan;
            router.TakenAt = _time.GetTimestamp();
            router.Next.TrySetResult();
            router.Next = NewSignal();
        }
    }

    // A router whose netns goes at this moment is refused, and its reconcile pass says what there is to say.
    private RouterTraffic? TryRead(RedirectPlan plan)
    {
        try
        {
            return _read(plan);
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class SampledRouter(RedirectPlan plan)
    {
        internal RedirectPlan Plan { get; set; } = plan;

        /// <summary>To be locked by whoever uses it.</summary>
        internal RouterTally Tally { get; } = new();

        internal long AskedAt { get; set; }

        internal RouterTraffic Sample { get; set; } = RouterTraffic.None;

        internal FlowList Flows { get; set; } = FlowList.None;

        /// <summary>Null before the first sample.</summary>
        internal RedirectPlan? SampledPlan { get; set; }

        internal long TakenAt { get; set; }

        internal bool IsDue { get; set; }

        /// <summary>Completes with the next sample.</summary>
        internal TaskCompletionSource Next { get; set; } = NewSignal();
    }
}
