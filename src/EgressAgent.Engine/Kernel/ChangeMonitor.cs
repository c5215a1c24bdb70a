using EgressAgent.Linux;
using EgressAgent.Linux.Arp;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Listens to what changes on the node and in the routers' namespaces, and says which router it concerns. What is told while a router's
/// steps are taken, its own steps most of all, is not told on: the look that follows the last step sees it. Thread-safe.
/// </summary>
internal sealed class ChangeMonitor : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<RouterKey, Ears> _routers = [];
    private readonly Dictionary<string, RouterKey> _nodeLinks = new(StringComparer.Ordinal);
    private readonly NetlinkMonitorLoop _loop = new("netlink-monitor");
    private readonly MountMonitor? _mounts;
    private readonly NodeSettlement? _settlement;
    private readonly Action<RouterKey> _changed;

    /// <param name="node">The node's namespace.</param>
    /// <param name="nodeRoute">The same, to ask; it belongs to the caller.</param>
    /// <param name="time">The clock.</param>
    /// <param name="routerChanged">Called on any thread with a router of which something has changed; it returns at once.</param>
    /// <param name="nodeChanged">Called on any thread with the node when it has become another and settled.</param>
    /// <exception cref="LinuxException">No descriptor is left, or the kernel refused one.</exception>
    internal ChangeMonitor(
        NetworkNamespace node, RouteNetlink nodeRoute, TimeProvider time, Action<RouterKey> routerChanged, Action<ObservedNode> nodeChanged)
    {
        _changed = routerChanged;
        try
        {
            Node = new NodeState(node, nodeRoute, time, OnNodeTold);
            _settlement = new NodeSettlement(Node, time, nodeChanged);
            _mounts = MountMonitor.Open();
            _loop.Add(Node.Monitor, Node.Drain);
            _loop.Add(_mounts, OnMountsChanged);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal NodeState Node { get; } = null!;

    /// <inheritdoc cref="NodeSettlement.Observe"/>
    internal ObservedNode ObserveNode() => _settlement!.Observe();

    /// <summary>Makes known that a router exists, so that what happens to its end of the veth on the node is told as its own.</summary>
    internal void Register(RouterKey key)
    {
        lock (_lock)
        {
            _routers.TryAdd(key, new Ears());
            _nodeLinks[RouterNames.NodeLink(key)] = key;
        }
    }

    /// <summary>Takes back <see cref="Register"/>, and <see cref="Watch"/>.</summary>
    internal void Unregister(RouterKey key)
    {
        Unwatch(key);
        lock (_lock)
        {
            _routers.Remove(key);
            _nodeLinks.Remove(RouterNames.NodeLink(key));
        }
    }

    /// <summary>Begins to listen in a router's namespace, which is kept alive until <see cref="Unwatch"/>.</summary>
    /// <exception cref="LinuxException">No descriptor is left, or the kernel refused one; then it listens where it did before.</exception>
    internal void Watch(RouterKey key, NetworkNamespace netns)
    {
        if (Find(key) is not { } ears)
        {
            return;
        }

        Watched watched = Open(key, ears, netns);
        Close(ears.Exchange(watched));
        if (HasLostItsName(key, watched))
        {
            Tell(key);
        }
    }

    /// <summary>Stops listening in a router's namespace.</summary>
    internal void Unwatch(RouterKey key) => Close(Find(key)?.Exchange(null));

    /// <summary>Notes that a router's steps are being taken. Another look follows them, be it after a pause.</summary>
    internal void BeginSteps(RouterKey key) => Find(key)?.BeginSteps();

    /// <summary>Notes that a router is about to be looked at: from here on what changes is told again.</summary>
    internal void BeginLook(RouterKey key)
    {
        Node.Drain();
        Find(key)?.BeginLook();
    }

    /// <summary>Calls back, on the monitor's thread, when others speak of a router's addresses.</summary>
    internal void Listen(ArpConflictMonitor conflicts, Action heard) => _loop.Add(conflicts, heard);

    /// <summary>Takes back <see cref="Listen"/>: the callback is not running any more.</summary>
    internal void Unlisten(ArpConflictMonitor conflicts) => _loop.Remove(conflicts);

    /// <summary>Says that something may concern a router.</summary>
    internal void Tell(RouterKey key)
    {
        if (Find(key) is { IsTakingSteps: false })
        {
            _changed(key);
        }
    }

    public void Dispose()
    {
        _loop.Dispose();
        _settlement?.Dispose();
        Node?.Dispose();
        _mounts?.Dispose();
        foreach (Ears ears in _routers.Values)
        {
            ears.Exchange(null)?.Dispose();
        }
    }

    private Ears? Find(RouterKey key)
    {
        lock (_lock)
        {
            return _routers.GetValueOrDefault(key);
        }
    }

    private Watched Open(RouterKey key, Ears ears, NetworkNamespace netns)
    {
        RouteMonitor route = RouteMonitor.Open(netns);
        NftablesMonitor? nftables = null;
        try
        {
            nftables = NftablesMonitor.Open(netns);
            _loop.Add(route, () => Hear(() => ears.Hear(route)));
            _loop.Add(nftables, () => Hear(() => ears.Hear(nftables)));
            return new Watched(netns.Id, route, nftables);
        }
        catch
        {
            Close(new Watched(netns.Id, route, nftables));
            throw;
        }

        void Hear(Func<bool> isNews)
        {
            if (isNews())
            {
                _changed(key);
            }
        }
    }

    private void Close(Watched? watched)
    {
        if (watched is not null)
        {
            _loop.Remove(watched.Route);
            if (watched.Nftables is { } nftables)
            {
                _loop.Remove(nftables);
            }

            watched.Dispose();
        }
    }

    private void OnNodeTold(IReadOnlyList<string> routerLinks, bool isNodeNews)
    {
        foreach (string link in routerLinks)
        {
            RouterKey? key;
            lock (_lock)
            {
                key = _nodeLinks.TryGetValue(link, out RouterKey owner) ? owner : null;
            }

            if (key is { } one)
            {
                Tell(one);
            }
        }

        if (isNodeNews)
        {
            _settlement?.Unsettle();
        }
    }

    // A namespace that loses its name lives on while the agent listens in it, and says nothing of it.
    private void OnMountsChanged()
    {
        RouterKey[] nameless;
        lock (_lock)
        {
            nameless = [.. _routers.Where(router => router.Value.Watched is { } watched && HasLostItsName(router.Key, watched)).Select(router => router.Key)];
        }

        foreach (RouterKey key in nameless)
        {
            Tell(key);
        }
    }

    private static bool HasLostItsName(RouterKey key, Watched watched) => NetworkNamespace.TryGetId(RouterNames.Netns(key)) != watched.Netns;

    private sealed record Watched(NetworkNamespaceId Netns, RouteMonitor Route, NftablesMonitor? Nftables) : IDisposable
    {
        public void Dispose()
        {
            Route.Dispose();
            Nftables?.Dispose();
        }
    }

    // What was told before a look began is seen by it, so it is read and forgotten under the same lock.
    private sealed class Ears
    {
        private readonly Lock _lock = new();
        private volatile bool _isTakingSteps;

        internal Watched? Watched { get; private set; }

        internal bool IsTakingSteps => _isTakingSteps;

        internal Watched? Exchange(Watched? watched)
        {
            lock (_lock)
            {
                (Watched? before, Watched) = (Watched, watched);
                return before;
            }
        }

        internal bool Hear<T>(NetlinkMonitor<T> monitor)
            where T : class
        {
            lock (_lock)
            {
                return monitor.Read().Count > 0 && !_isTakingSteps;
            }
        }

        internal void BeginSteps() => _isTakingSteps = true;

        internal void BeginLook()
        {
            lock (_lock)
            {
                Watched?.Route.Read();
                Watched?.Nftables?.Read();
                _isTakingSteps = false;
            }
        }
    }
}
