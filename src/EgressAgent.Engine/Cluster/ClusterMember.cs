using System.Collections.Concurrent;
using System.Net;
using EgressAgent.Engine.Cluster.Etcd;
using EgressAgent.Engine.Flows;
using EgressAgent.Engine.Kernel;
using EgressAgent.Linux.Clocks;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Cluster;

/// <summary>
/// This node among those of its cluster: it has an <see cref="Agreement"/> decide which routers it holds, on a thread of its own, does in
/// etcd and at the fence what that says, and tells others of it. A router that it holds may speak as long as the fence is extended, and
/// one that it drops is silent before anybody is told. Thread-safe.
/// </summary>
public sealed partial class ClusterMember : ICluster, IDisposable
{
    // From the death of a holder to its successor several of them follow each other.
    private static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(10);

    private readonly EtcdClient _etcd;
    private readonly ClusterStore _store;
    private readonly Agreement _agreement;
    private readonly Fence _fence;
    private readonly FlowExchange? _flows;
    private readonly ILogger _logger;
    private readonly BoundedQueue<Action<long>> _inbox = new(int.MaxValue);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentDictionary<RouterKey, RouterHolding> _holdings = [];
    private readonly Thread _thread;
    private CancellationTokenSource? _watch;
    private Uri? _watched;
    private TaskCompletionSource<long?>? _left;
    private bool _cannotSilence;
    private long _takeovers;
    private volatile ClusterFacts _facts = ClusterFacts.Nothing;

    /// <summary>Begins nothing before <see cref="Start"/>.</summary>
    /// <param name="settings">The cluster.</param>
    /// <param name="owner">What tells this node from another of its name.</param>
    /// <param name="fence">The node's; it belongs to the caller, and has to be there.</param>
    /// <param name="runtime">The directory for what lasts until the next boot.</param>
    /// <param name="flows">What tells the other members of flows; null when nothing does. It belongs to the caller.</param>
    /// <param name="time">The clock of what is not decided by CLOCK_BOOTTIME.</param>
    /// <param name="logger">For what becomes of routers.</param>
    public ClusterMember(ClusterSettings settings, AgentOwner owner, Fence fence, string runtime, FlowExchange? flows, TimeProvider time, ILogger logger)
    {
        Node = settings.Node ?? Environment.MachineName;
        (_fence, _flows, _logger) = (fence, flows, logger);
        ClusterKeys keys = ClusterKeys.Of(settings.Name);
        string? heartbeat = settings.Heartbeat is { } place ? new IPEndPoint(place.Address, place.Port).ToString() : null;
        AgreementMember self = new(Node, new NodeRecord(owner.Id, settings.Priority, heartbeat), settings.Preempts);
        _heartbeats = settings.Heartbeat is { } heard ? new HeartbeatSocket(heard, message => Post(now => Hear(message, now))) : null;
        _note = new MemberNote(Path.Combine(runtime, "cluster", owner.Id), settings.Name);
        Remember();
        _etcd = new EtcdClient(settings.Etcd, time);
        _store = new ClusterStore(_etcd, keys, self);
        _agreement = new Agreement(self, keys, BootClock.Nanoseconds);
        _thread = new Thread(Work) { Name = "cluster", IsBackground = true };
    }

    public string Node { get; }

    public ClusterFacts Facts => _facts;

    public event Action<RouterKey>? HoldingChanged;

    public event Action<ClusterFacts>? ProblemChanged;

    public RouterHolding Find(RouterKey router) => _holdings.GetValueOrDefault(router) ?? RouterHolding.Unknown;

    public TimeSpan Remaining => TimeSpan.FromTicks(Math.Max(0, Facts.Deadline - BootClock.Nanoseconds) / TimeSpan.NanosecondsPerTick);

    /// <summary>Begins to be a member.</summary>
    public void Start() => _thread.Start();

    public void Want(IReadOnlySet<RouterKey> routers) => Post(now => _agreement.Want(routers, now));

    public void NoteGateways(RouterKey router, bool? answers) => Post(now => _agreement.NoteGateways(router, answers, now));

    public void Release(RouterKey router) => Post(now => _agreement.Release(router, now));

    /// <summary>Gives all routers to other nodes, as far as that can be done in the time, and is no member that is there any more.</summary>
    /// <param name="time">What it may take, while etcd does not answer.</param>
    public async Task StopAsync(TimeSpan time)
    {
        TaskCompletionSource<long?> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ =>
        {
            _agreement.Leave();
            _left = done;
        });
        using CancellationTokenSource limit = new(time);
        try
        {
            if (await done.Task.WaitAsync(limit.Token).ConfigureAwait(false) is { } lease)
            {
                await _store.RevokeAsync(lease, limit.Token).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or EtcdException)
        {
            LogNotLeft(_logger, error is EtcdException ? error.Message : _problem ?? "etcd does not answer");
        }

        End();
    }

    public void Dispose()
    {
        End();
        _heartbeats?.Dispose();
        _etcd.Dispose();
        _end.Dispose();
    }

    private void End()
    {
        _end.Cancel();
        _inbox.Close();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }
    }

    // Once it is over, nobody has to know.
    private void Post(Action<long> told) => _inbox.TryAdd(told);

    private void Work()
    {
        try
        {
            while (!_inbox.IsOver)
            {
                bool isTold = _inbox.TryTake(out Action<long>? told, Idle);
                long now = BootClock.Nanoseconds;
                if (isTold)
                {
                    told!(now);
                }

                _agreement.Tick(now);
                _heartbeats?.Listen();
                TryWrite(now);
                Publish();
            }
        }
        catch (Exception defect)
        {
            // Without it nothing extends the fence, and the routers fall silent by themselves.
            LogDefect(_logger, defect);
        }
    }

    private void Publish()
    {
        foreach (AgreementAction action in _agreement.TakeActions())
        {
            Take(action);
        }

        foreach (RouterKey router in _agreement.Routers)
        {
            HeldClaim? claim = _agreement.View.Claims.GetValueOrDefault(router);
            bool? isHolder = _agreement.IsHolder(router);
            RouterHolding holding = new(isHolder, isHolder == true ? Node : claim?.By.Node, _agreement.TokenOf(router) ?? claim?.Created ?? 0);
            RouterHolding before = Find(router);
            if (holding != before)
            {
                _holdings[router] = holding;
                Tell(router, before, holding);
            }
        }

        if (!_agreement.IsGivingUp)
        {
            _left?.TrySetResult(_agreement.Lease);
        }

        if (!_cannotSilence && _agreement.IsRenewed(BootClock.Nanoseconds) && _agreement.IsInformed)
        {
            _problem = null;
        }

        ClusterFacts facts = new(_problem, _problem is null ? _unwritten : null, DescribeUnheard(), _agreement.Deadline, _takeovers, [.. _agreement.View.Alive.Keys.Order(StringComparer.Ordinal)]);
        ClusterFacts last = _facts;
        _facts = facts;
        NoteMembers();
        TellProblems(last, facts);
    }

    private void Tell(RouterKey router, RouterHolding before, RouterHolding now)
    {
        if (now.IsHolder == true)
        {
            string? former = _agreement.FormerHolderOf(router);
            _takeovers += former is null || former == Node ? 0 : 1;
            _flows?.NoteHeld(router);
            LogHeld(_logger, router, Node, now.Token, former is null || former == Node ? "" : $", after the node {former}");
        }

        HoldingChanged?.Invoke(router);
    }
}
