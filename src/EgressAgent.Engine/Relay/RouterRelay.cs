using EgressAgent.Linux;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// One router's relay: accepts connections (TCP, SCTP) and UDP datagrams at a router's inside addresses and
/// carries them to their destinations from its reserved addresses. All sockets are made inside the router's network namespace;
/// the threads that serve them stay outside.
/// </summary>
/// <remarks>
/// Everything here may be called from any thread but the group's own; calls that change something are serialised. What differs
/// from the kernel datapath by nature: the client's handshake is complete before the destination is asked, so an unreachable
/// or refusing destination shows as a RST right after it; and only TCP, UDP and SCTP are carried, SCTP by rules alone.
/// </remarks>
internal sealed class RouterRelay : IDisposable
{
    private static readonly TimeSpan DrainPollInterval = TimeSpan.FromMilliseconds(20);

    // Of the time to drain, how much is for those connections that began meanwhile; others wait that long to be accepted.
    private const int LateShare = 6;
    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(5);

    // At the limit, connections come and go all the time; it is told once.
    private static readonly TimeSpan SaturationEnd = TimeSpan.FromSeconds(10);

    private readonly Lock _change = new();
    private readonly Action<Action> _runInNetworkNamespace;
    private readonly RelayLoopGroup _group;
    private readonly RelayShard[] _shards;
    private Ingress? _ingress;
    private volatile RedirectionTable _table = RedirectionTable.Empty;
    private volatile string? _saturation;
    private volatile ValueList<PlanProblem> _shortfalls = [];
    private RedirectPlan? _plan;
    private long _saturatedAt;
    private int _connections;
    private int _associations;
    private bool _isDisposed;

    /// <param name="group">The threads; they outlive the relay.</param>
    /// <param name="runInNetworkNamespace">
    /// Runs an action with the calling thread inside the router's network namespace, and returns with the thread back in its
    /// own. The actions make raw system calls only. It is called on the group's threads too.
    /// </param>
    /// <param name="options">Limits and times; null for the defaults.</param>
    /// <param name="kept">Where the sockets that clients reach live on; null when they end with this object.</param>
    public RouterRelay(
        RelayLoopGroup group, Action<Action> runInNetworkNamespace, RelayOptions? options = null, KeptSockets? kept = null)
    {
        Kept = kept;
        _group = group;
        _runInNetworkNamespace = runInNetworkNamespace;
        Options = options ?? RelayOptions.Default;
        _shards = [.. group.Loops.Select(loop => new RelayShard(this, loop))];
        ForEachShard(shard => shard.Loop.Add(shard));
    }

    /// <summary>
    /// What new connections have to wait for, for an operator to read; null when none has had to for ten seconds.
    /// </summary>
    public string? Saturation => _saturation;

    /// <summary>Raised when <see cref="Saturation"/> changed, on one of the group's threads. Handlers return at once.</summary>
    public event Action? SaturationChanged;

    /// <summary>The parts of the plan in force that are not served, and why.</summary>
    internal ValueList<PlanProblem> Shortfalls => _shortfalls;

    /// <summary>Connections at this moment, those included that are still being made.</summary>
    public int ConnectionCount => Volatile.Read(ref _connections);

    internal RelayOptions Options { get; }

    internal KeptSockets? Kept { get; }

    internal TimeProvider TimeProvider => _group.TimeProvider;

    internal RedirectionTable Table => _table;

    internal IReadOnlyList<RelayShard> Shards => _shards;

