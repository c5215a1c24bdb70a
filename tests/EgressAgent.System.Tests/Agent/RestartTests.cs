using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>The datapath outlives the agent, and the next agent adopts it.</summary>
public sealed class RestartTests : AgentTest
{
    [Fact]
    public void Sigterm_ends_the_agent_and_leaves_traffic_flowing()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);

        Assert.Equal(0, agent.Stop());

        transfer.WaitForBlocks(100);
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
        Assert.True(router.Exists);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Restart_adopts_the_router_without_dropping_a_packet(bool killed)
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        (string identity, IReadOnlyList<string> links) = (router.Identity, router.Links);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);

        End(agent, killed);
        AgentProcess next = Scenario.StartAgent();
        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8443, "203.0.113.27", 443)}");

        WaitForTcp(Lab.Node, inside, 8443, "203.0.113.27:443");
        Assert.Equal(identity, router.Identity);
        Assert.Equal(links, router.Links);
        Assert.Equal(inside, router.InsideAddress);
        transfer.WaitForBlocks(100);
        next.WaitForThreadsAtHome();
    }

    // 3.7 MB of OpenSSL, which the runtime loads to hash a text.
    [Fact]
    public void Agent_loads_no_cryptography()
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter();
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
        agent.Stop();

        AgentProcess next = Scenario.StartAgent();

        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.DoesNotContain(next.MappedFiles(), file => file.StartsWith("libcrypto", StringComparison.Ordinal) || file.StartsWith("libssl", StringComparison.Ordinal));
    }

    [Fact]
    public void Edit_made_while_stopped_is_in_force_after_the_start()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter(RouterDocument.Web("web").Tcp(8081, "203.0.113.26", 80));
        string identity = router.Identity;
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
        agent.Stop();

        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8443, "203.0.113.27", 443)}");
        Scenario.StartAgent();

        WaitForTcp(Lab.Node, inside, 8443, "203.0.113.27:443");
        WaitForRefusal(Lab.Node, inside, 8081);
        Assert.Equal(identity, router.Identity);
        transfer.WaitForBlocks(100);
    }

    [Fact]
    public void File_deleted_while_stopped_is_removed_at_the_start()
    {
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        agent.Stop();
        Files.Delete("web.yaml");
        Files.WriteNone();

        Scenario.StartAgent();

        Eventually.Holds(() => Assert.False(router.Exists));
    }

    [Fact]
    public void File_deleted_and_namespace_unmounted_while_stopped_leave_nothing()
    {
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        agent.Stop();
        Files.Delete("web.yaml");
        Files.WriteNone();
        Command.Check("umount", "--lazy", $"/run/netns/{router.NetworkNamespace}");

        Scenario.StartAgent();

        Eventually.Holds(() => Assert.False(router.Exists));
    }

    [Fact]
    public void File_spoilt_while_stopped_leaves_the_last_good_router()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        string identity = router.Identity;
        agent.Stop();
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("TCP", "tcp"));

        AgentProcess next = Scenario.StartAgent();

        next.WaitForLog("web.yaml:9:");
        Assert.Equal(identity, router.Identity);
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
    }

    [Fact]
    public void Reboot_brings_the_router_back_with_the_same_addresses_even_from_a_spoilt_file()
    {
        Files.Write("another.yaml", $"{RouterDocument.Web("another", "192.168.12.98/24")}");
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        string mac = MacOf(router);
        agent.Stop();
        Reboot();
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("TCP", "tcp"));

        AgentProcess next = Scenario.StartAgent();

        Assert.Equal(inside, router.WaitForInsideAddress(next));
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.Equal(mac, MacOf(router));
    }

    [Fact]
    public void Lost_state_is_rebuilt_from_the_kernel()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        (string identity, IReadOnlyList<string> links) = (router.Identity, router.Links);
        agent.Stop();
        Directory.Delete(Files.State, recursive: true);

        Scenario.StartAgent();

        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.Equal(identity, router.Identity);
        Assert.Equal(links, router.Links);
    }

    private static string MacOf(ObservedRouter router) => router.Links.Single(link => link.Contains(" net1 ")).Split(' ')[2];

    private static void End(AgentProcess agent, bool killed)
    {
        if (killed)
        {
            agent.Kill();
        }
        else
        {
            agent.Stop();
        }
    }

    // What a reboot takes: every network namespace and link. The node's own network is there again before the agent.
    private static void Reboot()
    {
        foreach (string router in (string[])["egress.default.web", "egress.default.another"])
        {
            Command.Check("ip", "netns", "del", router);
        }
    }
}
