using EgressAgent.Linux.Arp;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Listens to what changes on the node and in the routers' namespaces, and says which router it may concern. It says too much
/// rather than too little: whoever hears it looks at the whole. Thread-safe.
/// </summary>
internal sealed class ChangeMonitor : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<RouterKey, Watched> _routers = [];
    private readonly Dictionary<string, RouterKey> _nodeLinks = new(StringComparer.Ordinal);
    private readonly Dictionary<int, RouterKey> _nodeLinkIndexes = [];
    private readonly NetlinkMonitorLoop _loop = new("netlink-monitor");
    private readonly RouteMonitor _node;
    private readonly MountMonitor _mounts;
    private readonly Action<RouterKey?> _changed;

    /// <param name="node">The node's namespace.</param>
    /// <param name="changed">Called on the monitor's thread with a router's key, or null for the node; it returns at once.</param>
    internal ChangeMonitor(NetworkNamespace node, Action<RouterKey?> changed)
    {
        _changed = changed;
        _node = RouteMonitor.Open(node);
        _mounts = MountMonitor.Open();
        _loop.Add(_node, OnNodeChanged);
        _loop.Add(_mounts, OnMountsChanged);
    }

    /// <summary>Who hears of flows that end: in the same namespaces, and no longer.</summary>
    internal FlowEnds? FlowEnds { get; init; }

    /// <summary>Makes known that a router exists, so that what happens to its end of the veth on the node is told as its own.</summary>
    internal void Register(RouterKey key)
    {
        lock (_lock)
        {
            _nodeLinks[RouterNames.NodeLink(key)] = key;
        }
    }

    /// <summary>Takes back <see cref="Register"/>.</summary>
    internal void Unregister(RouterKey key)
    {
        lock (_lock)
        {
            _nodeLinks.Remove(RouterNames.NodeLink(key));
        }
    }

    /// <summary>Begins to listen in a router's namespace, which is kept alive until <see cref="Unwatch"/>.</summary>
    internal void Watch(RouterKey key, NetworkNamespace netns)
    {
        Unwatch(key);
        Watched watched = new(netns.Id, RouteMonitor.Open(netns), NftablesMonitor.Open(netns));
        lock (_lock)
        {
            _routers[key] = watched;
        }

        _loop.Add(watched.Route, _ => _changed(key));
        _loop.Add(watched.Nftables, _ => _changed(key));
        if (HasLostItsName(key, watched))
        {
            _changed(key);
        }
    }

    /// <summary>Stops listening in a router's namespace.</summary>
    internal void Unwatch(RouterKey key)
    {
        FlowEnds?.Stop(key);
        Watched? watched;
        lock (_lock)
        {
            if (!_routers.Remove(key, out watched))
            {
                return;
            }
        }

        _loop.Remove(watched.Route);
        _loop.Remove(watched.Nftables);
        watched.Dispose();
    }

    /// <summary>Calls back, on the monitor's thread, when others speak of a router's addresses.</summary>
    internal void Listen(ArpConflictMonitor conflicts, Action heard) => _loop.Add(conflicts, heard);

    /// <summary>Takes back <see cref="Listen"/>: the callback is not running any more.</summary>
    internal void Unlisten(ArpConflictMonitor conflicts) => _loop.Remove(conflicts);

    /// <summary>Says that something may concern a router.</summary>
    internal void Tell(RouterKey key) => _changed(key);

    public void Dispose()
    {
        _loop.Dispose();
        _node.Dispose();
        _mounts.Dispose();
        foreach (Watched watched in _routers.Values)
        {
            watched.Dispose();
        }
    }

    // What happens to a router's own veth concerns that router alone; with hundreds of routers everything else would be a storm.
    private void OnNodeChanged(RouteNotification notification)
    {
        switch (notification)
        {
            case RouteNotification.LinkChanged { Link: var link, IsRemoved: var isRemoved }:
                _changed(OwnerOf(link, isRemoved));
                break;
            case RouteNotification.AddressChanged { Address.LinkIndex: var index }:
                _changed(OwnerOf(index));
                break;
            case RouteNotification.RouteChanged { Route.OutputLinkIndex: { } index }:
                _changed(OwnerOf(index));
                break;
            case RouteNotification.RuleChanged or RouteNotification.NeighbourChanged or RouteNotification.NetnsIdChanged
                or RouteNotification.SettingChanged:
                break;
            default:
                _changed(null);
                break;
        }
    }

    // A namespace that loses its name lives on while the agent listens in it, and says nothing of it.
    private void OnMountsChanged()
    {
        RouterKey[] nameless;
        lock (_lock)
        {
            nameless = [.. _routers.Where(router => HasLostItsName(router.Key, router.Value)).Select(router => router.Key)];
        }

        foreach (RouterKey key in nameless)
        {
            _changed(key);
        }
    }

    private static bool HasLostItsName(RouterKey key, Watched watched) => NetworkNamespace.TryGetId(RouterNames.Netns(key)) != watched.Netns;

    private RouterKey? OwnerOf(Link link, bool isRemoved)
    {
        lock (_lock)
        {
            if (!_nodeLinks.TryGetValue(link.Name, out RouterKey key))
            {
                return null;
            }

            if (isRemoved)
            {
                _nodeLinkIndexes.Remove(link.Index);
            }
            else
            {
                _nodeLinkIndexes[link.Index] = key;
            }

            return key;
        }
    }

    private RouterKey? OwnerOf(int linkIndex)
    {
        lock (_lock)
        {
            return _nodeLinkIndexes.TryGetValue(linkIndex, out RouterKey key) ? key : null;
        }
    }

    private sealed record Watched(NetworkNamespaceId Netns, RouteMonitor Route, NftablesMonitor Nftables) : IDisposable
    {
        public void Dispose()
        {
            Route.Dispose();
            Nftables.Dispose();
        }
    }
}
