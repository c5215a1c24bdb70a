using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>
/// A router whose master and gateway are inferred stays where it works, whatever the node's network does for a while. It leaves by
/// eth1, while the node's default route leads by eth0.
/// </summary>
public sealed class StandingTests : AgentTest
{
    private const string Reserved = "192.168.13.99";

    private static readonly string Web = $"{RouterDocument.Web("web", $"{Reserved}/24")}".Replace(", gateway: \"192.168.12.1\"", "");

    private readonly PacketCapture _otherLan;

    public StandingTests()
    {
        PlugIn("eth1");
        _otherLan = Lab.Lan.Capture(Lab.Node);
    }

    public enum Meanwhile
    {
        Nothing,
        Restart,
        RestartWithoutState,
    }

    public static TheoryData<string, Meanwhile> Outages =>
    [
        .. from outage in OutageActions.Keys
           from meanwhile in Enum.GetValues<Meanwhile>()
           select (outage, meanwhile),
    ];

    private static readonly Dictionary<string, (string[] Begin, string[] End, string Words)> OutageActions = new()
    {
        ["address away"] = (
            ["address delete 192.168.13.10/24 dev eth1"],
            ["address add 192.168.13.10/24 dev eth1", "route add default via 192.168.13.1 dev eth1 metric 200"],
            "the master stays eth1, although no interface of the node has a subnet that holds 192.168.13.99 now, and the default route leads by eth0; "
                + "name the one that is meant in spec.networkInterface.macvlan.master (MasterKept)"),
        ["second subnet"] = (
            ["address add 192.168.13.77/24 dev eth0"],
            ["address delete 192.168.13.77/24 dev eth0"],
            "the master stays eth1, although several interfaces have a subnet that holds 192.168.13.99 (eth0, eth1) now, and the default route leads by eth0; "
                + "name the one that is meant in spec.networkInterface.macvlan.master (MasterKept)"),
        ["default route away"] = (
            ["route delete default dev eth1"],
            ["route add default via 192.168.13.1 dev eth1 metric 200"],
            "the gateway of 192.168.13.99 stays 192.168.13.1, although the node has no default route by eth1 now; "
                + "name the one that is meant in spec.addresses[].gateway (GatewayKept)"),
        ["another gateway"] = (
            ["route replace default via 192.168.13.2 dev eth1 metric 200"],
            ["route replace default via 192.168.13.1 dev eth1 metric 200"],
            "the gateway of 192.168.13.99 stays 192.168.13.1, although the node's default route by eth1 leads to 192.168.13.2 now; "
                + "name the one that is meant in spec.addresses[].gateway (GatewayKept)"),
    };

    [Theory]
    [MemberData(nameof(Outages))]
    public void Router_stays_and_says_so_while_another_place_would_be_chosen(string outage, Meanwhile meanwhile)
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWeb();
        (IReadOnlyList<string> links, string routes) = (router.Links, router.Routes);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
        (string[] begin, string[] end, string words) = OutageActions[outage];

        Lab.Node.IpBatch(begin);
        agent.WaitForLog($"WRN default/web: in force, but {words}");
        Eventually.Holds(() => Assert.Contains("1 router degraded: default/web: the ", agent.Status));
        if (meanwhile != Meanwhile.Nothing)
        {
            Assert.Equal(0, agent.Stop());
            if (meanwhile == Meanwhile.RestartWithoutState)
            {
                Directory.Delete(Files.State, recursive: true);
            }

            agent = Scenario.StartAgent();
            agent.WaitForLog($"WRN default/web: in force, but {words}");
        }

        transfer.WaitForBlocks(100);
        AssertStays();
        Lab.Node.IpBatch(end);
        agent.WaitForLog($"INF default/web: over: {words}");
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        transfer.WaitForBlocks(100);
        AssertStays();
        Assert.Equal(Reserved, Lab.Node.ProbeTcp(inside, 8080).SeenSource);

