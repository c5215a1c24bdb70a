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
        string[] routesBefore = Routes();
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        agent.Stop();

        CommandResult result = Scenario.RunAgent("cleanup", "--state", Files.State);

        Assert.True(result.ExitCode == 0, $"{result}");
        Assert.False(router.Exists);
        Assert.Equal(linksBefore, Names(Lab.Node.Ip("-oneline link")));
        Assert.Equal(routesBefore, Routes());
    }

    [Fact]
    public void Cleanup_without_anything_to_remove_succeeds()
    {
        CommandResult result = Scenario.RunAgent("cleanup", "--state", Files.State);

        Assert.True(result.ExitCode == 0, $"{result}");
    }

    // Link-local ones come by themselves, some time after the link.
    private string[] Routes() =>
    [
        .. Lab.Node.Ip("-4 route show table all").Split('\n'),
        .. Lab.Node.Ip("-6 route show table all").Split('\n').Where(line => !line.Contains("fe80:") && !line.Contains("ff00::")),
    ];

    private static string Names(string links) => string.Join('\n', links.Split('\n').Select(line => line.Split(": ").ElementAtOrDefault(1)));
}
