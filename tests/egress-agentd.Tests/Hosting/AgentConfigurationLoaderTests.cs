using EgressAgent.Daemon.Hosting;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Model.Resources;
using EgressAgent.Testing;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.Tests.Hosting;

public sealed class AgentConfigurationLoaderTests : IDisposable
{
    private const string Head = "apiVersion: agent.egressagent.org/v1\nkind: AgentConfiguration\n";

    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void Load_noFile_isTheDefaults()
    {
        LoadedSettings settings = Load();

        Assert.Equal(AgentConfiguration.Default, settings.Configuration);
        Assert.Empty(settings.Findings);
    }

    [Fact]
    public void Load_file_isItsSettings()
    {
        Write("addressConflictDetection: false\n");

        LoadedSettings settings = Load();

        Assert.False(settings.Configuration?.AddressConflictDetection);
        Assert.Empty(settings.Findings);
        Assert.False(settings.IsLastGood);
    }

    [Fact]
    public void Load_packagedFile_isTheDefaults() => Assert.Equal(
        AgentConfiguration.Default,
        AgentConfigurationLoader.Load(Repository.PathOf("etc/egress-agentd/agentd.yaml"), _directory["state"]).Configuration);

    [Fact]
    public void Load_faultAtTheFirstStart_hasNoSettings()
    {
        Write("datapth: relay\n");

        LoadedSettings settings = Load();

        Assert.Null(settings.Configuration);
        Assert.StartsWith($"{_directory["agentd.yaml"]}:3:1: datapth: ", Assert.Single(settings.Findings).ToString());
        Assert.StartsWith($"{_directory["agentd.yaml"]}:3:1: datapth: ", SettingsReport.Describe(settings));
    }

    [Fact]
    public void Load_faultLater_keepsTheLastGoodSettings()
    {
        Write("datapath: relay\n");
        Assert.Equal(DatapathKind.Relay, Load().Configuration?.Datapath);
        Write("datapath: relay\nflowLog: [\ndrainTimeout: 1\n");

        for (int start = 0; start < 2; start++)
        {
            LoadedSettings settings = Load();

            Assert.Equal(DatapathKind.Relay, settings.Configuration?.Datapath);
            Assert.True(settings.IsLastGood);
            Assert.Contains("agentd.yaml:", SettingsReport.Describe(settings));
        }

        Write("");
        Assert.Equal(DatapathKind.Kernel, Load().Configuration?.Datapath);
    }

    [Fact]
    public void Load_fileThatCannotBeRead_isInError()
    {
        Write("datapath: relay\n");
        Load();
        File.Delete(_directory["agentd.yaml"]);
        File.CreateSymbolicLink(_directory["agentd.yaml"], "/proc/self/mem");

        LoadedSettings settings = Load();

        Assert.Equal(DatapathKind.Relay, settings.Configuration?.Datapath);
        Assert.Contains("cannot be read", Assert.Single(settings.Faults).Message);
    }

    [Fact]
    public void Load_whereNothingCanBeKept_runsAndSaysSo()
    {
        File.WriteAllText(_directory["state"], "no directory");

        LoadedSettings settings = Load();

        Assert.Equal(AgentConfiguration.Default, settings.Configuration);
        Assert.Contains("cannot be kept", Assert.Single(settings.Findings).Message);
        Assert.Null(SettingsReport.Describe(settings));
    }

    [Fact]
    public void Log_warningBesideAFault_isAWarning()
    {
        Write("cluster: { name: edge, etcd: { endpoints: ['http://192.0.2.1:2379'] } }\ndatapth: relay\n");
        RecordingLogger<LoadedSettings> log = new();

        SettingsReport.Log(Load(), "agentd.yaml", log);

        Assert.Equal([LogLevel.Warning, LogLevel.Error, LogLevel.Critical], log.Events.Select(entry => entry.Level).Order());
    }

    public void Dispose() => _directory.Dispose();

    private void Write(string settings) => File.WriteAllText(_directory["agentd.yaml"], Head + settings);

    private LoadedSettings Load() => AgentConfigurationLoader.Load(_directory["agentd.yaml"], _directory["state"]);
}
