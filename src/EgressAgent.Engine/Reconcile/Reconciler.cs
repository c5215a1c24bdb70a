using EgressAgent.Engine.Cluster;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// Keeps the kernel at what the files want. Level-triggered: whatever happens only makes a router due, and a worker then looks
/// at the whole of it. Routers are independent: one that fails or waits holds up no other.
/// </summary>
public sealed partial class Reconciler : IDisposable
{
    // Passes mostly wait for the kernel, and a conflict probe for the network.
    private const int WorkerCount = 4;

    private static readonly TimeSpan FullPassInterval = TimeSpan.FromSeconds(60);

    private readonly Lock _lock = new();
    private readonly Dictionary<RouterKey, ManagedRouter> _routers = [];
    private readonly Dictionary<RouterKey, long> _passes = [];
    private readonly HashSet<RouterKey> _unseen = [];
    private readonly PassWaiters _waiters;
    private readonly TaskCompletionSource _allSeen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TimeProvider _time;
    private readonly IKernel _kernel;
    private readonly ILogger<Reconciler> _logger;
    private readonly WorkQueue _queue;
    private readonly ReconcilerContext _context;
    private readonly Thread[] _workers;
    private readonly ITimer _fullPass;
    private readonly ServiceReconciler _services;
    private bool _isDisposed;

    /// <param name="kernel">Belongs to the caller, who disposes it after the reconciler.</param>
    /// <param name="registry">What is wanted; it belongs to the caller too.</param>
    /// <param name="configuration">The agent's settings.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For everything that an operator may want to know.</param>
    /// <param name="cluster">The cluster that this node is a member of, which belongs to the caller; null for none.</param>
    public Reconciler(
        IKernel kernel,
        ResourceRegistry registry,
        AgentConfiguration configuration,
        TimeProvider time,
        ILogger<Reconciler> logger,
        ICluster? cluster = null)
    {
        _time = time;
        _kernel = kernel;
        _logger = logger;
        _queue = new WorkQueue(time);
        Status = new StatusBoard(time);
        _waiters = new PassWaiters(Status);
        Status.Changed += new RouterJournal(logger).Tell;
        Status.Changed += registry.Remember;
        _context = new ReconcilerContext(kernel, registry, configuration, Status, time, logger) { Cluster = cluster };
        if (cluster is not null)
        {
            Status.Changed += new ClusterCandidates(cluster, registry).Note;
            cluster.HoldingChanged += OnHoldingChanged;
            cluster.ProblemChanged += OnClusterProblem;
        }

        _services = new ServiceReconciler(_context, Services);
        Adopt();
        registry.Changed += OnRegistryChanged;
        _kernel.RouterChanged += OnRouterChanged;
        _kernel.NodeChanged += OnNodeChanged;
        _kernel.GatewaysChanged += Status.ReportGateways;
        _kernel.StandbyGatewaysChanged += Status.ReportStandbyGateways;
        _kernel.ObstaclesChanged += Status.ReportObstacles;
        Status.Changed += new KernelWatches(kernel).Note;
        _context.External.Changed += OnExternalChanged;
        _fullPass = time.CreateTimer(_ => Enqueue(_ => true), null, FullPassInterval, FullPassInterval);
        _workers = [.. Enumerable.Range(1, WorkerCount).Select(number => new Thread(Work) { Name = $"reconcile-{number}", IsBackground = true })];
        foreach (Thread worker in _workers)
        {
            worker.Start();
        }
    }

    public StatusBoard Status { get; }

    /// <summary>The cluster that this node is a member of; null for none.</summary>
    public ICluster? Cluster => _context.Cluster;

    /// <summary>What Services are like.</summary>
    public ServiceBoard Services { get; } = new();

    /// <summary>
    /// Begins to put Services in force: for when each router has been looked at, so that none is taken for lost. What an earlier agent
    /// left works until then.
    /// </summary>
    public void StartServices() => _services.Start();

    /// <summary>Completes when everything that was asked for has been tried once. What failed or waits is tried again later.</summary>
    public Task WhenIdle() => _queue.WhenIdle();

    /// <summary>Raised on any thread when the last pass that was due has ended. Handlers return at once.</summary>
    public event Action? Idle;

