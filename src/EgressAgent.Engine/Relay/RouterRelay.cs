using EgressAgent.Linux;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

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
internal sealed partial class RouterRelay : IDisposable
{
    private static readonly TimeSpan DrainPollInterval = TimeSpan.FromMilliseconds(20);

    // Of the time to drain, how much is for those connections that began meanwhile; others wait that long to be accepted.
    private const int LateShare = 6;
    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(5);

    private readonly Lock _change = new();
    private readonly Action<Action> _runInNetworkNamespace;
    private readonly RelayLoopGroup _group;
    private readonly RelayShard[] _shards;
    private Ingress? _ingress;
    private volatile RedirectionTable _table = RedirectionTable.Empty;
    private volatile ValueList<PlanProblem> _shortfalls = [];
    private volatile bool _marksSockets;
    private RedirectPlan? _plan;

    // What redirections have carried that are in force no more.
    private RelayTotals _former;
    private ulong _formerRefusals;
    private bool _isDisposed;

    /// <param name="group">The threads; they outlive the relay.</param>
    /// <param name="runInNetworkNamespace">
    /// Runs an action with the calling thread inside the router's network namespace, and returns with the thread back in its
    /// own. The actions make raw system calls only. It is called on the group's threads too.
    /// </param>
    /// <param name="options">Limits and times; null for the defaults.</param>
    /// <param name="kept">Where the sockets that clients reach live on; null when they end with this object.</param>
    /// <param name="portRange">Reads net.ipv4.ip_local_port_range of the router's network namespace, for messages.</param>
    public RouterRelay(
        RelayLoopGroup group,
        Action<Action> runInNetworkNamespace,
        RelayOptions? options = null,
        KeptSockets? kept = null,
        Func<string?>? portRange = null)
    {
        _portRange = portRange ?? (() => null);
        Saturation = new RelaySaturation(group.TimeProvider, () => SaturationChanged?.Invoke());
        Kept = kept;
        _group = group;
        _runInNetworkNamespace = runInNetworkNamespace;
        Options = options ?? RelayOptions.Default;
        _shards = [.. group.Loops.Select(loop => new RelayShard(this, loop))];
        ForEachShard(shard => shard.Loop.Add(shard));
    }

    /// <summary>Tells it from others: it counts from 0.</summary>
    internal string Id { get; } = Guid.NewGuid().ToString("N");

    /// <summary>How often clients were refused as no rule takes what they sent, where that is told.</summary>
    internal ulong NoRuleRefusals
    {
        get
        {
            lock (_change)
            {
                return _formerRefusals + (_ingress?.Refusals ?? 0);
            }
        }
    }

    /// <summary>The limits that new connections meet.</summary>
    internal RelaySaturation Saturation { get; }

    /// <summary>Raised when <see cref="Saturation"/> has others, on one of the group's threads. Handlers return at once.</summary>
    public event Action? SaturationChanged;

    /// <summary>The parts of the plan in force that are not served, and why.</summary>
    internal ValueList<PlanProblem> Shortfalls => _shortfalls;

    /// <summary>Whether sockets towards destinations are to bear <see cref="PacketMarks.OfRelay"/>.</summary>
    internal bool MarksSockets => _marksSockets;

    internal RelayOptions Options { get; }

    internal KeptSockets? Kept { get; }

    /// <summary>Where flows are recorded; null for nowhere.</summary>
    internal RelayRecords? Records { get; init; }

    internal TimeProvider TimeProvider => _group.TimeProvider;

    internal RedirectionTable Table => _table;

    internal IReadOnlyList<RelayShard> Shards => _shards;

