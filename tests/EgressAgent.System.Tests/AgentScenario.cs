using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests;

/// <summary>The lab of the documented example, an agent's files, and the agents that were started on them, one after the other.</summary>
public sealed class AgentScenario : IDisposable
{
    private readonly List<AgentProcess> _agents = [];

    /// <param name="datapath">That of routers whose document does not name one.</param>
    public AgentScenario(string datapath = "kernel") => Files.Configure($"datapath: {datapath}");

    public EgressLab Lab { get; } = new();

    public AgentFiles Files { get; } = new();

    /// <summary>What the service manager of the agents keeps for them; null, as it is at first, for one that keeps nothing.</summary>
    public KeptDescriptors? Kept { get; set; }

    /// <summary>Starts the agent and waits until it is ready.</summary>
    /// <param name="launcher">A program, with its options, that becomes the agent.</param>
    public AgentProcess StartAgent(params IReadOnlyList<string> launcher)
    {
        AgentProcess agent = Lab.StartAgent(Files, Kept, launcher);
        _agents.Add(agent);
        return agent;
    }

    /// <summary>Runs another command of the agent on the node.</summary>
    public CommandResult RunAgent(params IReadOnlyList<string> arguments) => Lab.Node.Run([Repository.AgentBinary, .. arguments]);

    /// <summary>Removes everything, and adds what the agents printed to the test's output, which is shown if the test failed.</summary>
    public void Dispose()
    {
        Lab.Dispose();
        Kept?.Dispose();
        Files.Dispose();
        foreach (AgentProcess agent in _agents)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(agent.Log);
        }
    }
}
