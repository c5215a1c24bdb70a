using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>What is the agent's it knows by its mark; what only has a name as the agent gives one is left alone, and named.</summary>
public sealed class OwnershipTests : AgentTest
{
    private const string NodeLink = "egr-82b3ade9";

    private const string Service = """
        apiVersion: v1
        kind: Service
        metadata: { name: partner }
        spec: { clusterIP: 198.19.0.9, selector: { app: egress-router-cni }, ports: [ { port: 8080 } ] }
        """;

    [Fact]
    public void Namespace_that_nobody_wants_and_nobody_marked_is_left_alone_by_a_start_and_by_a_cleanup()
    {
        const string Words = "the network namespace egress.prod.mine is not of egress-agentd's making, and is left alone; "
            + "if nobody needs it: ip netns delete egress.prod.mine";
        Command.Check("ip", "netns", "add", "egress.prod.mine");
        string identity = new ObservedRouter("mine", "prod").Identity;

        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        agent.Stop();
        CommandResult cleanup = Scenario.RunAgent("cleanup", "--state", Files.State);

        agent.WaitForLog($"INF {Words}\n");
        Assert.Equal((0, ""), (cleanup.ExitCode, cleanup.Errors));
        Assert.Contains($"{Words}\n", cleanup.Output);
        Assert.False(router.Exists);
        Assert.Equal(identity, new ObservedRouter("mine", "prod").Identity);
    }

    [Fact]
    public void Router_whose_namespace_is_somebody_elses_waits_until_the_name_is_free()
    {
        const string Words = "the network namespace egress.default.web is not of egress-agentd's making, and is left alone; "
            + "if nobody needs it: ip netns delete egress.default.web (NotOurs)";
        Command.Check("ip", "netns", "add", "egress.default.web");
        ObservedRouter router = new("web");
        string before = $"{router.Identity} {router.Ip("-oneline link")}";
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");

        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog($"WRN default/web: {Words}");
        Assert.Contains("default/web: the network namespace egress.default.web is not", agent.Status);
        Assert.Equal(before, $"{router.Identity} {router.Ip("-oneline link")}");

        NamedNetns.Delete("egress.default.web");

        agent.WaitForLog("default/web: in force", TimeSpan.FromSeconds(5));
        agent.WaitForLog($"INF default/web: over: {Words}");
        WaitForTcp(Lab.Node, router.WaitForInsideAddress(agent), 8080, "203.0.113.26:80");
    }

    [Fact]
    public void Services_whose_namespace_is_somebody_elses_wait_and_their_routers_serve()
    {
        const string Words = "open network namespace egress-services: EEXIST (File exists): it is not this agent's, and is left alone; "
            + "if nobody needs it: ip netns delete egress-services (KernelRefused)";
        Command.Check("ip", "netns", "add", "egress-services");
        Files.Write("service.yaml", Service);

        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();

        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        agent.WaitForLog($"ERR default/web: without its Services: {Words}");

        NamedNetns.Delete("egress-services");

        WaitForTcp(Lab.Node, "198.19.0.9", 8080, "203.0.113.26:80");
        agent.WaitForLog($"INF default/web: its Services are served now; over: {Words}");
        Assert.True(router.Exists);
    }

    [Fact]
    public void Services_whose_interface_is_somebody_elses_wait_and_leave_it_alone()
    {
        const string Words = "add link egr-services: EEXIST (File exists): it is not this agent's, and is left alone; "
            + "give it another name, or if nobody needs it: ip link delete egr-services";
        Lab.Node.Ip("link add egr-services type veth peer name other");
        Files.Write("service.yaml", Service);

        (AgentProcess agent, _, string inside) = StartWithWebRouter();

        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        agent.WaitForLog(Words);
        Files.Delete("service.yaml");
        Eventually.True("the Services to go", () => !File.Exists("/run/netns/egress-services"));
        Assert.Contains("egr-services@other", Lab.Node.Ip("link show"));

        Files.Write("service.yaml", Service);
        Lab.Node.Ip("link delete egr-services");

        WaitForTcp(Lab.Node, "198.19.0.9", 8080, "203.0.113.26:80");
    }

    [Fact]
    public void Router_whose_namespace_was_replaced_by_somebody_elses_lets_go_of_its_interfaces()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();

        // At once, as far as the agent sees.
        Command.Check("kill", "-STOP", $"{agent.Pid}");
        Command.Check("ip", "netns", "delete", "egress.default.web");
        Command.Check("ip", "netns", "add", "egress.default.web");
        Command.Check("kill", "-CONT", $"{agent.Pid}");

