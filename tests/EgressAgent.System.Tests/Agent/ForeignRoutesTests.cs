using System.Text.RegularExpressions;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>Routes and addresses that others make: those of a VPN around the inside networks, and an administrator's on the agent's own links.</summary>
public sealed class ForeignRoutesTests : AgentTest
{
    private const string Reserved6 = "2001:db8:12::99";

    private static readonly string DualWeb = $"{RouterDocument.Web("web")}".Replace(
        "addresses: [", $"addresses: [ {{ ip: \"{Reserved6}/64\", gateway: \"2001:db8:12::1\" }},");

    public ForeignRoutesTests()
    {
        Lab.Node.AddAddress("eth0", "2001:db8:12::10/64");
        Lab.Gateway.AddAddress("lan", "2001:db8:12::1/64");
        Lab.Node.Ip("link add wg0 type veth peer name wg1");
        Lab.Node.IpBatch("link set wg0 up", "link set wg1 up");
    }

    [Fact]
    public void Supernet_of_the_inside_networks_is_no_conflict_in_any_table()
    {
        foreach (string table in (string[])["main", "51820", "100"])
        {
            Lab.Node.Ip($"route add 196.0.0.0/6 dev wg0 table {table}");
            Lab.Node.Ip($"route add 198.0.0.0/8 dev wg0 table {table}");
            Lab.Node.Ip($"-6 route add fc00::/7 dev wg0 table {table}");
        }

        Lab.Node.Ip("route add default dev wg0 table 51820");
        Lab.Node.Ip("rule add not fwmark 51820 table 51820");
        Lab.Node.Ip("rule add table main suppress_prefixlength 0");
        Files.Write("web.yaml", DualWeb);
        AgentProcess agent = Scenario.StartAgent();
        ObservedRouter router = new("web");
        string inside = router.WaitForInsideAddress(agent);

        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        Assert.Contains(Reserved6, router.Ip("address show dev net1"));

        // An edit, a repair, and all of it anew.
        Files.Write("web.yaml", DualWeb.Replace("port: 8080", "port: 8081"));
        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.26:80");
        router.Ip("link delete net1");
        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.26:80");
        router.LoseNetns(agent);
        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.26:80");
    }

    [Theory]
    [InlineData("198.18.0.0/16")]
    [InlineData("198.18.7.0/24")]
    public void Route_inside_an_inside_network_stops_new_routers_only(string network)
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        string conflict = $"the node's route to {network} (dev wg0, table 51820) is in the inside network 198.18.0.0/16; "
            + "remove it, or choose another range in insideNetworks of /etc/egress-agentd/agentd.yaml";

