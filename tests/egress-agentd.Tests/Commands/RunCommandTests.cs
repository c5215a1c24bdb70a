using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Commands;

public sealed class RunCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void Run_withoutRoot_saysSoInASentence()
    {
        Requires.Root();

        CommandResult result = Agent.RunAsNobody("run", "--bus", "none", "--log", "console");

        Assert.Equal(
            (1, "", "egress-agentd: run needs root, since it makes network namespaces, links and routes\n"),
            (result.ExitCode, result.Output, result.Errors));
    }

    [Fact]
    public void Run_settingsInErrorAtTheFirstStart_exitsWith78AndSaysWhy()
    {
        Requires.Root();
        File.WriteAllText(_directory["agentd.yaml"], "apiVersion: agent.egressagent.org/v1\nkind: AgentConfiguration\ndatapath: ebpf\n");

        CommandResult result = Agent.Run(
            "run", "--bus", "none", "--log", "console", "--config", _directory["agentd.yaml"], "--state", _directory["state"], "--routers", _directory["routers"]);

        Assert.Equal(78, result.ExitCode);
        Assert.Contains($"{_directory["agentd.yaml"]}:3:11: datapath: must be `kernel` or `relay`, not `ebpf`", result.Output);
        Assert.Contains("there are no earlier settings to run on", result.Output);
    }

    public void Dispose() => _directory.Dispose();
}
