using System.Net;
using EgressAgent.Engine.Clients;
using EgressAgent.Engine.Flows;
using EgressAgent.Engine.Records;
using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Claims;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Systemd;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;

namespace EgressAgent.Engine.Kernel;

/// <summary>The real kernel. The node is the network namespace in which it is made. Thread-safe.</summary>
public sealed class LinuxKernel : IKernel
{
    private readonly AgentOwner _owner;
    private readonly NetworkNamespace _node = NetworkNamespace.Current();
    private readonly RouteNetlink _route;
    private readonly ClientFinder? _clients;
    private readonly FlowEnds _flowEnds;
    private readonly ChangeMonitor _monitor;
    private readonly ServiceNetns _services;
    private readonly RelayHost _relays;
    private readonly RulesetNotes? _notes;
    private readonly RouterNotes? _announced;
    private readonly GatewayWatch _gateways;
    private readonly StandbyGatewayWatch _standbyGateways;
    private readonly ClientWatch _clientWatch;
    private readonly FlowExchange? _flows;
    private readonly TimeProvider _time;
    private readonly Lazy<string?> _whyNoFlowOffload;

    /// <param name="owner">By whose mark it knows its own.</param>
    /// <param name="store">Where sockets outlive the agent: the relays', and those that hear of flows; null when they do not. It belongs to the caller.</param>
    /// <param name="records">Where records of flows go; null for nowhere. It belongs to the caller.</param>
    /// <param name="runtime">The directory for what lasts until the next boot, where the next agent finds what it need not list; null for none.</param>
    /// <param name="flows">By which flows outlive a change of the holder; null when they do not. It belongs to the caller.</param>
    /// <param name="time">The clock; the system's when null.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused a netlink socket.</exception>
    public LinuxKernel(
        AgentOwner owner, DescriptorStore? store = null, FlowRecorder? records = null, string? runtime = null, FlowExchange? flows = null, TimeProvider? time = null)
    {
        _owner = owner;
        _flows = flows;
        _time = time ?? TimeProvider.System;
        _whyNoFlowOffload = new Lazy<string?>(TryFlowOffload);
        Fence = new Fence(owner, _node);
        _gateways = new GatewayWatch(_time, (key, gateways) => GatewaysChanged?.Invoke(key, gateways));
        _notes = runtime is null ? null : new RulesetNotes(runtime);
        _announced = runtime is null ? null : new RouterNotes(runtime, "announced");
        _clients = records is null ? null : new ClientFinder(_node, _time);
        _relays = new RelayHost(store, records, _clients);
        _relays.Changed += key => RouterChanged?.Invoke(key);
        RouteNetlink? route = null;
        try
        {
            _flowEnds = new FlowEnds((key, flow) => FlowEnded?.Invoke(key, flow), records, store, _clients);
            route = RouteNetlink.Open(_node);
            _monitor = new ChangeMonitor(
                _node, route, _time, key => RouterChanged?.Invoke(key), node => NodeChanged?.Invoke(node), (limits, tables) => NodeLimitsChanged?.Invoke(limits, tables))
            {
                FlowEnds = _flowEnds,
            };
            _route = route;
            _clientWatch = new ClientWatch(_node, route, _monitor.Node, _monitor.Loop, _time, (key, obstacles) => ObstaclesChanged?.Invoke(key, obstacles));
            _standbyGateways = new StandbyGatewayWatch(_node, route, _monitor.Node.FindLink, _time, (key, gateways) => StandbyGatewaysChanged?.Invoke(key, gateways));
            _services = new ServiceNetns(_owner, _node, route, _relays, _monitor.Loop, OnServicesTold);
        }
        catch
        {
            route?.Dispose();
            _flowEnds?.Dispose();
            _relays.Dispose();
            _clients?.Dispose();
            _node.Dispose();
            throw;
        }

        _monitor.ServiceLinkTold += () => ServicesChanged?.Invoke();
    }

    public event Action<RouterKey>? RouterChanged;

    public event Action<ObservedNode>? NodeChanged;

    public event Action<RouterKey, RouterFlow>? FlowEnded;

    public event Action<RouterKey, ValueList<ObservedGateway>>? GatewaysChanged;

    public event Action<RouterKey, ValueList<ObservedGateway>>? StandbyGatewaysChanged;

    public event Action<RouterKey, ValueList<ClientObstacle>>? ObstaclesChanged;

    /// <summary>
    /// Raised on a thread of the pool with the limits of the node that are reached, and the tables that its routers share, when one is
    /// another than before. Handlers return at once.
    /// </summary>
    public event Action<ValueList<ReachedLimit>, NodeTables>? NodeLimitsChanged;

    public event Action? ServicesChanged;

    /// <summary>Raised once, with why the kernel cannot be trusted to offload flows, or null when it can, on the thread that asked for it first.</summary>
    public event Action<string?>? FlowOffloadTried;

    /// <summary>The node's fence. It belongs to this.</summary>
    public Fence Fence { get; }

    public string? WhyNoFence => Fence.WhyNot;

    public string? WhyNoFlowOffload => _whyNoFlowOffload.Value;

    /// <summary>The tables that the node's routers share, as they were when this was opened.</summary>
    public NodeTables Tables => _monitor.Tables;