        Lab.Node.Ip($"route add {network} dev wg0 table 51820");
        agent.WaitForLog($"WRN default/web: in force, but {conflict}; this router goes on, new ones wait (InsideNetworkConflict)");
        Files.Write("other.yaml", $"{RouterDocument.Web("other", "192.168.12.98/24")}");
        agent.WaitForLog($"WRN default/other: {conflict} (InsideNetworkConflict)");
        Assert.False(new ObservedRouter("other").Exists);
        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8081, "203.0.113.26", 80)}");
        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.26:80");
        router.LoseNetns(agent);
        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.26:80");

        Assert.Equal(0, agent.Stop());
        AgentProcess next = Scenario.StartAgent();
        next.WaitForLog("default/web: in force, but the node's route to");
        router.Ip("link delete net1");
        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.26:80");

        Lab.Node.Ip($"route delete {network} dev wg0 table 51820");
        next.WaitForLog($"INF default/web: over: {conflict}; this router goes on, new ones wait (InsideNetworkConflict)");
        next.WaitForLog($"INF default/other: over: {conflict} (InsideNetworkConflict)");
        Eventually.Holds(() => Assert.StartsWith("2 routers active", next.Status));
    }

    [Fact]
    public void Conflict_of_one_family_does_not_stop_the_other()
    {
        Lab.Node.Ip("-6 route add fd96:e9e5:a::/120 dev wg0");
        Files.Write("web.yaml", DualWeb);
        AgentProcess agent = Scenario.StartAgent();
        ObservedRouter router = new("web");
        WaitForTcp(Lab.Node, router.WaitForInsideAddress(agent), 8080, "203.0.113.26:80");
        agent.WaitForLog("WRN default/web: in force, but the node's route to fd96:e9e5:a::/120 (dev wg0, table 254) is in the inside network fd96:e9e5:a::/112; "
            + "remove it, or choose another range in insideNetworks of /etc/egress-agentd/agentd.yaml (InsideNetworkConflict)");

        Lab.Node.Ip("-6 route delete fd96:e9e5:a::/120 dev wg0");
        agent.WaitForLog("INF default/web: over: the node's route to fd96:e9e5:a::/120");
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        Eventually.Holds(() => Assert.Contains(Reserved6, router.Ip("address show dev net1")));
    }

    [Fact]
    public void Inside_network_that_is_changed_frees_the_former_one()
    {
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        Assert.Equal(0, agent.Stop());
        Files.Configure("insideNetworks: [198.19.128.0/17, \"fd96:e9e5:a::/112\"]");
        Files.Configure("serviceNetworks: [198.19.0.0/17, \"fd96:e9e5:b::/112\"]");

        AgentProcess next = Scenario.StartAgent();

        next.WaitForLog("INF 198.18.0.0/16 is no inside network any more: its route unreachable is removed");
        Eventually.Holds(() => Assert.StartsWith("198.19.", router.InsideAddress));
        WaitForTcp(Lab.Node, router.InsideAddress!, 8080, "203.0.113.26:80");
        string routes = Lab.Node.Ip("route show");
        Assert.DoesNotContain("198.18.", routes);
        Assert.Contains("unreachable 198.19.128.0/17", routes);
    }

    [Theory]
    [InlineData("kernel")]
    [InlineData("relay")]
    public void Administrators_routes_and_addresses_stay_and_open_nothing(string datapath)
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter(RouterDocument.Web("web") with { Datapath = datapath });
        string nodeLink = Regex.Match(Lab.Node.Ip("-oneline link show dev egress.default.web"), "egr-[0-9a-f]+").Value;
        string routes = router.Routes;
        using PacketCapture lan = Lab.Lan.Capture(Lab.Node);
        string[] onTheNode = [$"route add 203.0.113.0/24 via {inside} dev {nodeLink}", $"route add 198.18.0.77 dev {nodeLink}", $"address add 169.254.7.7/16 dev {nodeLink}"];
        string[] inTheRouter =
        [
            "route add 10.77.0.0/16 via 192.168.12.20 dev net1", "route add 10.78.0.9 dev net1", "route add 10.79.0.0/16 via 198.18.0.1 dev eth0",
            "address add 192.168.12.55/24 dev net1", "address add 198.18.0.77/16 dev eth0", "-6 route add 2001:db8:77::/64 dev eth0",
        ];
        Lab.Node.IpBatch(onTheNode);
        foreach (string line in inTheRouter.Where(line => !line.StartsWith("-6", StringComparison.Ordinal)))
        {
            router.Ip(line);
        }

        // What the agent does to a router that it looks at: an edit, a repair, a restart.
        Files.Write("web.yaml", $"{(RouterDocument.Web("web") with { Datapath = datapath }).Tcp(8081, "203.0.113.26", 80)}");
        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.26:80");
        router.Ip("route delete default");
        Eventually.True("the default route", () => router.Routes.Contains("default via 192.168.12.1 dev net1"), otherwise: () => agent.Log);
        Assert.Equal(0, agent.Stop());
        agent = Scenario.StartAgent();
        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.26:80");
        AssertAllThere();

        // The partner's address leads to the router, which has no redirect for it.
        Assert.Equal(ProbeOutcome.Unreachable, Lab.Node.ProbeTcp("203.0.113.26", 80).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp("198.18.0.77", 8080).Outcome);
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
        Assert.NotEqual(ProbeOutcome.Answered, Lab.Neighbour.ProbeTcp("192.168.12.55", 8080).Outcome);
        Assert.DoesNotContain(lan.Packets, packet => $"{packet.Source}" is "192.168.12.55" && packet.Protocol != PacketProtocol.Arp);
        Assert.DoesNotContain(lan.Packets, packet => packet.Protocol == PacketProtocol.Arp && packet.Kind == 1 && $"{packet.Source}" == "192.168.12.55");
        Assert.DoesNotContain("somebody else changed the kernel, repairing: remove", agent.Log);

        // What is the agent's own goes all the same.
        Files.Write("web.yaml", $"{RouterDocument.Web("web", "192.168.12.98/24") with { Datapath = datapath }}".Replace("192.168.12.1\"", "192.168.12.20\""));
        Eventually.True("the other address", () => router.Ip("address show dev net1").Contains("192.168.12.98/24"), otherwise: () => agent.Log);
        Eventually.True("the other gateway", () => router.Routes.Contains("default via 192.168.12.20 dev net1"), otherwise: () => agent.Log);
        Assert.DoesNotContain("192.168.12.99", router.Ip("address show dev net1"));
        Assert.DoesNotContain("192.168.12.1 ", router.Routes);
        AssertAllThere();

        void AssertAllThere()
        {
            Assert.Contains($"203.0.113.0/24 via {inside}", Lab.Node.Ip("route"));
            Assert.Contains("169.254.7.7/16", Lab.Node.Ip($"address show dev {nodeLink}"));
            string present = router.Routes;
            Assert.Contains("10.77.0.0/16 via 192.168.12.20 dev net1", present);
            Assert.Contains("10.78.0.9 dev net1 scope link", present);
            Assert.Contains("10.79.0.0/16 via 198.18.0.1 dev eth0", present);
            Assert.Contains("192.168.12.55/24", router.Ip("address show dev net1"));
            Assert.Contains("198.18.0.77/16", router.Ip("address show dev eth0"));
            Assert.All(routes.Trim().Split('\n').Where(line => !line.Contains("192.168.12.")), line => Assert.Contains(line.Trim(), present));
        }
    }

    [Fact]
    public void What_an_earlier_version_made_is_taken_over_or_removed_and_nothing_is_cut()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        string nodeLink = Regex.Match(Lab.Node.Ip("-oneline link show dev egress.default.web"), "egr-[0-9a-f]+").Value;
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
        Assert.Equal(0, agent.Stop());

        // As version 0.1.0 left them: without a mark.
        Lab.Node.Ip($"route replace {inside} dev {nodeLink} src 198.18.0.1");
        router.Ip("route replace default via 198.18.0.1 dev eth0 table 100");
        Lab.Node.Ip($"address replace 198.18.0.1/32 dev {nodeLink}");
        router.Ip($"address replace {EgressLab.ReservedAddress}/24 dev net1");
        router.Ip($"address replace {inside}/16 dev eth0");
        router.Ip("address add 192.168.12.98/24 dev net1");
        AgentProcess next = Scenario.StartAgent();

        Eventually.Holds(() => Assert.Contains("proto 233", Lab.Node.Ip($"route show {inside}")));
        Eventually.Holds(() => Assert.StartsWith("1 router active", next.Status));
        Assert.DoesNotContain("192.168.12.98", router.Ip("address show dev net1"));
        transfer.WaitForBlocks(100);

        // From here on an address says whose it is.
        router.Ip("address add 192.168.12.97/24 dev net1");
        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8081, "203.0.113.26", 80)}");
        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.26:80");
        Assert.Contains("192.168.12.97/24", router.Ip("address show dev net1"));
        transfer.WaitForBlocks(100);
    }
}