    /// <summary>
    /// Puts a plan into force. New connections follow it when this returns. Flows that the plan would
    /// have made too are not touched; those of rules that went or changed, of clients that are no longer admitted, and from
    /// addresses that the router no longer has, are cut with a RST to both ends.
    /// </summary>
    /// <returns>Whether flows were cut.</returns>
    /// <exception cref="LinuxException">The kernel refused what all of it needs; apply the plan again later.</exception>
    public bool Apply(RedirectPlan plan)
    {
        lock (_change)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (plan.LocalProcesses == LocalProcesses.Deny)
            {
                MarkSockets();
            }
            else
            {
                _marksSockets = false;
            }

            var shortfalls = new List<PlanProblem>();
            RedirectionTable former = _table;
            var table = RedirectionTable.Compile(plan, former, _shards.Length, shortfalls);
            if (_ingress is null || !_ingress.Serves(plan))
            {
                CloseIngress(ingress => ingress.Close());
                _ingress = new Ingress(this, plan);
            }

            _table = table;
            _plan = plan;
            if (Records is { } opened)
            {
                // Clients wait already in sockets that were kept.
                opened.Mode = plan.FlowLog > opened.Mode ? plan.FlowLog : opened.Mode;
                opened.IsBehindService |= plan.IsBehindService;
            }

            bool hasCut;
            try
            {
                _ingress.Update(table, shortfalls);
            }
            finally
            {
                hasCut = Sweep(former, table);
            }

            if (Records is { } records)
            {
                records.Mode = plan.FlowLog;
                records.IsBehindService = plan.IsBehindService;
                ForEachShard(shard =>
                {
                    foreach (TimedSource flow in shard.Sources)
                    {
                        records.Follow(flow);
                    }
                });
            }

            _shortfalls = shortfalls.ToValueList();
            return hasCut;
        }
    }

    /// <summary>
    /// Sees to it that all sockets towards destinations bear <see cref="PacketMarks.OfRelay"/>, those of living flows too, until a plan
    /// allows processes to send. To be called before a ruleset is in force that refuses what does not bear it.
    /// </summary>
    internal void MarkSockets()
    {
        lock (_change)
        {
            if (_marksSockets || _isDisposed)
            {
                return;
            }

            _marksSockets = true;
            ForEachShard(shard => shard.RenewStocks());

            // What one loop accepted before that, with a socket that has no mark, is another's flow by now.
            ForEachShard(shard =>
            {
                foreach (TimedSource flow in shard.Sources)
                {
                    flow.Mark();
                }
            });
        }
    }

    /// <summary>
    /// Cuts the flows that those conntrack entries of the router's network namespace belong to, as far as they are the relay's. To it
    /// a flow that came by another address is one as others are; connection tracking alone knows.
    /// </summary>
    /// <param name="entries">Those entries.</param>
    /// <param name="areForgotten">Whether they are gone. Until they are said to be, no association of the same ends begins.</param>
    internal void Cut(IReadOnlyList<ConntrackEntry> entries, bool areForgotten)
    {
        HashSet<DialledFlow> flows = [.. entries.Select(entry => DialledFlow.OfReply(entry.Reply)).OfType<DialledFlow>()];
        lock (_change)
        {
            if (!_isDisposed)
            {
                ForEachShard(shard =>
                {
                    CutAll(shard.Sources.Where(source => flows.Contains(source.Dialled)));
                    shard.Refuse(flows, !areForgotten);
                });
            }
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
            if (before.Count == 0 || _isDisposed || _ingress is null)
            {
                return false;
            }

            Apply(_plan!);
            return !_shortfalls.Equals(before);
        }
    }

    /// <summary>All flows, each shard's at one moment.</summary>
    public IReadOnlyList<RelayFlow> ListFlows()
    {
        var flows = new List<RelayFlow>();
        ForEachShard(shard => flows.AddRange(shard.Sources.Select(source => source.Describe())));
        return flows;
    }

    /// <summary>How many flows of each protocol there are: cheaper than to list them, as nothing is asked of their sockets.</summary>
    internal ValueList<FlowCount> CountFlows()
    {
        var counter = new FlowCounter();
        ForEachShard(shard =>
        {
            foreach (TimedSource source in shard.Sources)
            {
                counter.Add(source.Dialled.Protocol.Number());
            }
        });
        return counter.Read();
    }

    /// <summary>The counters of the rules and fallbacks in force.</summary>
    public IReadOnlyList<RelayCounters> ReadCounters() => [.. _table.Redirections.Values.Select(redirection => redirection.Sum())];

    /// <summary>What all rules and fallbacks have carried together, also those that were in force before.</summary>
    internal RelayTotals ReadTotals()
    {
        lock (_change)
        {
            return ReadCounters().Aggregate(_former, (sum, counters) => sum + RelayTotals.Of(counters));
        }
    }

    /// <summary>Accepts nothing more. Clients are refused or, where the sockets are kept, wait for the next process.</summary>
    public void StopAccepting()
    {
        lock (_change)
        {
            CloseIngress(ingress => ingress.Leave());
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

    /// <summary>Cuts every flow. What it has carried can still be read.</summary>
    internal void CutAll()
    {
        lock (_change)
        {
            if (!_isDisposed)
            {
                ForEachShard(shard => CutAll(shard.Sources));
            }
        }
    }

    /// <summary>A number that is another one when something was carried or refused since.</summary>
    internal ulong ReadActivity()
    {
        RelayTotals totals = ReadTotals();
        return (ulong)(totals.BytesToDestination + totals.BytesToClient + totals.Connections + Saturation.LimitRefusals + (long)NoRuleRefusals);
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

    private void CloseIngress(Action<Ingress> close)
    {
        if (_ingress is { } ingress)
        {
            _ingress = null;
            _formerRefusals += ingress.Refusals;
            close(ingress);
        }
    }

    private bool HasConnectionSince(long timestamp)
    {
        bool found = false;
        ForEachShard(shard => found |= shard.Sources.OfType<RelayedConnection>().Any(connection => connection.Started <= timestamp));
        return found;
    }

    // What went is counted with what the router has carried before.
    private bool Sweep(RedirectionTable former, RedirectionTable table)
    {
        int cut = 0;
        ForEachShard(shard => cut += CutAll(shard.Sources.Where(source => !source.LivesOn(table))));
        _former = former.Redirections.Values.Except(table.Redirections.Values).Aggregate(_former, (sum, gone) => sum + RelayTotals.Of(gone.Sum()));
        return cut > 0;
    }

    // A source that ends leaves the list that is being walked, so they are collected first.
    private static int CutAll(IEnumerable<TimedSource> sources)
    {
        List<TimedSource> cut = [.. sources];
        cut.ForEach(source => source.Cut());
        return cut.Count;
    }

    private void ForEachShard(Action<RelayShard> action)
    {
        foreach (RelayShard shard in _shards)
        {
            shard.Loop.Invoke(() => action(shard));
        }
    }
}
