using EgressAgent.Engine.Clients;
using EgressAgent.Engine.Records;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Systemd;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// The relays of all routers, and the threads that they share. The threads are there from the first relay on. Thread-safe.
/// </summary>
/// <param name="store">Where the sockets that clients reach outlive the agent; null when they do not.</param>
/// <param name="records">Where records of flows go; null for nowhere.</param>
/// <param name="clients">Who knows whose flows they are; null for nobody.</param>
internal sealed class RelayHost(DescriptorStore? store = null, FlowRecorder? records = null, ClientFinder? clients = null) : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();

    /// <summary>
    /// Raised when <see cref="FindSaturation"/> or <see cref="FindShortfalls"/> has another answer. Handlers return at once.
    /// </summary>
    internal event Action<RouterKey>? Changed;

    private readonly Dictionary<RouterKey, RunningRelay> _relays = [];
    private RelayLoopGroup? _group;
    private ITimer? _retry;

    internal bool IsRunning(RouterKey key, NetworkNamespace netns)
    {
        lock (_lock)
        {
            return _relays.TryGetValue(key, out RunningRelay? relay) && relay.Netns.Equals(netns);
        }
    }

    /// <summary>The router's relay, which is made if it does not run in that netns.</summary>
    /// <exception cref="Linux.LinuxException">No descriptors are left.</exception>
    internal RouterRelay Start(RouterKey key, NetworkNamespace netns)
    {
        lock (_lock)
        {
            if (_relays.TryGetValue(key, out RunningRelay? relay) && relay.Netns.Equals(netns))
            {
                return relay.Relay;
            }

            Remove(key);
            _group ??= new RelayLoopGroup();
            _retry ??= TimeProvider.System.CreateTimer(_ => Retry(), null, RetryInterval, RetryInterval);
            relay = new RunningRelay(key, _group, netns.Duplicate(), store, records, clients);
            relay.Relay.SaturationChanged += () => Changed?.Invoke(key);
            _relays.Add(key, relay);
            return relay.Relay;
        }
    }

    /// <summary>Closes the router's sockets and cuts its flows. That there is no relay is no error.</summary>
    internal void Stop(RouterKey key)
    {
        lock (_lock)
        {
            Remove(key);
        }
    }

    /// <inheritdoc cref="RouterRelay.MarkSockets"/>
    internal void MarkSockets(RouterKey key)
    {
        lock (_lock)
        {
            _relays.GetValueOrDefault(key)?.Relay.MarkSockets();
        }
    }

    /// <inheritdoc cref="RouterRelay.Cut"/>
    internal void Cut(RouterKey key, IReadOnlyList<ConntrackEntry> entries, bool areForgotten)
    {
        lock (_lock)
        {
            _relays.GetValueOrDefault(key)?.Relay.Cut(entries, areForgotten);
        }
    }

    /// <summary>Cuts every flow of the router's relay, which takes new ones. What they have carried can still be read.</summary>
    internal void CutAll(RouterKey key)
    {
        lock (_lock)
        {
            _relays.GetValueOrDefault(key)?.Relay.CutAll();
        }
    }

    /// <summary>The limits that what comes to the router's relay meets.</summary>
    internal ValueList<string> FindSaturation(RouterKey key)
    {
        lock (_lock)
        {
            return _relays.GetValueOrDefault(key) is { } running ? [.. running.Relay.Saturation.Texts, .. running.Drops.Texts] : [];
        }
    }

    /// <inheritdoc cref="RouterRelay.Shortfalls"/>
    internal ValueList<PlanProblem> FindShortfalls(RouterKey key)
    {
        lock (_lock)
        {
            return _relays.GetValueOrDefault(key)?.Relay.Shortfalls ?? [];
        }
    }

    /// <summary>What goes through the router's relay, by the rules of the plan; nothing when it does not run.</summary>
    internal RouterTraffic ReadTraffic(RedirectPlan plan, IFlowVisitor? visit = null)
    {
        lock (_lock)
        {
            return RelayTraffic.Read(plan, _relays.GetValueOrDefault(plan.Key)?.Relay, visit);
        }
    }

    /// <summary>A number that is another one when a relay has carried or refused something since; 0 when it does not run.</summary>
    internal ulong ReadActivity(RouterKey key)
    {
        lock (_lock)
        {
            return _relays.GetValueOrDefault(key)?.Relay.ReadActivity() ?? 0;
        }
    }

    /// <summary>Lets every relay accept nothing more, and waits for the connections to end.</summary>
    /// <returns>How many still live after the time.</returns>
    internal async Task<int> DrainAsync(TimeSpan timeout, CancellationToken cancellation)
    {
        RouterRelay[] relays;
        lock (_lock)
        {
            relays = [.. _relays.Values.Select(relay => relay.Relay)];
        }

        await Task.WhenAll(relays.Select(relay => relay.DrainAsync(timeout, isSucceeded: store is not null && DescriptorStore.HasManager, cancellation))).ConfigureAwait(false);
        return relays.Sum(relay => relay.ConnectionCount);
    }

    /// <summary>Cuts every flow of every relay. What they have carried can still be read.</summary>
    internal void CutAll()
    {
        lock (_lock)
        {
            foreach (RunningRelay relay in _relays.Values)
            {
                relay.Relay.CutAll();
            }
        }
    }

    /// <summary>Cuts what is left and ends the threads. In sockets that are kept clients wait for the next agent.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach ((RouterKey key, RunningRelay relay) in _relays.ToList())
            {
                relay.Relay.StopAccepting();
                Remove(key);
            }

            _retry?.Dispose();
            _retry = null;
            _group?.Dispose();
            _group = null;
        }
    }

    // A timer's thread ends the process with an exception; what the kernel refuses here is refused again at the next time.
    private void Retry()
    {
        List<RouterKey> changed = [];
        lock (_lock)
        {
            foreach ((RouterKey key, RunningRelay running) in _relays)
            {
                // A look takes a tenth of a millisecond, and of idle relays there may be hundreds.
                bool isChanged = (running.Relay.TakeActivity() || running.Drops.Texts.Count > 0) && running.Drops.Look();
                try
                {
                    isChanged |= running.Relay.Retry();
                }
                catch (LinuxException)
                {
                }

                if (isChanged)
                {
                    changed.Add(key);
                }
            }
        }

        changed.ForEach(key => Changed?.Invoke(key));
    }

    private void Remove(RouterKey key)
    {
        if (_relays.Remove(key, out RunningRelay? relay))
        {
            relay.Dispose();
        }
    }

    private sealed class RunningRelay : IDisposable
    {
        internal RunningRelay(
            RouterKey key, RelayLoopGroup group, NetworkNamespace netns, DescriptorStore? store, FlowRecorder? records, ClientFinder? clients)
        {
            Netns = netns;
            Relay = new RouterRelay(
                group,
                netns.Run,
                kept: store is null ? null : new KeptSockets(store, netns.Id),
                portRange: () => Sysctl.Get(netns, "net/ipv4/ip_local_port_range"))
            {
                Records = records is null ? null : new RelayRecords(key, netns.Duplicate(), records, clients),
            };
            Drops = new DropWatch(netns, () => (ulong)Relay.Saturation.Unsent);
        }

        internal NetworkNamespace Netns { get; }

        internal RouterRelay Relay { get; }

        internal DropWatch Drops { get; }

        public void Dispose()
        {
            Relay.Dispose();
            Relay.Records?.Dispose();
            Netns.Dispose();
        }
    }
}
