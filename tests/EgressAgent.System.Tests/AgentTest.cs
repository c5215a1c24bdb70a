using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests;

/// <summary>A test with the real agent in a lab of its own.</summary>
public abstract class AgentTest : IDisposable
{
    /// <param name="datapath">That of routers whose document does not name one.</param>
    protected AgentTest(string datapath = "kernel")
    {
        Requires.Agent();
        Scenario = new AgentScenario(datapath);
    }

    protected AgentScenario Scenario { get; }

    protected EgressLab Lab => Scenario.Lab;

    protected AgentFiles Files => Scenario.Files;

    public virtual void Dispose() => Scenario.Dispose();

    /// <summary>Waits until connections from <paramref name="client"/> to <paramref name="port"/> arrive at <paramref name="target"/>.</summary>
    protected static void WaitForTcp(LabHost client, string insideAddress, int port, string target) =>
        Eventually.Holds(() => Assert.Equal(target, client.ProbeTcp(insideAddress, port).SeenTarget));

    /// <summary>Waits until connections from <paramref name="client"/> to <paramref name="port"/> are refused.</summary>
    protected static void WaitForRefusal(LabHost client, string insideAddress, int port) =>
        Eventually.Holds(() => Assert.Equal(ProbeOutcome.Refused, client.ProbeTcp(insideAddress, port).Outcome));

    /// <summary>Writes the file of a router that is called <c>web</c>, starts the agent and waits until the router serves 8080/TCP.</summary>
    protected (AgentProcess Agent, ObservedRouter Router, string InsideAddress) StartWithWebRouter(RouterDocument? document = null)
    {
        Files.Write("web.yaml", $"{document ?? RouterDocument.Web("web")}");
        AgentProcess agent = Scenario.StartAgent();
        ObservedRouter router = new("web");
        string inside = router.WaitForInsideAddress(agent);
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        return (agent, router, inside);
    }
}
