using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>What a router cannot stand on, and what it must not take away, is said in words.</summary>
public sealed class PassthruTests : AgentTest
{
    private const string Loss =
        "WRN default/web: in passthru mode the router would take eth0 away from the node, which has 192.168.12.10/24 and its default route there and would be "
        + "cut off, also after a reboot; choose mode Bridge, or another master, or say that it is meant with the annotation "
        + "egressagent.org/passthru-takes-the-node: \"true\" (PassthruTakesTheNode)";

    [Fact]
    public void Interface_that_the_node_uses_is_taken_only_if_that_is_meant()
    {
        Files.Write("web.yaml", Document("web", "Passthru", "eth0"));
        AgentProcess agent = Scenario.StartAgent();
        agent.WaitForLog(Loss);
        Assert.Equal(ProbeOutcome.Answered, Lab.Node.Ping(EgressLab.GatewayAddress).Outcome);
        Assert.Contains("1 router pending: default/web: in passthru mode", agent.Status);

        Files.Write("web.yaml", Document("web", "Passthru", "eth0", "egressagent.org/passthru-takes-the-node: \"true\""));
        agent.WaitForLog("INF default/web: in force");
        agent.WaitForLog("INF default/web: over: in passthru mode the router would take eth0");
    }

    [Fact]
    public void Interface_that_the_node_uses_is_not_taken_at_a_boot_either()
    {
        const string Broken = "kind: [";
        (string addresses, string route) = NodeNetwork();
        Files.Write("web.yaml", Document("web", "Passthru", "eth0"));
        AgentProcess agent = Scenario.StartAgent();
        agent.WaitForLog(Loss);
        Boot(agent);

        // What is wanted is in the saved state alone.
        Files.Write("web.yaml", Broken);
        agent = Scenario.StartAgent();
        agent.WaitForLog(Loss);
        Assert.Equal((addresses, route), NodeNetwork());
        Assert.Equal(ProbeOutcome.Answered, Lab.Node.Ping(EgressLab.GatewayAddress).Outcome);
        Assert.Contains("1 router pending, 1 file in error: default/web: ", agent.Status);

        Files.Write("web.yaml", Document("web", "Passthru", "eth0", "egressagent.org/passthru-takes-the-node: \"true\""));
        agent.WaitForLog("INF default/web: in force");
        Boot(agent);
        Files.Write("web.yaml", Broken);
        agent = Scenario.StartAgent();
        agent.WaitForLog("INF default/web: in force");
        Assert.DoesNotContain("PassthruTakesTheNode", agent.Log);
        Assert.Contains("macvlan mode passthru", Command.Check("ip", "-n", "egress.default.web", "-details", "link", "show", "net1"));
    }

    [Theory]
    [InlineData("Bridge", "WRN default/two: the router default/one has eth1 in passthru mode, which means alone; name another master, or choose mode Bridge for both (MasterTaken)")]
    [InlineData("Passthru", "WRN default/two: the router default/one has eth1 in passthru mode, which means alone")]
    public void Second_router_on_an_interface_that_another_has_alone_waits_for_it(string mode, string words)
    {
        Lab.Lan.Attach(Lab.Node, "eth1", port: 2);
        Files.Write("one.yaml", Document("one", "Passthru", "eth1", address: "192.168.12.97/24"));
        AgentProcess agent = Scenario.StartAgent();
        agent.WaitForLog("INF default/one: in force");

        Files.Write("two.yaml", Document("two", mode, "eth1", address: "192.168.12.98/24"));

        agent.WaitForLog(words);
        Assert.DoesNotContain("EINVAL", agent.Log);
        Files.Delete("one.yaml");
        agent.WaitForLog("INF default/two: in force", TimeSpan.FromSeconds(30));
    }

    [Theory]
    [InlineData("passthru", "Bridge", "WRN default/web: another macvlan has eth1 in passthru mode, which means alone: foreign; remove that, or name another master (MasterTaken)")]
    [InlineData("bridge", "Passthru", "WRN default/web: passthru mode means to have eth1 alone, and there is another macvlan on it: foreign; remove that, name another master, or choose mode Bridge (MasterTaken)")]
    public void Macvlan_of_somebody_else_is_named(string theirs, string ours, string words)
    {
        Lab.Lan.Attach(Lab.Node, "eth1", port: 2);
        Lab.Node.Ip($"link add foreign link eth1 type macvlan mode {theirs}");
        Files.Write("web.yaml", Document("web", ours, "eth1"));

        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog(words);
        Assert.DoesNotContain("EINVAL", agent.Log);
        Lab.Node.Ip("link delete foreign");
        agent.WaitForLog("INF default/web: in force", TimeSpan.FromSeconds(30));
    }

    [Fact]
    public void Port_of_a_bridge_is_named_and_so_is_what_takes_it()
    {
        Lab.Lan.Attach(Lab.Node, "eth1", port: 2);
        Lab.Node.Ip("link add br7 type bridge");
        Lab.Node.Ip("link set eth1 master br7");
        Files.Write("web.yaml", Document("web", "Bridge", "eth1"));

        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog(
            "WRN default/web: eth1 is a port of the bridge br7, which takes all that it receives; name br7 in spec.networkInterface.macvlan.master (MasterUnfit)");
        Lab.Node.Ip("link set eth1 nomaster");
        agent.WaitForLog("INF default/web: in force");
    }

    [Fact]
    public void Tunnel_is_no_master()
    {
        Lab.Node.Ip("tuntap add dev tun7 mode tun");
        Lab.Node.Ip("link set tun7 up");
        Files.Write("web.yaml", Document("web", "Bridge", "tun7"));

        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog("WRN default/web: tun7 carries no Ethernet frames, as a tunnel or a point-to-point link, so that no router can be a host there");
    }

    [Fact]
    public void Check_says_what_the_files_alone_tell()
    {
        Files.Write("one.yaml", Document("one", "Passthru", "eth1", address: "192.168.12.97/24"));
        Files.Write("two.yaml", Document("two", "Bridge", "eth1", address: "192.168.12.98/24"));
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("spec:", "spec:\n  networkInterface: { macvlan: { mode: Passthru } }"));

        CommandResult result = Scenario.RunAgent("check", Files.Routers);

        Assert.Contains("as that of the router default/one in", result.Output + result.Errors);
        Assert.Contains("which mode `Passthru` would take away from the node: the router waits", result.Output + result.Errors);
    }

    // What a boot leaves: nothing of the agent's in the kernel, and nothing in /run.
    private void Boot(AgentProcess agent)
    {
        Assert.Equal(0, agent.Stop());
        if (new ObservedRouter("web").Exists)
        {
            Command.Check("ip", "netns", "delete", "egress.default.web");
        }

        Directory.Delete(Files.Runtime, recursive: true);
    }

    private (string Addresses, string DefaultRoute) NodeNetwork() => (Lab.Node.Ip("-oneline address show dev eth0"), Lab.Node.Ip("route show default"));

    private static string Document(string name, string mode, string master, string? annotation = null, string address = "192.168.12.99/24") =>
        $"{RouterDocument.Web(name, address)}"
            .Replace($"  name: {name}", $"  name: {name}{(annotation is null ? "" : $"\n  annotations: {{ {annotation} }}")}")
            .Replace("spec:", $"spec:\n  networkInterface: {{ macvlan: {{ mode: {mode}, master: {master} }} }}");
}