    /// <summary>Completes when each of the routers that were asked for until now has been looked at once, whatever came of it.</summary>
    public Task WhenEachWasSeen()
    {
        lock (_lock)
        {
            return _unseen.Count == 0 ? Task.CompletedTask : _allSeen.Task;
        }
    }

    /// <summary>How long the longest pass that runs now has been running.</summary>
    public TimeSpan LongestPass
    {
        get
        {
            lock (_lock)
            {
                return _passes.Count == 0 ? TimeSpan.Zero : _time.GetElapsedTime(_passes.Values.Min());
            }
        }
    }

    /// <summary>How long the passes took that have ended.</summary>
    public DurationCounts Passes { get; } = new();

    /// <summary>How often a router was repaired, as others had changed it, since the agent runs; 0 when there is no such router.</summary>
    public long CountRepairs(RouterKey key) => Find(key)?.RepairCount ?? 0;

    /// <summary>Makes a router due, as if something had happened to it. False when there is no such router.</summary>
    public bool Reapply(RouterKey key)
    {
        if (Find(key) is null)
        {
            return false;
        }

        _queue.Add(key);
        return true;
    }

    /// <summary>
    /// Makes this node the holder of a router that others may hold instead, and completes when its addresses are announced or it is known
    /// that they cannot be now: the claim stands all the same. No one else may hold it, which the caller sees to.
    /// </summary>
    /// <returns>What became of it; null when there is no such router.</returns>
    public async Task<RouterStatus?> ClaimAsync(RouterKey key)
    {
        Find(key)?.Claim();
        return await SettleAsync(key).ConfigureAwait(false);
    }

    /// <summary>Makes this node a standby of a router. The router sends nothing any more on the physical network when this begins to wait for the rest.</summary>
    /// <returns>What became of it; null when there is no such router.</returns>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    public async Task<RouterStatus?> ReleaseAsync(RouterKey key)
    {
        Find(key)?.Release();
        return await SettleAsync(key).ConfigureAwait(false);
    }

    /// <inheritdoc cref="IKernel.FlowEnded"/>
    public event Action<RouterKey, RouterFlow> FlowEnded
    {
        add => _kernel.FlowEnded += value;
        remove => _kernel.FlowEnded -= value;
    }

    /// <inheritdoc cref="IKernel.ReadTraffic"/>
    public RouterTraffic ReadTraffic(RedirectPlan plan, IFlowVisitor? visit) => _kernel.ReadTraffic(plan, visit);

    /// <inheritdoc cref="IKernel.ReadActivity"/>
    public ulong ReadActivity(RedirectPlan plan) => _kernel.ReadActivity(plan);

    /// <summary>Ends the passes that run and starts no more. The kernel keeps what it has.</summary>
    public void Dispose()
    {
        _context.Registry.Changed -= OnRegistryChanged;
        _kernel.RouterChanged -= OnRouterChanged;
        _kernel.NodeChanged -= OnNodeChanged;
        _kernel.GatewaysChanged -= Status.ReportGateways;
        _kernel.StandbyGatewaysChanged -= Status.ReportStandbyGateways;
        _kernel.ObstaclesChanged -= Status.ReportObstacles;
        _context.External.Changed -= OnExternalChanged;
        if (Cluster is { } cluster)
        {
            cluster.HoldingChanged -= OnHoldingChanged;
            cluster.ProblemChanged -= OnClusterProblem;
        }

        _fullPass.Dispose();
        _services.Dispose();
        _queue.Close(_workers.Length);
        foreach (Thread worker in _workers)
        {
            worker.Join();
        }

        lock (_lock)
        {
            _isDisposed = true;
            _waiters.End();
        }

        foreach (ManagedRouter router in _routers.Values)
        {
            router.Dispose();
        }

        _queue.Dispose();
    }

    // What the state forgot the kernel may still show: no address that a router uses is handed to another.
    private void Adopt()
    {
        foreach (RouterKey key in _kernel.ListRouters(key => _context.Registry.Find(key) is null))
        {
            using IKernelRouter router = _kernel.Open(key);
            ObservedRouter observed = router.Observe();
            ValueList<InterfaceAddress> inside = observed.Addresses.Concat(observed.UnmarkedAddresses)
                .Where(entry => entry is { Side: NetworkSide.Router, Link: RouterNames.InsideLink })
                .Select(entry => entry.Address).ToValueList();
            _context.Registry.Adopt(key, inside, observed.Macvlan?.Mac);
            if (inside.Count > 0)
            {
                LogAdopted(key, string.Join(", ", inside));
            }
        }
    }

