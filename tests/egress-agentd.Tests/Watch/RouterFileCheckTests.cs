using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Daemon.Watch;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Watch;

public sealed class RouterFileCheckTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public RouterFileCheckTests() => Requires.Root();

    [Fact]
    public void Run_directory_takesItsRouterFiles()
    {
        File.WriteAllText(_directory["good.yaml"], Example.Document());
        File.WriteAllText(_directory["bad.yml"], "kind: [");
        File.WriteAllText(_directory["bad.txt"], "kind: [");

        RouterFileCheck check = RouterFileCheck.Run([_directory.Path]);

        Assert.False(check.IsValid);
        Assert.All(check.Findings, finding => Assert.Equal(_directory["bad.yml"], finding.Location.File));
    }

    [Fact]
    public void Run_file_isTakenWhateverItsName()
    {
        File.WriteAllText(_directory["web.yaml.new"], Example.Document(port: 0));

        Assert.Contains("port", Assert.Single(RouterFileCheck.Run([_directory["web.yaml.new"]]).Findings).Field);
    }

    [Fact]
    public void Run_filesInConflict_saysSoAtTheSecond()
    {
        File.WriteAllText(_directory["a.yaml"], Example.Document());
        File.WriteAllText(_directory["b.yaml"], Example.Document("other"));

        RouterFileCheck check = RouterFileCheck.Run([_directory["b.yaml"], _directory["a.yaml"]]);

        Assert.Equal(_directory["b.yaml"], Assert.Single(check.Findings).Location.File);
    }

    [Fact]
    public void Run_missingPath_isListed()
    {
        RouterFileCheck check = RouterFileCheck.Run([_directory["none.yaml"]]);

        Assert.Equal([_directory["none.yaml"]], check.Missing);
        Assert.Empty(check.Findings);
    }

    public void Dispose() => _directory.Dispose();
}