        void AssertStays()
        {
            Assert.Equal(links, router.Links);
            Assert.Equal(routes, router.Routes);
            AssertNothingOnTheOtherLan();
        }
    }

    [Theory]
    [InlineData("address away")]
    [InlineData("second subnet")]
    [InlineData("default route away")]
    public void Router_comes_back_to_where_it_stood_after_a_reboot_into_another_network(string outage)
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWeb();
        string routes = router.Routes;
        (string[] begin, string[] end, string words) = OutageActions[outage];
        Assert.Equal(0, agent.Stop());
        Command.Check("ip", "netns", "delete", router.NetworkNamespace);
        Lab.Node.IpBatch(begin);

        agent = Scenario.StartAgent();

        agent.WaitForLog($"WRN default/web: in force, but {words}");
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.Equal(("eth1", routes), (MasterOf(router), router.Routes));
        Lab.Node.IpBatch(end);
        agent.WaitForLog($"INF default/web: over: {words}");
        AssertNothingOnTheOtherLan();
    }

    [Fact]
    public void Cable_that_is_out_at_the_start_is_what_is_said_also_with_IPv6()
    {
        Lab.Gateway.Ip("link set lan2 down");
        Files.Write("web.yaml", Web.Replace("99/24\" }", "99/24\" }, { ip: \"2001:db8:13::99/64\" }"));

        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog("WRN default/web: in force, but the master eth1 has no carrier, look at its cable and its switch (MasterDown)");
        Lab.Gateway.Ip("link set lan2 up");
        agent.WaitForLog("INF default/web: over: the master eth1 has no carrier");
        WaitForTcp(Lab.Node, new ObservedRouter("web").WaitForInsideAddress(agent), 8080, "203.0.113.26:80");
    }

    [Fact]
    public void Link_that_is_unplugged_is_waited_for_and_taken_again_under_its_name()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWeb();

        Lab.Node.Ip("link delete eth1");
        agent.WaitForLog("WRN default/web: eth1, on which the router stood, is gone, and no interface of the node has a subnet that holds 192.168.13.99; "
            + "waiting for it, or name another one in spec.networkInterface.macvlan.master (MasterMissing)");
        Assert.Equal(0, agent.Stop());
        agent = Scenario.StartAgent();
        Eventually.Holds(() => Assert.Contains("default/web: eth1, on which the router stood, is gone", agent.Status));
        AssertNothingOnTheOtherLan();

        // Its address comes later, as from a DHCP server.
        Lab.Node.ConnectTo(Lab.Gateway, "eth1", "lan2");
        Lab.Gateway.AddAddress("lan2", "192.168.13.1/24");
        agent.WaitForLog("INF default/web: over: eth1, on which the router stood, is gone");
        Eventually.True("the router on eth1", () => MasterOf(router) == "eth1", otherwise: () => agent.Log);
        Lab.Node.Ip("address add 192.168.13.10/24 dev eth1");
        Lab.Node.Ip("route add default via 192.168.13.1 dev eth1 metric 200");

        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        Assert.Equal(Reserved, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
        AssertNothingOnTheOtherLan();
    }

    [Fact]
    public void Link_that_is_gone_for_good_is_left_for_the_one_that_has_the_subnet()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWeb();

        Lab.Node.Ip("link delete eth1");
        agent.WaitForLog("is gone, and no interface of the node has a subnet");
        PlugIn("eth7");

        Eventually.True("the router on eth7", () => MasterOf(router) == "eth7", otherwise: () => agent.Log);
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        Assert.Equal(Reserved, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
        AssertNothingOnTheOtherLan();
    }

    [Fact]
    public void Link_becomes_a_port_of_a_bridge_as_soon_as_the_address_is_on_the_bridge()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWeb();

        Lab.Node.Ip("link add br0 type bridge");
        Lab.Node.Ip("link set br0 up");
        Assert.NotEqual(0, Lab.Node.Run("ip", "link", "set", "eth1", "master", "br0").ExitCode);
        Lab.Node.Ip("address delete 192.168.13.10/24 dev eth1");
        Lab.Node.Ip("address add 192.168.13.10/24 dev br0");
        Eventually.True("eth1 to be free", () => Lab.Node.Run("ip", "link", "set", "eth1", "master", "br0").ExitCode == 0, otherwise: () => agent.Log);
        Lab.Node.Ip("route add default via 192.168.13.1 dev br0 metric 200");

        Eventually.True("the router on br0", () => MasterOf(router) == "br0", otherwise: () => agent.Log);
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        Eventually.Holds(() => Assert.Equal(Reserved, Lab.Node.ProbeTcp(inside, 8080).SeenSource));

        // And back, when the bridge goes.
        Lab.Node.Ip("link delete br0");
        Lab.Node.Ip("address add 192.168.13.10/24 dev eth1");
        Lab.Node.Ip("route add default via 192.168.13.1 dev eth1 metric 200");
        Eventually.True("the router on eth1", () => MasterOf(router) == "eth1", otherwise: () => agent.Log);
        Eventually.Holds(() => Assert.Equal(Reserved, Lab.Node.ProbeTcp(inside, 8080).SeenSource));
        AssertNothingOnTheOtherLan();
    }

    [Fact]
    public void Link_that_gets_another_name_is_the_same()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWeb();
        IReadOnlyList<string> links = router.Links;

        Lab.Node.IpBatch("link set eth1 down", "link set eth1 name lan9", "link set lan9 up", "route add default via 192.168.13.1 dev lan9 metric 200");

        agent.WaitForLog("in force, 1 rules, leaving as 192.168.13.99 by lan9");
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        Assert.Equal(links, router.Links);

        // It is the name that is remembered, also where nothing else tells the link.
        Lab.Node.Ip("address delete 192.168.13.10/24 dev lan9");
        agent.WaitForLog("the master stays lan9");
        Assert.Equal(0, agent.Stop());
        Command.Check("ip", "netns", "delete", router.NetworkNamespace);
        AgentProcess next = Scenario.StartAgent();
        Eventually.True("the router on lan9", () => MasterOf(router) == "lan9", otherwise: () => next.Log);
        Eventually.Holds(() => Assert.Equal(Reserved, Lab.Node.ProbeTcp(inside, 8080).SeenSource));
        AssertNothingOnTheOtherLan();
    }

    [Fact]
    public void Cable_that_is_out_is_what_is_said_also_where_the_address_goes_with_it()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWeb();
        IReadOnlyList<string> links = router.Links;

        Lab.Gateway.Ip("link set lan2 down");
        Lab.Node.Ip("address delete 192.168.13.10/24 dev eth1");
        agent.WaitForLog("WRN default/web: in force, but the master eth1 has no carrier, look at its cable and its switch (MasterDown)");
        Lab.Gateway.Ip("link set lan2 up");
        Lab.Node.Ip("address add 192.168.13.10/24 dev eth1");
        Lab.Node.Ip("route add default via 192.168.13.1 dev eth1 metric 200");

        agent.WaitForLog("INF default/web: over: the master eth1 has no carrier, look at its cable and its switch (MasterDown)");
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        Eventually.Holds(() => Assert.Equal(Reserved, Lab.Node.ProbeTcp(inside, 8080).SeenSource));
        Assert.Equal(links, router.Links);
        AssertNothingOnTheOtherLan();
    }

    [Fact]
    public void Edit_of_master_and_gateway_is_followed_and_what_it_takes_away_is_inferred_anew()
    {
        (AgentProcess agent, ObservedRouter router, _) = StartWeb();

        Save("networkInterface: { macvlan: { master: eth0 } }", gateway: null);
        Eventually.True("the router on eth0", () => MasterOf(router) == "eth0", otherwise: () => agent.Log);
        Eventually.True("no gateway", () => !router.Routes.Contains("default"), otherwise: () => router.Routes);

        Save("networkInterface: { macvlan: { master: eth1 } }", "192.168.13.2");
        Eventually.True("the gateway of the file", () => router.Routes.Contains("default via 192.168.13.2 dev net1"), otherwise: () => agent.Log);

        // What was named before the edit was not inferred, and is not kept.
        Lab.Node.Ip("route replace default via 192.168.13.3 dev eth1 metric 200");
        Save("networkInterface: { macvlan: { master: eth1 } }", gateway: null);
        Eventually.True("the inferred gateway", () => router.Routes.Contains("default via 192.168.13.3 dev net1"), otherwise: () => agent.Log);
        Assert.DoesNotContain("192.168.13.2 dev net1", router.Routes);
        Lab.Node.Ip("route replace default via 192.168.13.1 dev eth1 metric 200");
        agent.WaitForLog("the gateway of 192.168.13.99 stays 192.168.13.3, although the node's default route by eth1 leads to 192.168.13.1 now");

        Save("networkInterface: { macvlan: { master: eth0 } }", gateway: null);
        Eventually.True("the router on eth0", () => MasterOf(router) == "eth0", otherwise: () => agent.Log);
        Save(interfaceLine: null, gateway: null);
        Eventually.True("the router on eth1", () => MasterOf(router) == "eth1", otherwise: () => agent.Log);
        Eventually.True("the gateway", () => router.Routes.Contains("default via 192.168.13.1 dev net1"), otherwise: () => router.Routes);
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));

        void Save(string? interfaceLine, string? gateway) => Files.Replace("web.yaml", Web
            .Replace("spec:\n", interfaceLine is null ? "spec:\n" : $"spec:\n  {interfaceLine}\n")
            .Replace("99/24\"", gateway is null ? "99/24\"" : $"99/24\", gateway: \"{gateway}\""));
    }

    private (AgentProcess Agent, ObservedRouter Router, string Inside) StartWeb()
    {
        Files.Write("web.yaml", Web);
        AgentProcess agent = Scenario.StartAgent();
        ObservedRouter router = new("web");
        string inside = router.WaitForInsideAddress(agent);
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        return (agent, router, inside);
    }

    private void PlugIn(string link)
    {
        Lab.Node.ConnectTo(Lab.Gateway, link, "lan2");
        Lab.Gateway.AddAddress("lan2", "192.168.13.1/24");
        Lab.Node.AddAddress(link, "192.168.13.10/24");
        Lab.Node.Ip($"route add default via 192.168.13.1 dev {link} metric 200");
    }

    private string MasterOf(ObservedRouter router)
    {
        string link = Command.Run("ip", "-n", router.NetworkNamespace, "-oneline", "link", "show", "dev", "net1").Output;
        return link.Contains("@if") && int.Parse(link.Split("@if")[1].Split(':')[0]) is var index
            ? Lab.Node.Ip("-oneline link show").Split('\n').Where(line => line.StartsWith($"{index}: ", StringComparison.Ordinal))
                .Select(line => line.Split(": ")[1].Split('@')[0]).FirstOrDefault("")
            : "";
    }

    private void AssertNothingOnTheOtherLan() => Assert.DoesNotContain(_otherLan.Packets, packet => $"{packet.Source}" == Reserved || $"{packet.Destination}" == Reserved);
}