        agent.WaitForLog("WRN default/web: the network namespace egress.default.web is not of");
        Assert.DoesNotContain("default/web: repaired", agent.Log);
        Assert.DoesNotContain("eth0", router.Ip("-oneline link"));
        Assert.Equal(ProbeOutcome.Unreachable, Lab.Node.ProbeTcp(inside, 8080).Outcome);
    }

    [Fact]
    public void Agents_with_state_directories_of_their_own_leave_each_others_routers_alone()
    {
        (AgentProcess first, ObservedRouter web, string inside) = StartWithWebRouter();
        using AgentFiles others = new();
        others.Write("web.yaml", $"{RouterDocument.Web("web", "192.168.12.97/24")}");
        others.Write("other.yaml", $"{RouterDocument.Web("other", "192.168.12.98/24")}");
        (string identity, IReadOnlyList<string> links) = (web.Identity, web.Links);

        AgentProcess second = Lab.StartAgent(others);

        ObservedRouter other = new("other");
        WaitForTcp(Lab.Node, other.WaitForInsideAddress(second), 8080, "203.0.113.26:80");
        string words = $"the network namespace egress.default.web belongs to the egress-agentd whose state directory is {Files.State}, and is left alone; "
            + $"give one of the two routers another name, or remove it there (egress-agentd cleanup --state {Files.State}) (NotOurs)";
        second.WaitForLog($"WRN default/web: {words}");
        (string otherIdentity, IReadOnlyList<string> otherLinks) = (other.Identity, other.Links);

        // Each once more, with the other's routers there, and one after the other goes.
        first.Stop();
        first = Scenario.StartAgent();
        first.WaitForLog($"INF the network namespace egress.default.other belongs to the egress-agentd whose state directory is {others.State}");
        second.Stop();
        Assert.Equal((otherIdentity, string.Join(' ', otherLinks)), (other.Identity, string.Join(' ', other.Links)));
        Assert.Equal(0, Scenario.RunAgent("cleanup", "--state", others.State).ExitCode);

        Assert.False(other.Exists);
        Assert.Equal((identity, string.Join(' ', links)), (web.Identity, string.Join(' ', web.Links)));
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
        Assert.Contains("unreachable 198.18.0.0/16", Lab.Node.Ip("route"));
        TestContext.Current.TestOutputHelper?.WriteLine(second.Log);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Router_that_version_0_1_0_built_is_adopted_and_marked(bool isStateLost)
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        (string identity, IReadOnlyList<string> links) = (router.Identity, router.Links);
        string mark = MarkOf(router.Ip("-oneline link show lo"));
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
        agent.Stop();

        // What distinguishes its routers.
        Command.Check("ip", "-n", router.NetworkNamespace, "link", "set", "lo", "alias", "");
        Lab.Node.Check("ip", "link", "set", NodeLink, "alias", "");
        if (isStateLost)
        {
            Directory.Delete(Files.State, recursive: true);
        }

        Scenario.StartAgent();

        Assert.Equal(identity, router.Identity);
        Assert.Equal(links, router.Links);
        Assert.Equal(mark, MarkOf(router.Ip("-oneline link show lo")));
        Assert.Equal(mark, MarkOf(Lab.Node.Ip($"-oneline link show {NodeLink}")));
        Assert.EndsWith($" default/web {Files.State}", mark);
        transfer.WaitForBlocks(100);
    }

    [Fact]
    public void Router_that_version_0_1_0_built_goes_with_a_cleanup()
    {
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        agent.Stop();
        Command.Check("ip", "-n", router.NetworkNamespace, "link", "set", "lo", "alias", "");

        Assert.Equal(0, Scenario.RunAgent("cleanup", "--state", Files.State).ExitCode);

        Assert.False(router.Exists);
    }

    [Theory]
    [InlineData($"link add {NodeLink} type veth peer name mine")]
    [InlineData("link add mine type veth peer name other", $"link property add dev mine altname {NodeLink}")]
    [InlineData("link add mine type veth peer name other", "link property add dev mine altname egress.default.web")]
    public void Interface_of_the_node_under_a_name_of_the_routers_is_left_alone(params string[] commands)
    {
        foreach (string command in commands)
        {
            Lab.Node.Ip(command);
        }

        string name = commands.Length == 1 ? NodeLink : "mine";
        string before = Lab.Node.Ip("-oneline link show " + name);
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");

        AgentProcess agent = Scenario.StartAgent();

        Assert.Contains(
            $"WRN default/web: the interface {name} on the node has a name of this router's and is not of egress-agentd's making, and is left alone; "
            + $"give it another name, or if nobody needs it: ip link delete {name} (NotOurs)",
            agent.Log);
        Assert.Equal(before, Lab.Node.Ip("-oneline link show " + name));

        Lab.Node.Ip("link delete " + name);

        ObservedRouter router = new("web");
        WaitForTcp(Lab.Node, router.WaitForInsideAddress(agent), 8080, "203.0.113.26:80");
    }

    [Fact]
    public void Names_that_hold_no_namespace_are_removed()
    {
        File.WriteAllText("/run/netns/egress.default.gone", "");
        File.WriteAllText("/run/netns/egress.default.web", "");
        File.WriteAllText("/run/netns/mine", "");
        try
        {
            (AgentProcess agent, _, _) = StartWithWebRouter();

            agent.WaitForLog("INF default/gone: remove the name egress.default.gone, which holds no network namespace");
            Assert.False(File.Exists("/run/netns/egress.default.gone"));
            Assert.True(File.Exists("/run/netns/mine"));
        }
        finally
        {
            File.Delete("/run/netns/mine");
        }
    }

    private static string MarkOf(string link) => link.Split("alias ").ElementAtOrDefault(1)?.Split('\\')[0].TrimEnd() ?? "";
}
