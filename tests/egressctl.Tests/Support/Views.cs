using EgressAgent.Control.Agent;

namespace EgressAgent.Control.Tests.Support;

/// <summary>What an agent could say.</summary>
internal static class Views
{
    internal static readonly DateTime Time = new(2026, 11, 28, 14, 3, 7, DateTimeKind.Utc);

    internal static readonly FaultView Fault = new("/etc/egress-router/bad.yaml", 3, 5, "spec.mode", "must be `Redirect`");

    internal static AgentView Agent(string state, params IReadOnlyList<RouterView> routers) => new("0.1.0", state, routers, []);

    internal static RouterView Router(string name = "web", string state = "active", string message = "all is well") => new()
    {
        Namespace = "default",
        Name = name,
        State = state,
        Failover = "none",
        Holder = "",
        Standbys = [],
        Message = message,
        File = $"/etc/egress-router/{name}.yaml",
        Line = 1,
        Generation = 2,
        Datapath = "kernel",
        FlowOffload = "off",
        WhyNoFlowOffload = "",
        NetworkNamespace = $"/run/netns/egress.default.{name}",
        Master = "eth0",
        MacAddress = "02:00:5e:10:00:99",
        InsideAddresses = ["198.18.0.2", "fd96:e9e5:a::2"],
        SourceAddresses = ["192.168.12.99", "2001:db8:12::99"],
        Gateways = ["192.168.12.1"],
        Fallback = [],
        Counters = new CountersView
        {
            BytesToDestination = 400_000,
            BytesToClient = 3_000_000,
            PacketsToDestination = 300,
            PacketsToClient = 2100,
            FallbackConnections = 0,
            Refused = new RefusedView(NoRule: 3, NotInClients: 0, Limit: 1),
            PortAllocationFailures = 0,
        },
        Rules = [new RuleView("TCP", 8080, "203.0.113.26", 80, 12, 3_400_000), new RuleView("UDP", 53, "2001:db8::53", 53, 0, 0)],
        Conditions =
        [
            new ConditionView("Available", "True", "InForce", message, Time),
            new ConditionView("Progressing", "False", "Settled", "nothing is left to do", Time),
            new ConditionView("Degraded", "False", "AsSpecified", "everything is as the file says", Time),
        ],
    };

    /// <summary>One with the relay.</summary>
    internal static RouterView Relayed(DroppedView dropped)
    {
        RouterView router = Router();
        return router with { Datapath = "relay", Counters = router.Counters! with { PacketsToDestination = null, PacketsToClient = null, Dropped = dropped } };
    }

    internal static ServiceView Service(string name = "web", string state = "available", string message = "leads to default/a") => new()
    {
        Namespace = "default",
        Name = name,
        State = state,
        Message = message,
        File = $"/etc/egress-router/{name}-service.yaml",
        Generation = 1,
        ClusterIPs = ["198.19.0.9", "fd96:e9e5:b::9"],
        ExternalIPs = [],
        ExternalHolders = [],
        Ports = [new ServicePortView("web", "TCP", 80, 8080), new ServicePortView("", "UDP", 53, 53)],
        Routers = [new ServiceRouterView("default", "a", "active", IsAvailable: true)],
        Conditions = [new ConditionView("Available", state == "unavailable" ? "False" : "True", "InForce", message, Time)],
    };

    /// <summary>One of whose external addresses a router holds one.</summary>
    internal static ServiceView External() => Service() with
    {
        ClusterIPs = ["198.19.0.9"],
        ExternalIPs = ["192.168.12.97", "192.168.12.98"],
        ExternalHolders = [new ExternalHolderView("192.168.12.97", "default", "a")],
    };

    internal static FoundFlowView Found(string client = "10.88.0.7:51034") => new()
    {
        Router = "default/web",
        Rule = "8080/TCP",
        Protocol = "TCP",
        Client = client,
        Unit = "",
        Container = "billing",
        Masqueraded = "",
        Source = "192.168.12.99:41022",
        Destination = "203.0.113.26:80",
        State = "ended",
        Start = Time.AddSeconds(-9),
        End = Time.AddMilliseconds(1500),
        BytesTo = 1234,
        BytesFrom = 3_400_000,
    };

    /// <summary>One that waits for its master.</summary>
    internal static RouterView Pending(string name) => Router(name, "pending", "the interface none0 is not there") with
    {
        Datapath = "",
        Master = "",
        MacAddress = "",
        InsideAddresses = [],
        SourceAddresses = [],
        Gateways = [],
        Rules = [],
    };
}
