using System.Diagnostics;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>Whether the gateway is there is asked by the agent, and not found out by clients.</summary>
public abstract class GatewayTests(string datapath) : AgentTest(datapath)
{
    private const string Silent =
        "WRN default/web: in force, but the IPv4 gateway 192.168.12.1 does not answer ARP on the network of eth0; look whether it is up and has that address; "
        + "if the node itself reaches it, the network drops what comes with the router's own MAC";

    [Fact]
    public void Gateway_that_goes_while_the_router_is_idle_is_told_and_its_return_too()
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter();
        Assert.DoesNotContain("GatewayUnreachable", agent.Log);

        Lab.Gateway.Ip("link set lan down");
        var clock = Stopwatch.StartNew();
        agent.WaitForLog(Silent, TimeSpan.FromSeconds(60));
        TestContext.Current.TestOutputHelper?.WriteLine($"told {clock.Elapsed} after it went");
        Eventually.True(
            "the silence in the status",
            () => agent.Status.Contains("1 router degraded: default/web: the IPv4 gateway 192.168.12.1 does not answer ARP"), otherwise: () => agent.Status);

        Lab.Gateway.Ip("link set lan up");
        clock.Restart();
        agent.WaitForLog("INF default/web: the IPv4 gateway 192.168.12.1 answers (GatewayUnreachable)", TimeSpan.FromSeconds(20));
        TestContext.Current.TestOutputHelper?.WriteLine($"told {clock.Elapsed} after it came");
        Eventually.True("the status", () => agent.Status.StartsWith("1 router active", StringComparison.Ordinal), otherwise: () => agent.Status);
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.Equal(1, agent.Log.Split(Silent).Length - 1);
    }

    [Fact]
    public void Gateway_that_is_not_there_is_told_a_few_seconds_after_the_router_is_in_force()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("gateway: \"192.168.12.1\"", "gateway: \"192.168.12.7\""));
        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog("WRN default/web: in force, but the IPv4 gateway 192.168.12.7 does not answer ARP on the network of eth0", TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void IPv6_gateway_that_is_not_there_is_named()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web", "2001:db8:12::99/64")}"
            .Replace("gateway: \"192.168.12.1\"", "gateway: \"2001:db8:12::7\"").Replace("203.0.113.26", "2001:db8:ff::26"));
        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog(
            "WRN default/web: in force, but the IPv6 gateway 2001:db8:12::7 does not answer neighbour solicitations on the network of eth0", TimeSpan.FromSeconds(15));
        Lab.Gateway.AddAddress("lan", "2001:db8:12::7/64");
        agent.WaitForLog("INF default/web: the IPv6 gateway 2001:db8:12::7 answers", TimeSpan.FromSeconds(20));
    }

    // The kernel asks for nobody's MAC as long as the link has no link-local address that is known to be its own.
    [Fact]
    public void IPv6_gateway_is_not_silent_as_long_as_nobody_can_ask_it()
    {
        Lab.UseIPv6();
        Files.Write("web.yaml", $"{RouterDocument.Web("web", "2001:db8:12::99/64")}"
            .Replace("gateway: \"192.168.12.1\"", $"gateway: \"{EgressLab.Web6}\"").Replace("203.0.113.26", "2001:db8:ff::26"));
        AgentProcess agent = Scenario.StartAgent();
        agent.WaitForLog("default/web: in force");
        LabHost inside = Lab.Node.In(new ObservedRouter("web"));

        inside.Check("sysctl", "--quiet", "net.ipv6.conf.net1.dad_transmits=4");
        inside.Ip("link set net1 down");

        Eventually.True("the gateway's answer", () => inside.Ip($"neigh show {EgressLab.Web6} dev net1").Contains("REACHABLE"), otherwise: () => agent.Log);
        Assert.DoesNotContain("does not answer", agent.Log);
    }

    [Fact]
    public void Node_as_gateway_is_named()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("gateway: \"192.168.12.1\"", $"gateway: \"{EgressLab.NodeAddress}\""));
        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog(
            "WRN default/web: in force, but the gateway 192.168.12.10 is the node itself, which a macvlan cannot reach; "
            + "name the router of that network in spec.addresses[].gateway, or only destinations in the same subnet can be reached (GatewayIsTheNode)");
    }

    [Fact]
    public void Check_on_the_node_knows_its_addresses()
    {
        Files.Write("own.yaml", $"{RouterDocument.Web("own", EgressLab.NodeAddress + "/24")}");
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("gateway: \"192.168.12.1\"", $"gateway: \"{EgressLab.NodeAddress}\""));

        CommandResult onTheNode = Scenario.RunAgent("check", Files.Routers);
        CommandResult elsewhere = Lab.Neighbour.Run(Repository.AgentBinary, "check", Files.Routers);

        Assert.Contains($"own.yaml:6:22: spec.addresses[0].ip: warning: {EgressLab.NodeAddress} is an address of this node", onTheNode.Output);
        Assert.Contains($"web.yaml:6:51: spec.addresses[0].gateway: warning: {EgressLab.NodeAddress} is an address of this node, which a macvlan cannot reach", onTheNode.Output);
        Assert.Equal((0, 0), (onTheNode.ExitCode, elsewhere.ExitCode));
        Assert.DoesNotContain("of this node,", elsewhere.Output);
    }
}
