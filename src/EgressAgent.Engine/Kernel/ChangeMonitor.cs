using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Model;
using EgressAgent.Model.Validation;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Listens to what changes on the node and, through the ears of each router, in the routers' namespaces, and says which router it
/// concerns. Thread-safe.
/// </summary>
internal sealed class ChangeMonitor : IDisposable
{
    // Who unmounts a name takes its file away next, and cannot while something is mounted there again.
    private static readonly TimeSpan UnmountTime = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, RouterEars> _routers = new(StringComparer.Ordinal);
    private readonly MountMonitor? _mounts;
    private readonly ITimer _unmounted;
    private int _isUnmounting;
    private readonly NodeSettlement? _settlement;
    private readonly LimitWatch? _limits;
    private readonly Action<RouterKey> _changed;

    /// <param name="node">The node's namespace.</param>
    /// <param name="nodeRoute">The same, to ask; it belongs to the caller.</param>
    /// <param name="time">The clock.</param>
    /// <param name="routerChanged">Called on any thread with a router of which something has changed; it returns at once.</param>
    /// <param name="nodeChanged">Called on any thread with the node when it has become another and settled.</param>
    /// <param name="limitsChanged">Called on any thread with the limits of the node that are reached, and the tables that routers share, when one is another.</param>
    /// <exception cref="LinuxException">No descriptor is left, or the kernel refused one.</exception>
    internal ChangeMonitor(
        NetworkNamespace node,
        RouteNetlink nodeRoute,
        TimeProvider time,
        Action<RouterKey> routerChanged,
        Action<ObservedNode> nodeChanged,
        Action<ValueList<ReachedLimit>, NodeTables> limitsChanged)
    {
        _changed = routerChanged;
        _unmounted = time.CreateTimer(_ => OnUnmounted(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            Node = new NodeState(node, nodeRoute, time, OnNodeTold);
            _settlement = new NodeSettlement(Node, time, nodeChanged);
            _limits = new LimitWatch(node, nodeRoute, Node, () => Routers, time, limitsChanged);
            _mounts = MountMonitor.Open();
            Loop.Add(Node.Monitor, Node.Drain);
            Loop.Add(_mounts, OnMountsChanged);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Who hears of flows that end: in the same namespaces, and no longer.</summary>
    internal FlowEnds? FlowEnds { get; init; }

    internal NodeState Node { get; } = null!;

    internal NetlinkMonitorLoop Loop { get; } = new("netlink-monitor");

    /// <inheritdoc cref="LimitWatch.Tables"/>
    internal NodeTables Tables => _limits!.Tables;

    private IReadOnlyList<RouterEars> Routers
    {
        get
        {
            lock (_lock)
            {
                return [.. _routers.Values];
            }
        }
    }

    /// <inheritdoc cref="NodeSettlement.Observe"/>
    internal ObservedNode ObserveNode() => _settlement!.Observe();

    /// <summary>Makes known that a router exists, so that what happens to its end of the veth on the node is told as its own.</summary>
    internal RouterEars Register(RouterKey key)
    {
        var ears = new RouterEars(key, this);
        lock (_lock)
        {
            _routers[RouterNames.NodeLink(key)] = ears;
        }

        return ears;
    }

    /// <summary>Takes back <see cref="Register"/>.</summary>
    internal void Unregister(RouterEars ears)
    {
        lock (_lock)
        {
            // A router that was removed may be there again.
            string link = RouterNames.NodeLink(ears.Key);
            if (_routers.GetValueOrDefault(link) == ears)
            {
                _routers.Remove(link);
            }
        }
    }

    internal void TellChanged(RouterKey key) => _changed(key);

    /// <summary>Raised on any thread when something happened to the node's link to the netns of Services, or to a netns.</summary>
    internal event Action? ServiceLinkTold;

    /// <summary>Says that something may concern the routers whose links have these names.</summary>
    internal void TellLinks(IReadOnlyList<string> names)
    {
        RouterEars[] concerned;
        lock (_lock)
        {
            concerned = [.. names.Select(name => _routers.GetValueOrDefault(name)).OfType<RouterEars>()];
        }

        foreach (RouterEars ears in concerned)
        {
            ears.Tell();
        }
    }

    public void Dispose()
    {
        Loop.Dispose();
        _limits?.Dispose();
        _settlement?.Dispose();
        Node?.Dispose();
        _mounts?.Dispose();
        _unmounted.Dispose();
    }

    private void OnNodeTold(IReadOnlyList<string> routerLinks, bool isNodeNews)
    {
        TellLinks(routerLinks);
        if (routerLinks.Contains(ServiceNames.NodeLink))
        {
            ServiceLinkTold?.Invoke();
        }

        if (isNodeNews)
        {
            _settlement?.Unsettle();
        }
    }

    private void OnMountsChanged()
    {
        if (Interlocked.Exchange(ref _isUnmounting, 1) == 0)
        {
            _unmounted.Change(UnmountTime, Timeout.InfiniteTimeSpan);
        }
    }

    private void OnUnmounted()
    {
        Volatile.Write(ref _isUnmounting, 0);
        foreach (RouterEars ears in Routers)
        {
            ears.TellIfNameless();
        }

        ServiceLinkTold?.Invoke();
    }
}
