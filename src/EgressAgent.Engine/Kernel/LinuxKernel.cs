using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Systemd;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Kernel;

/// <summary>The real kernel. The node is the network namespace in which it is made. Thread-safe.</summary>
public sealed class LinuxKernel : IKernel
{
    private readonly NetworkNamespace _node = NetworkNamespace.Current();
    private readonly RouteNetlink _route;
    private readonly FlowEnds _flowEnds;
    private readonly ChangeMonitor _monitor;
    private readonly RelayHost _relays;

    // The node looks the same for all routers until something changes on it, and its links are as many as the routers.
    private volatile VersionedNode? _observedNode;
    private int _nodeVersion;

    /// <param name="store">Where the relays' sockets outlive the agent; null when they do not. It belongs to the caller.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused a netlink socket.</exception>
    public LinuxKernel(DescriptorStore? store = null)
    {
        _relays = new RelayHost(store);
        _relays.SaturationChanged += key => OnChanged(key);
        _route = RouteNetlink.Open(_node);
        _flowEnds = new FlowEnds((key, flow) => FlowEnded?.Invoke(key, flow));
        _monitor = new ChangeMonitor(_node, OnChanged) { FlowEnds = _flowEnds };
    }

    public event Action<RouterKey?>? Changed;

    public event Action<RouterKey, RouterFlow>? FlowEnded;

    public ObservedNode ObserveNode()
    {
        int version = Volatile.Read(ref _nodeVersion);
        if (_observedNode is { } known && known.Version == version)
        {
            return known.Node;
        }

        ObservedNode node = ReadNode();
        _observedNode = new VersionedNode(version, node);
        return node;
    }

    private ObservedNode ReadNode()
    {
        IReadOnlyList<Link> links = [.. _route.GetLinks().Where(link => !link.IsLoopback && !IsOurs(link))];
        ILookup<int, LinkAddress> addresses = _route.GetAddresses().ToLookup(address => address.LinkIndex);
        HashSet<int> indexes = [.. links.Select(link => link.Index)];
        return new ObservedNode(
            links.Select(link => new NodeLink(
                link.Index,
                link.Name,
                link.IsUp,
                link.HasCarrier,
                link.Mtu,
                addresses[link.Index].Select(address => new InterfaceAddress(address.Address, address.PrefixLength)).ToValueList(),
                link.AltNames.ToValueList())).ToValueList(),
            _route.GetRoutes()
                .Where(route => route.OutputLinkIndex is { } index && indexes.Contains(index) && route.Type is RouteType.Unicast or RouteType.Local)
                .Select(route => new NodeRoute(route.Destination, route.Gateway, route.OutputLinkIndex!.Value, (int)route.Table, (int)route.Priority))
                .ToValueList());
    }

    public IReadOnlyList<RouterKey> ListRouters()
    {
        List<RouterKey> keys = [];
        foreach (string name in NetworkNamespace.List())
        {
            if (RouterNames.TryParseNetns(name, out RouterKey key))
            {
                keys.Add(key);
            }
        }

        return keys;
    }

    public RouterTraffic ReadTraffic(RedirectPlan plan)
    {
        if (plan.Datapath == DatapathKind.Relay)
        {
            return _relays.ReadTraffic(plan);
        }

        using NetworkNamespace? netns = NetworkNamespace.TryOpen(RouterNames.Netns(plan.Key));
        return netns is null ? RouterTraffic.None : KernelTraffic.Read(plan, netns);
    }

    public IKernelRouter Open(RouterKey key) => new LinuxKernelRouter(key, _node, _route, _monitor, _relays);

    /// <summary>
    /// Gives the inside networks back to the node's other routes. For when the agent goes for good: while it is installed they
    /// are held, also without a router, so that no client's packet takes the node's default route.
    /// </summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    public void ReleaseInsideNetworks() => HeldNetworks.ReleaseAll(_route);

    /// <summary>
    /// Lets the relay datapath accept nothing more and waits for its TCP connections to end, since they do not outlive the
    /// agent. New ones wait in the sockets that the store keeps, and are refused where it keeps none. For after the last pass.
    /// </summary>
    /// <returns>How many still live after the time; <see cref="Dispose"/> cuts them.</returns>
    public Task<int> DrainAsync(TimeSpan timeout, CancellationToken cancellation) => _relays.DrainAsync(timeout, cancellation);

    public void Dispose()
    {
        _relays.Dispose();
        _monitor.Dispose();
        _flowEnds.Dispose();
        _route.Dispose();
        _node.Dispose();
    }

    private void OnChanged(RouterKey? key)
    {
        if (key is null)
        {
            Interlocked.Increment(ref _nodeVersion);
        }

        Changed?.Invoke(key);
    }

    private static bool IsOurs(Link link) => link.Kind == "veth" && link.Name.StartsWith(RouterNames.NodeLinkPrefix, StringComparison.Ordinal);

    private sealed record VersionedNode(int Version, ObservedNode Node);
}