    public ObservedNode ObserveNode() => _monitor.ObserveNode();

    public IReadOnlyList<RouterKey> ListRouters(Predicate<RouterKey>? isAskedFor = null) =>
        [.. FindNetns(isAskedFor).Where(found => found.Foreign is null).Select(found => found.Key)];

    public IReadOnlyList<ForeignNetns> ListForeign(Predicate<RouterKey>? isAskedFor = null) =>
        [.. FindNetns(isAskedFor).Select(found => found.Foreign).OfType<ForeignNetns>()];

    public RouterTraffic ReadTraffic(RedirectPlan plan, IFlowVisitor? visit)
    {
        using NetworkNamespace? netns = NetworkNamespace.TryOpen(RouterNames.Netns(plan.Key));
        return netns is null
            ? RouterTraffic.None
            : plan.Datapath == DatapathKind.Relay ? KernelTraffic.WithRefusals(_relays.ReadTraffic(plan, visit), netns) : KernelTraffic.Read(plan, netns, visit);
    }

    public ulong ReadActivity(RedirectPlan plan) => _relays.ReadActivity(plan.Key);

    public void ApplyServices(ServicePlan plan)
    {
        _services.Apply(plan);
        _clientWatch.Watch(plan);
    }

    public void WatchClients(RouterKey key, DesiredRouter? desired) => _clientWatch.Watch(key, desired);

    public void WatchStandbyGateways(RouterKey key, DesiredRouter? standby) => _standbyGateways.Watch(key, standby);

    public void ShareFlows(RouterKey key, bool isShared)
    {
        _flows?.Want(key, isShared);
        using NetworkNamespace? netns = isShared && _flows is not null ? NetworkNamespace.TryOpen(RouterNames.Netns(key)) : null;
        if (netns is not null)
        {
            _flows!.Share(key, netns);
        }
    }

    public void Release(RouterKey key)
    {
        using NetworkNamespace? netns = NetworkNamespace.TryOpen(RouterNames.Netns(key));
        if (netns is not null && new Ownership(_owner, key).FindForeign(netns) is null)
        {
            ClaimedLink.Release(netns, RouterNames.ClaimMark, RouterNames.OutsideLink);
        }
    }

    public IKernelRouter Open(RouterKey key) => new LinuxKernelRouter(key, _owner, _node, _route, _monitor, _relays, _notes, _announced, _gateways, Fence, _flows, _time);

    /// <summary>The inside networks, and those of Services, that are held on the node: see <see cref="ReleaseNetworks"/>.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    public IReadOnlyList<IPNetwork> ListHeldNetworks() => HeldNetworks.In(_route.GetRoutes(RouteTable.Main));

    /// <summary>
    /// Gives inside networks, and those of Services, back to the node's other routes. For when the agent goes for good, or is set to
    /// others: until then they are held, also without a router, so that no client's packet takes the node's default route.
    /// </summary>
    /// <param name="kept">Those that are still inside networks.</param>
    /// <returns>Those that were given back.</returns>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    public IReadOnlyList<IPNetwork> ReleaseNetworks(IEnumerable<IPNetwork> kept) => HeldNetworks.Release(_route, network => !kept.Contains(network));

    /// <summary>Takes away what Services share: their netns, and the node's link to it.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    public void RemoveServices() => _services.Remove();

    /// <summary>
    /// Lets the relay datapath accept nothing more and waits for its TCP connections to end, since they do not outlive the
    /// agent. New ones wait in the sockets that the store keeps, and are refused where it keeps none. For after the last pass.
    /// </summary>
    /// <returns>How many still live after the time; <see cref="CutRelayed"/> cuts them.</returns>
    public Task<int> DrainAsync(TimeSpan timeout, CancellationToken cancellation) => _relays.DrainAsync(timeout, cancellation);

    /// <summary>Cuts what the relay datapath still carries: what has passed is final then, and can still be read.</summary>
    public void CutRelayed() => _relays.CutAll();

    public void Dispose()
    {
        _gateways.Dispose();
        _standbyGateways.Dispose();
        _clientWatch.Dispose();
        _relays.Dispose();
        _services.Dispose();
        _monitor.Dispose();
        _flowEnds.Dispose();
        _clients?.Dispose();
        _route.Dispose();
        Fence.Dispose();
        _node.Dispose();
    }

    private string? TryFlowOffload()
    {
        string? whyNot = FlowOffloadTrial.Run();
        FlowOffloadTried?.Invoke(whyNot);
        return whyNot;
    }

    // A name that holds nothing is nobody's.
    private IEnumerable<(RouterKey Key, ForeignNetns? Foreign)> FindNetns(Predicate<RouterKey>? isAskedFor)
    {
        foreach (string name in NetworkNamespace.List())
        {
            if (RouterNames.TryParseNetns(name, out RouterKey key) && isAskedFor?.Invoke(key) != false)
            {
                using NetworkNamespace? netns = NetworkNamespace.TryOpen(name);
                yield return (key, netns is null ? null : new Ownership(_owner, key).FindForeign(netns));
            }
        }
    }

    // Of the links in the netns of Services, those of routers are named as on the node.
    private void OnServicesTold(IReadOnlyList<string> links)
    {
        _monitor.TellLinks(links);
        ServicesChanged?.Invoke();
    }
}
