using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Systemd;
using EgressAgent.Model;
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
    private readonly TimeProvider _time;

    /// <param name="store">Where the relays' sockets outlive the agent; null when they do not. It belongs to the caller.</param>
    /// <param name="time">The clock; the system's when null.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused a netlink socket.</exception>
    public LinuxKernel(DescriptorStore? store = null, TimeProvider? time = null)
    {
        _time = time ?? TimeProvider.System;
        _relays = new RelayHost(store);
        _relays.Changed += key => RouterChanged?.Invoke(key);
        RouteNetlink? route = null;
        try
        {
            _flowEnds = new FlowEnds((key, flow) => FlowEnded?.Invoke(key, flow));
            route = RouteNetlink.Open(_node);
            _monitor = new ChangeMonitor(_node, route, _time, key => RouterChanged?.Invoke(key), node => NodeChanged?.Invoke(node)) { FlowEnds = _flowEnds };
            _route = route;
        }
        catch
        {
            route?.Dispose();
            _flowEnds?.Dispose();
            _relays.Dispose();
            _node.Dispose();
            throw;
        }
    }

    public event Action<RouterKey>? RouterChanged;

    public event Action<ObservedNode>? NodeChanged;

    public event Action<RouterKey, RouterFlow>? FlowEnded;

    public ObservedNode ObserveNode() => _monitor.ObserveNode();

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

    public IKernelRouter Open(RouterKey key) => new LinuxKernelRouter(key, _node, _route, _monitor, _relays, _time);

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
}
