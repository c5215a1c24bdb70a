using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary><c>egress-agentd cleanup</c> takes away all that is the agent's, and nothing else.</summary>
public sealed class CleanupTests : AgentTest
{
    [Fact]
    public void Cleanup_removes_what_a_stopped_agent_left()
    {
        string linksBefore = Names(Lab.Node.Ip("-oneline link"));
        string routesBefore = Lab.Node.Ip("route show table all");
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        agent.Stop();

        CommandResult result = Scenario.RunAgent("cleanup", "--state", Files.State);

        Assert.True(result.ExitCode == 0, $"{result}");
        Assert.False(router.Exists);
        Assert.Equal(linksBefore, Names(Lab.Node.Ip("-oneline link")));
        Assert.Equal(routesBefore, Lab.Node.Ip("route show table all"));
    }

    [Fact]
    public void Cleanup_without_anything_to_remove_succeeds()
    {
        CommandResult result = Scenario.RunAgent("cleanup", "--state", Files.State);

        Assert.True(result.ExitCode == 0, $"{result}");
    }

    private static string Names(string links) => string.Join('\n', links.Split('\n').Select(line => line.Split(": ").ElementAtOrDefault(1)));
}
