using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Listens to what changes on the node and, through the ears of each router, in the routers' namespaces, and says which router it
/// concerns. Thread-safe.
/// </summary>
internal sealed class ChangeMonitor : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, RouterEars> _routers = new(StringComparer.Ordinal);
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

    public void Dispose()
    {
        Loop.Dispose();
        _settlement?.Dispose();
        Node?.Dispose();
        _mounts?.Dispose();
    }

    private void OnNodeTold(IReadOnlyList<string> routerLinks, bool isNodeNews)
    {
        RouterEars[] concerned;
        lock (_lock)
        {
            concerned = [.. routerLinks.Select(link => _routers.GetValueOrDefault(link)).OfType<RouterEars>()];
        }

        foreach (RouterEars ears in concerned)
        {
            ears.Tell();
        }

        if (isNodeNews)
        {
            _settlement?.Unsettle();
        }
    }

    private void OnMountsChanged()
    {
        RouterEars[] all;
        lock (_lock)
        {
            all = [.. _routers.Values];
        }

        foreach (RouterEars ears in all)
        {
            ears.TellIfNameless();
        }
    }
}
