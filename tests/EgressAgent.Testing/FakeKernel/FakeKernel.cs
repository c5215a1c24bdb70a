using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Engine;
using EgressAgent.Engine.Kernel;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Status;

namespace EgressAgent.Testing.FakeKernel;

/// <summary>
/// A kernel in memory, with state and with the real one's rules as far as routers meet them. The contract suite holds it to the
/// real kernel's behaviour. As there, every change is told to the agent but those that its own steps make. Thread-safe.
/// </summary>
public sealed class FakeKernel : IKernel
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, FakeNetns> _netns = new(StringComparer.Ordinal);
    private readonly List<AppliedStep> _steps = [];
    private readonly FakeNetns _node;
    private int _lastIndex;
    private int _requests;

    public FakeKernel() => _node = new FakeNetns(this, "node");

    public event Action<RouterKey>? RouterChanged;

    public event Action<ObservedNode>? NodeChanged;

    public event Action<RouterKey, RouterFlow>? FlowEnded;

    public event Action<RouterKey, ValueList<ObservedGateway>>? GatewaysChanged;

    public event Action<RouterKey, ValueList<ObservedGateway>>? StandbyGatewaysChanged;

    public event Action<RouterKey, ValueList<ClientObstacle>>? ObstaclesChanged;

    /// <summary>What goes through the routers, where a test says so.</summary>
    public Func<RedirectPlan, RouterTraffic> Traffic { get; set; } = _ => RouterTraffic.None;

    /// <summary>Who else is on the physical network, by address.</summary>
    public Dictionary<IPAddress, PhysicalAddress> OtherHosts { get; } = [];

    /// <summary>The inside networks that are unreachable where no router has the address.</summary>
    public HashSet<IPNetwork> HeldNetworks { get; } = [];

    /// <summary>Called before a step is taken, outside of all locks; what it throws is the step's outcome.</summary>
    public Action<RouterKey, RouterStep>? BeforeStep { get; set; }

    /// <summary>Called after a step was taken, outside of all locks.</summary>
    public Action<RouterKey, RouterStep>? AfterStep { get; set; }

    /// <summary>
    /// Called before each of the requests of which steps consist, with its number from 1; what it throws leaves the step half done.
    /// </summary>
    public Action<int>? BeforeRequest { get; set; }

    /// <summary>What was taken so far, in order.</summary>
    public IReadOnlyList<AppliedStep> Steps => Locked(() => (IReadOnlyList<AppliedStep>)[.. _steps]);

    /// <summary>How many requests were made so far.</summary>
    public int RequestCount => Locked(() => _requests);

    public string? WhyNoFence { get; set; }

    public string? WhyNoFlowOffload { get; set; }

    internal bool HasConntrack { get; private set; }

    /// <summary>What the agent gets to know of a router's gateways.</summary>
    public void TellGateways(RouterKey key, params IEnumerable<ObservedGateway> gateways) => GatewaysChanged?.Invoke(key, [.. gateways]);

    /// <summary>The same of a router that is a standby.</summary>
    public void TellStandbyGateways(RouterKey key, params IEnumerable<ObservedGateway> gateways) => StandbyGatewaysChanged?.Invoke(key, [.. gateways]);

    /// <summary>What the agent gets to know of what keeps clients from a router.</summary>
    public void TellObstacles(RouterKey key, params IEnumerable<ClientObstacle> obstacles) => ObstaclesChanged?.Invoke(key, [.. obstacles]);

    /// <summary>Nothing is known of clients until a test tells it.</summary>
    public void WatchClients(RouterKey key, DesiredRouter? desired)
    {
    }

    /// <summary>Nor is of gateways.</summary>
    public void WatchStandbyGateways(RouterKey key, DesiredRouter? standby)
    {
    }

    /// <summary>There are no flows.</summary>
    public void ShareFlows(RouterKey key, bool isShared)
    {
    }

    public void Release(RouterKey key) => Locked(() =>
    {
        if (FindNetns(RouterNames.Netns(key)) is not { } netns || !netns.Link("lo").AltNames.Remove(RouterNames.ClaimMark))
        {
            return;
        }

        if (netns.Find(RouterNames.OutsideLink) is not null)
        {
            netns.SetUp(RouterNames.OutsideLink, up: false);
        }
    });

    public void ForgetSteps() => Locked(_steps.Clear);

    /// <summary>Changes the node's own network.</summary>
    public void EditNode(Action<FakeNetns> edit)
    {
        Dictionary<RouterKey, string> before = ListRouters().ToDictionary(key => key, Describe);
        Locked(() => edit(_node));
        NodeChanged?.Invoke(ObserveNode());
        foreach (RouterKey key in before.Keys.Where(key => Describe(key) != before[key]))
        {
            RouterChanged?.Invoke(key);
        }
    }

    /// <summary>Somebody else changes a router's netns, which must be there.</summary>
    public void EditRouter(RouterKey key, Action<FakeNetns> edit)
    {
        Locked(() => edit(_netns[RouterNames.Netns(key)]));
        RouterChanged?.Invoke(key);
    }

    /// <summary>Somebody else deletes a netns.</summary>
    public void DeleteNetns(RouterKey key)
    {
        Locked(() => DeleteNetns(RouterNames.Netns(key)));
        RouterChanged?.Invoke(key);
    }

    /// <summary>Reads the node.</summary>
    public T ReadNode<T>(Func<FakeNetns, T> read) => Locked(() => read(_node));

    /// <summary>Reads a router's netns, which must be there.</summary>
    public T ReadRouter<T>(RouterKey key, Func<FakeNetns, T> read) => Locked(() => read(_netns[RouterNames.Netns(key)]));

    public ObservedNode ObserveNode() => Locked(() =>
    {
        FakeLink[] links = [.. _node.Links.Where(link => link.Kind != "loopback" && !IsOurs(link))];
        return new ObservedNode(
            links.Select(link => new NodeLink(
                link.Index, link.Name, link.IsUp, HasCarrier: link.IsUp, link.Mtu, [.. link.Addresses.Select(entry => entry.Address)], [.. link.AltNames])).ToValueList(),
            [
                .. _node.Routes.Where(route => links.Contains(route.Link)).Select(route =>
                    new NodeRoute(route.Destination, route.Gateway, route.Link.Index, route.Table, route.Metric)),
                .. links.SelectMany(LocalRoutes),
            ]);
    });

    public IReadOnlyList<RouterKey> ListRouters(Predicate<RouterKey>? isAskedFor = null) => Locked(() =>
    {
        List<RouterKey> keys = [];
        foreach (string name in _netns.Keys.Order(StringComparer.Ordinal))
        {
            if (RouterNames.TryParseNetns(name, out RouterKey key) && isAskedFor?.Invoke(key) != false)
            {
                keys.Add(key);
            }
        }

        return keys;
    });

    /// <summary>Nobody else is there.</summary>
    public IReadOnlyList<ForeignNetns> ListForeign(Predicate<RouterKey>? isAskedFor = null) => [];

    /// <summary>No packets pass through this kernel.</summary>
    public RouterTraffic ReadTraffic(RedirectPlan plan, IFlowVisitor? visit)
    {
        RouterTraffic traffic = Traffic(plan);
        foreach (RouterFlow flow in traffic.Flows)
        {
            visit?.Visit(LivingFlow.Of(flow));
        }

        return traffic.Flows.Count == 0 ? traffic : traffic with
        {
            Flows = [],
            FlowCounts = [.. traffic.Flows.GroupBy(flow => flow.Protocol).Select(flows => new FlowCount(flows.Key, (ulong)flows.Count()))],
        };
    }

    public ulong ReadActivity(RedirectPlan plan) => 0;

    /// <summary>Ends a flow.</summary>
    public void EndFlow(RouterKey key, RouterFlow flow) => FlowEnded?.Invoke(key, flow);

    public event Action? ServicesChanged;

    /// <summary>What was put in force for Services last.</summary>
    public ServicePlan Services { get; private set; } = new();

    public void ApplyServices(ServicePlan plan) => Locked(() => Services = plan);

    /// <summary>Somebody else changes something of what Services share.</summary>
    public void TellServicesChanged() => ServicesChanged?.Invoke();

    public IKernelRouter Open(RouterKey key) => new FakeKernelRouter(this, key);

    public void Dispose()
    {
        // What is in the kernel stays there: the next agent opens the same fake again.
    }

    internal T Locked<T>(Func<T> action)
    {
        lock (_lock)
        {
            return action();
        }
    }

    internal void Locked(Action action)
    {
        lock (_lock)
        {
            action();
        }
    }

    internal FakeNetns Node => _node;

    internal FakeNetns? FindNetns(string name) => _netns.GetValueOrDefault(name);

    internal void CreateNetns(string name) => _netns.TryAdd(name, new FakeNetns(this, name));

    internal void DeleteNetns(string name)
    {
        if (_netns.Remove(name, out FakeNetns? netns))
        {
            netns.Clear();
        }
    }

    /// <summary>Counts a request, and lets a fault in.</summary>
    internal void Request() => BeforeRequest?.Invoke(++_requests);

    internal void Applied(RouterKey key, RouterStep step)
    {
        Locked(() => _steps.Add(new AppliedStep(key, step)));
        AfterStep?.Invoke(key, step);
    }

    /// <summary>The macvlans on a link, in whatever namespace.</summary>
    internal FakeLink[] ChildrenOf(FakeLink parent) =>
        [.. _netns.Values.Append(_node).SelectMany(netns => netns.Links).Where(link => link.Parent == parent)];

    /// <summary>Who answers to an ARP request or a neighbour solicitation that a link sends.</summary>
    internal PhysicalAddress? FindHolder(FakeLink asking, IPAddress address) =>
        OtherHosts.GetValueOrDefault(address)
        ?? ChildrenOf(asking.Parent!).Append(asking.Parent!).FirstOrDefault(link =>
            link != asking && link.IsUp && link.Addresses.Any(entry => !entry.IsDuplicate && entry.Address.Address.Equals(address)))?.Mac;

    internal int NextIndex() => ++_lastIndex;

    internal PhysicalAddress NextMac()
    {
        byte[] mac = [0x52, 0x54, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(mac.AsSpan(2), _lastIndex + 1);
        return new PhysicalAddress(mac);
    }

    /// <summary>The first ruleset brings connection tracking, and its settings.</summary>
    internal void LoadConntrack() => HasConntrack = true;

    // What is told of a router as its own.
    private string Describe(RouterKey key) => Locked(() => string.Join('\n', (FindNetns(RouterNames.Netns(key))?.Links ?? [])
        .Concat(_node.Links.Where(link => link.Name == RouterNames.NodeLink(key)))
        .Select(link => $"{link.Name} {link.IsUp} {link.Parent?.IsUp} {link.Mtu} {string.Join(' ', link.Addresses.Select(entry => entry.Address))} "
            + string.Join(' ', _node.Routes.Where(route => route.Link == link).Select(route => $"{route.Destination} {route.Gateway}")))));

    private static bool IsOurs(FakeLink link) =>
        link.Kind == "veth" && link.Name.StartsWith(RouterNames.NodeLinkPrefix, StringComparison.Ordinal);

    private static IEnumerable<NodeRoute> LocalRoutes(FakeLink link) => link.Addresses.Select(entry =>
        new NodeRoute(new IPNetwork(entry.Address.Address, entry.Address.Address.MaxPrefixLength), null, link.Index, RouteEntry.LocalTable, 0));
}