    private void OnRegistryChanged(RegistryChange change)
    {
        lock (_lock)
        {
            foreach (RouterKey key in change.Routers)
            {
                if (!_routers.ContainsKey(key))
                {
                    _routers.Add(key, new ManagedRouter(key, _context));
                    _unseen.Add(key);
                }

                _queue.Add(key);
            }
        }
    }

    private void OnRouterChanged(RouterKey key)
    {
        if (Find(key) is not { IsPausing: false } router)
        {
            return;
        }

        if (router.IsFighting)
        {
            _queue.AddAfter(key, Fights.LookInterval);
        }
        else
        {
            _queue.Add(key);
        }
    }

    // Who is to give an address up has to do it at once, also one that pauses: another one waits for it.
    private void OnExternalChanged(IReadOnlyCollection<RouterKey> routers)
    {
        foreach (RouterKey key in routers.Where(key => Find(key) is not null))
        {
            _queue.Add(key);
        }
    }

    // At once: who pauses after a failure may hold the router now, or has to be silent.
    private void OnHoldingChanged(RouterKey key)
    {
        if (Find(key) is not null)
        {
            _queue.Add(key);
        }
    }

    private void OnClusterProblem(ClusterFacts facts) => Enqueue(router => router.IsOfCluster);

    private void OnNodeChanged(ObservedNode node) => Enqueue(router => router.IsConcernedBy(node));

    // A router that pauses is due at the end of its pause, whoever asks.
    private void Enqueue(Func<ManagedRouter, bool> isDue)
    {
        KeyValuePair<RouterKey, ManagedRouter>[] routers;
        lock (_lock)
        {
            routers = [.. _routers];
        }

        foreach ((RouterKey key, ManagedRouter router) in routers)
        {
            if (!router.IsPausing && isDue(router))
            {
                _queue.Add(key);
            }
        }
    }

    private void Work()
    {
        while (_queue.TryTake(out RouterKey key))
        {
            BeginPass(key);
            try
            {
                Pass(key);
            }
            finally
            {
                EndPass(key);
            }
        }
    }

    private Task<RouterStatus?> SettleAsync(RouterKey key)
    {
        Task<RouterStatus?> settled;
        lock (_lock)
        {
            if (_isDisposed || !_routers.ContainsKey(key))
            {
                return Task.FromResult<RouterStatus?>(null);
            }

            // A pass that runs already may have looked before.
            settled = _waiters.Add(key, isPassRunning: _passes.ContainsKey(key));
        }

        _queue.Add(key);
        return settled;
    }

    private void BeginPass(RouterKey key)
    {
        lock (_lock)
        {
            _passes[key] = _time.GetTimestamp();
        }
    }

    private void EndPass(RouterKey key)
    {
        lock (_lock)
        {
            if (_passes.Remove(key, out long began))
            {
                Passes.Add(_time.GetElapsedTime(began));
            }

            _waiters.PassEnded(key);
            if (_unseen.Remove(key) && _unseen.Count == 0)
            {
                _allSeen.TrySetResult();
            }
        }

        if (_queue.Done(key))
        {
            Idle?.Invoke();
        }
    }

    private void Pass(RouterKey key)
    {
        if (Find(key) is not { } router)
        {
            return;
        }

        LogPass(key);
        bool wasPausing = router.IsPausing;
        PassResult result = router.Pass();
        if (result.IsGone)
        {
            Forget(key, router);
        }
        else if (result.RetryAfter is { } delay)
        {
            _queue.AddAfter(key, delay);
        }
        else if (wasPausing)
        {
            // Nobody listened to what changed during the pass.
            _queue.Add(key);
        }
    }

    // A file may want it again since: then it is due, and begins anew.
    private void Forget(RouterKey key, ManagedRouter router)
    {
        lock (_lock)
        {
            _routers.Remove(key);
            if (_context.Registry.Find(key) is not null)
            {
                _routers.Add(key, new ManagedRouter(key, _context));
                _queue.Add(key);
            }
        }

        router.Dispose();
    }

    private ManagedRouter? Find(RouterKey key)
    {
        lock (_lock)
        {
            return _routers.GetValueOrDefault(key);
        }
    }
}
