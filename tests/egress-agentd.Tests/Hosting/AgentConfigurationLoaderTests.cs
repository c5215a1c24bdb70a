using EgressAgent.Daemon.Hosting;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Model.Configuration;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Hosting;

public sealed class AgentConfigurationLoaderTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly StringWriter _errors = new();

    [Fact]
    public void Load_noFile_isTheDefaults()
    {
        Assert.Same(AgentConfiguration.Default, AgentConfigurationLoader.Load(_directory["agentd.yaml"], _errors));
        Assert.Empty(_errors.ToString());
    }

    [Fact]
    public void Load_file_isItsSettings()
    {
        File.WriteAllText(_directory["agentd.yaml"], "apiVersion: agent.egressagent.org/v1\nkind: AgentConfiguration\naddressConflictDetection: false\n");

        AgentConfiguration? configuration = AgentConfigurationLoader.Load(_directory["agentd.yaml"], _errors);

        Assert.False(configuration?.AddressConflictDetection);
        Assert.Empty(_errors.ToString());
    }

    [Fact]
    public void Load_packagedFile_isTheDefaults() =>
        Assert.Equal(AgentConfiguration.Default, AgentConfigurationLoader.Load(Repository.PathOf("etc/egress-agentd/agentd.yaml"), _errors));

    [Fact]
    public void Load_fault_isToldWithItsPlace()
    {
        File.WriteAllText(_directory["agentd.yaml"], "apiVersion: agent.egressagent.org/v1\nkind: AgentConfiguration\ndatapth: relay\n");

        Assert.Null(AgentConfigurationLoader.Load(_directory["agentd.yaml"], _errors));
        Assert.Contains($"{_directory["agentd.yaml"]}:3:1: datapth: ", _errors.ToString());
    }

    public void Dispose()
    {
        _errors.Dispose();
        _directory.Dispose();
    }
}
