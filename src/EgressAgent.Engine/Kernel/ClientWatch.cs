using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Linux.Nftables;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Looks whether the node leads clients to the routers: when a router comes, and for all of them together once what others changed on the
/// node has settled. It changes nothing. Thread-safe.
/// </summary>
internal sealed class ClientWatch : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Lock _looking = new();
    private readonly Dictionary<RouterKey, Watched> _watched = [];
    private readonly NetworkNamespace _netns;
    private readonly RouteNetlink _route;
    private readonly NodeState _node;
    private readonly NetlinkMonitorLoop _loop;
    private readonly NftConnection? _nftables;
    private readonly NftablesMonitor? _monitor;
    private readonly Settling _settling;
    private readonly Action<RouterKey, ValueList<ClientObstacle>> _told;
    private ValueList<ServiceEntry> _services = [];
    private bool _areAllDue;
    private bool _isDisposed;

    /// <param name="netns">The node's namespace.</param>
    /// <param name="route">The same, to ask; it belongs to the caller.</param>
    /// <param name="node">What is known of the node.</param>
    /// <param name="loop">Who waits for what the kernel tells.</param>
    /// <param name="time">The clock.</param>
    /// <param name="told">Called on a thread of the pool with what is in the way to a router, when it is known first and when it is something else. It returns at once.</param>
    internal ClientWatch(NetworkNamespace netns, RouteNetlink route, NodeState node, NetlinkMonitorLoop loop, TimeProvider time, Action<RouterKey, ValueList<ClientObstacle>> told)
    {
        _netns = netns;
        _route = route;
        _node = node;
        _told = told;
        _settling = new Settling(time, Look, TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(5));
        _loop = loop;
        try
        {
            _nftables = NftConnection.Open(netns);
            _monitor = NftablesMonitor.Open(netns);
            loop.Add(_monitor, OnRulesetChanged);
        }
        catch (LinuxException)
        {
            // A kernel without nftables drops nothing by them; no router of the kernel datapath runs there either.
        }

        node.WaysChanged += OnWaysChanged;
    }

    /// <summary>Looks from now on after a router.</summary>
    /// <param name="key">The router.</param>
    /// <param name="desired">What is in force of it; null to look no more.</param>
    internal void Watch(RouterKey key, DesiredRouter? desired)
    {
        lock (_lock)
        {
            if (desired is null)
            {
                _watched.Remove(key);
                return;
            }

            ClientWays ways = ClientWays.Of(desired);
            if (_watched.GetValueOrDefault(key)?.Ways != ways)
            {
                _watched[key] = new Watched(ways);
                _settling.Unsettle();
            }
        }
    }

    /// <summary>Looks after the addresses of Services, for the routers that they lead to.</summary>
    internal void Watch(ServicePlan services)
    {
        lock (_lock)
        {
            if (!_services.Equals(services.Entries))
            {
                _services = services.Entries;
                OnWaysChanged();
            }
        }
    }

    public void Dispose()
    {
        _node.WaysChanged -= OnWaysChanged;
        if (_monitor is not null)
        {
            _loop.Remove(_monitor);
            _monitor.Dispose();
        }

        _settling.Dispose();
        lock (_looking)
        {
            _isDisposed = true;
            _nftables?.Dispose();
        }
    }

    private void OnRulesetChanged()
    {
        if (_monitor!.Read().Count > 0)
        {
            OnWaysChanged();
        }
    }

    private void OnWaysChanged()
    {
        lock (_lock)
        {
            _areAllDue = true;
            if (_watched.Count > 0)
            {
                _settling.Unsettle();
            }
        }
    }

    private void Look()
    {
        lock (_looking)
        {
            if (!_isDisposed)
            {
                LookAtWhatIsDue();
            }
        }
    }

    private void LookAtWhatIsDue()
    {
        (RouterKey Key, Watched Watched)[] due;
        ILookup<IPAddress, IPAddress> services;
        lock (_lock)
        {
            due = [.. _watched.Where(item => _areAllDue || item.Value.IsDue).Select(item => (item.Key, item.Value))];
            _areAllDue = false;
            foreach ((_, Watched watched) in due)
            {
                watched.IsDue = false;
            }

            services = _services.SelectMany(entry => entry.Targets.Select(target => (target.Inside, entry.Address))).Distinct()
                .ToLookup(pair => pair.Inside, pair => pair.Address);
        }

        try
        {
            NftWalk? ruleset = _nftables is null ? null : new NftWalk(_nftables);
            var check = new ClientCheck(_netns, _route, _node.Observe(), _node.LinkIndexes(), new ForwardFilter(ruleset));
            foreach ((RouterKey key, Watched watched) in due)
            {
                ValueList<ClientObstacle> obstacles = FindOrExplain(check, watched.Ways, services);
                if (!obstacles.Equals(watched.Obstacles))
                {
                    watched.Obstacles = obstacles;
                    _told(key, obstacles);
                }
            }
        }
        catch (LinuxException)
        {
            // Whoever needs the node meets the refusal too, and says so.
            OnWaysChanged();
        }
    }

    // A defect. Rules that others write, of whatever kind, must not end the agent.
    private static ValueList<ClientObstacle> FindOrExplain(ClientCheck check, ClientWays ways, ILookup<IPAddress, IPAddress> services)
    {
        try
        {
            return check.Find(ways, services);
        }
        catch (Exception exception) when (exception is not LinuxException)
        {
            return
            [
                new ClientObstacle(
                    PlanReasons.UnexpectedError,
                    "",
                    "whether clients reach the router is not known, by an unexpected error, please report it",
                    $"{exception.GetType().Name}: {exception.Message}",
                    IsExpected: true),
            ];
        }
    }

    private sealed class Watched(ClientWays ways)
    {
        internal ClientWays Ways => ways;

        internal bool IsDue { get; set; } = true;

        /// <summary>What was told last; null when nothing was.</summary>
        internal ValueList<ClientObstacle>? Obstacles { get; set; }
    }
}
