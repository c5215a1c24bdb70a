using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>One process at a time works with a state directory and its routers.</summary>
public sealed class StateLockTests : AgentTest
{
    [Fact]
    public void Second_run_is_refused_and_says_what_to_do()
    {
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        string identity = router.Identity;

        CommandResult second = Scenario.RunAgent(
            "run", "--routers", Files.Routers, "--config", Files.Config, "--state", Files.State, "--runtime", Files.Runtime, "--bus", "none", "--log", "console");

        Assert.Equal((75, $"egress-agentd: {WordsOf(agent)}\n"), (second.ExitCode, second.Errors));
        Assert.Equal(identity, router.Identity);
    }

    [Fact]
    public void Cleanup_beside_the_agent_is_refused_and_touches_nothing()
    {
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        string identity = router.Identity;
        string[] state = Directory.GetFiles(Files.State);

        CommandResult cleanup = Scenario.RunAgent("cleanup", "--state", Files.State);

        Assert.Equal((75, ""), (cleanup.ExitCode, cleanup.Output));
        Assert.Equal($"egress-agentd: {WordsOf(agent)}\n", cleanup.Errors);
        Assert.Equal(identity, router.Identity);
        Assert.Equal(state, Directory.GetFiles(Files.State));
    }

    [Fact]
    public void Check_beside_the_agent_reads_what_it_has_in_force()
    {
        (AgentProcess agent, _, _) = StartWithWebRouter();

        Assert.Equal(0, Scenario.RunAgent("check", Files.Routers).ExitCode);
        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8443, "203.0.113.27", 443)}");
        WaitForTcp(Lab.Node, new ObservedRouter("web").InsideAddress!, 8443, "203.0.113.27:443");
        Assert.Equal(0, agent.Stop());
    }

    [Fact]
    public void Lock_of_a_killed_agent_is_no_lock()
    {
        (AgentProcess agent, _, _) = StartWithWebRouter();
        agent.Kill();

        Scenario.StartAgent().Kill();

        Assert.Equal(0, Scenario.RunAgent("cleanup", "--state", Files.State).ExitCode);
    }

    [Fact]
    public void Cleanup_can_leave_the_state_so_that_the_routers_get_their_addresses_again()
    {
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        agent.Stop();
        string[] state = Directory.GetFiles(Files.State);

        Assert.Equal(0, Scenario.RunAgent("cleanup", "--state", Files.State, "--keep-state").ExitCode);

        Assert.False(router.Exists);
        Assert.Equal(state, Directory.GetFiles(Files.State));
    }

    private string WordsOf(AgentProcess agent) =>
        $"{Files.State} is in use by process {agent.Pid} (egress-agentd), and its routers are that one's; "
        + $"first stop it: systemctl stop egress-agentd (or: kill {agent.Pid})";
}