    /// <summary>
    /// Puts a plan into force. New connections follow it when this returns. Flows that the plan would
    /// have made too are not touched; those of rules that went or changed, of clients that are no longer admitted, and from
    /// addresses that the router no longer has, are cut with a RST to both ends.
    /// </summary>
    /// <returns>The parts of the plan that are not served, and why; empty when all is in force.</returns>
    public ValueList<PlanProblem> Apply(RedirectPlan plan)
    {
        lock (_change)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            var shortfalls = new List<PlanProblem>();
            var table = RedirectionTable.Compile(plan, _table, _shards.Length, shortfalls);
            if (_ingress is null || !_ingress.Serves(plan))
            {
                _ingress?.Close();
                _ingress = null;
                _ingress = new Ingress(this, plan);
            }

            _table = table;
            _ingress.Update(table, shortfalls);
            ForEachShard(shard => Sweep(shard, table));
            _plan = plan;
            return _shortfalls = shortfalls.ToValueList();
        }
    }

    /// <summary>
    /// Tries again what is not served, as whatever stands in the way may be over: a port is free again, descriptors are, a module is
    /// loaded. For a timer.
    /// </summary>
    /// <returns>Whether <see cref="Shortfalls"/> is another.</returns>
    internal bool Retry()
    {
        lock (_change)
        {
            ValueList<PlanProblem> before = _shortfalls;
            return before.Count > 0 && !_isDisposed && _ingress is not null && !Apply(_plan!).Equals(before);
        }
    }

    /// <summary>All flows, each shard's at one moment.</summary>
    public IReadOnlyList<RelayFlow> ListFlows()
    {
        var flows = new List<RelayFlow>();
        ForEachShard(shard => flows.AddRange(shard.Sources.Select(source => source.Describe())));
        return flows;
    }

    /// <summary>The counters of the rules and fallbacks in force.</summary>
    public IReadOnlyList<RelayCounters> ReadCounters() => [.. _table.Redirections.Values.Select(redirection => redirection.Sum())];

    /// <summary>Accepts nothing more. Clients are refused or, where the sockets are kept, wait for the next process.</summary>
    public void StopAccepting()
    {
        lock (_change)
        {
            _ingress?.Leave();
            _ingress = null;
        }
    }

    /// <summary>
    /// As <see cref="StopAccepting"/>, and waits for the connections to finish. The rest of them live on. Where another process takes
    /// the sockets over, new connections are taken until those of now have finished, so that a single one that is long does not keep others
    /// out, or until the time is nearly up, so that the new ones finish too.
    /// </summary>
    /// <returns>Whether all have finished within the time.</returns>
    public async Task<bool> DrainAsync(TimeSpan timeout, bool isSucceeded = false, CancellationToken cancellation = default)
    {
        long started = TimeProvider.GetTimestamp();
        TimeSpan rest = timeout / LateShare < LongestRest ? timeout / LateShare : LongestRest;
        while (isSucceeded && TimeProvider.GetElapsedTime(started) < timeout - rest && HasConnectionSince(started))
        {
            await Task.Delay(DrainPollInterval, TimeProvider, cancellation);
        }

        StopAccepting();
        while (ConnectionCount > 0)
        {
            if (TimeProvider.GetElapsedTime(started) >= timeout)
            {
                return false;
            }

            await Task.Delay(DrainPollInterval, TimeProvider, cancellation);
        }

        return true;
    }

    /// <summary>Stops listening, here and where the sockets are kept, and cuts what is left.</summary>
    public void Dispose()
    {
        lock (_change)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            _ingress?.Close();
            _ingress = null;
            ForEachShard(shard =>
            {
                CutAll(shard.Sources);
                shard.Close();
                shard.Loop.Remove(shard);
            });
        }
    }

    internal void RunInNetworkNamespace(Action action) => _runInNetworkNamespace(action);

    /// <summary>Counts a connection in, if there is room for one.</summary>
    internal bool TryReserveConnection()
    {
        if (Interlocked.Increment(ref _connections) <= Options.MaxConnections)
        {
            return true;
        }

        OnConnectionEnded();
        return false;
    }

    /// <summary>
    /// Where a new connection goes: to the loop that has the fewest, and rather to that which accepted it. To hand one over costs
    /// less than an uneven share.
    /// </summary>
    internal RelayShard LeastLoaded(RelayShard own)
    {
        RelayShard least = own;
        int fewest = own.Loop.ConnectionCount;
        foreach (RelayShard shard in _shards)
        {
            int count = shard.Loop.ConnectionCount;
            if (count < fewest)
            {
                (least, fewest) = (shard, count);
            }
        }

        return least;
    }

    /// <summary>A client has to wait.</summary>
    /// <param name="errno">What there is not; success when the router's own limit is reached.</param>
    internal void Saturate(Errno errno)
    {
        Volatile.Write(ref _saturatedAt, TimeProvider.GetTimestamp());
        if (_saturation is null)
        {
            _saturation = errno switch
            {
                { IsSuccess: true } => $"{Options.MaxConnections} connections are open, the most that the relay of a router holds: new ones wait",
                _ when errno == Errno.EMFILE => $"all {DescriptorLimit.Current} descriptors of the agent are in use (LimitNOFILE= of its service): new connections wait",
                _ => $"new connections wait, as the kernel has nothing left for them: {errno.Message}",
            };
            SaturationChanged?.Invoke();
        }
    }

    /// <summary>To be called now and then while there is a <see cref="Saturation"/>.</summary>
    internal void EndSaturation()
    {
        if (_saturation is not null && TimeProvider.GetElapsedTime(Volatile.Read(ref _saturatedAt)) >= SaturationEnd)
        {
            _saturation = null;
            SaturationChanged?.Invoke();
        }
    }

    internal void OnConnectionEnded() => Interlocked.Decrement(ref _connections);

    /// <summary>Counts a UDP association in, if there is room for one.</summary>
    internal bool TryReserveAssociation()
    {
        if (Interlocked.Increment(ref _associations) <= Options.MaxAssociations)
        {
            return true;
        }

        OnAssociationEnded();
        return false;
    }

    internal void OnAssociationEnded() => Interlocked.Decrement(ref _associations);

    private bool HasConnectionSince(long timestamp)
    {
        bool found = false;
        ForEachShard(shard => found |= shard.Sources.OfType<RelayedConnection>().Any(connection => connection.Started <= timestamp));
        return found;
    }

    private static void Sweep(RelayShard shard, RedirectionTable table) =>
        CutAll(shard.Sources.Where(source => !source.LivesOn(table)));

    // A source that ends leaves the list that is being walked, so they are collected first.
    private static void CutAll(IEnumerable<TimedSource> sources)
    {
        foreach (TimedSource source in sources.ToList())
        {
            source.Cut();
        }
    }

    private void ForEachShard(Action<RelayShard> action)
    {
        foreach (RelayShard shard in _shards)
        {
            shard.Loop.Invoke(() => action(shard));
        }
    }
}
