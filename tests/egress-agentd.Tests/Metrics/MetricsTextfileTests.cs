using EgressAgent.Daemon.Metrics;
using EgressAgent.Engine;
using EgressAgent.Testing;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Daemon.Tests.Metrics;

public sealed class MetricsTextfileTests : IDisposable
{
    private readonly MetricsLab _lab = new();
    private readonly FakeTimeProvider _time = new();

    private string Path => _lab.Directory[MetricsTextfile.Name];

    [Fact]
    public async Task File_is_for_everybody_to_read_alone_and_gone_at_the_end()
    {
        await using (Start())
        {
            WaitForFile();
            Assert.StartsWith("# HELP egress_router_info ", File.ReadAllText(Path));
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, File.GetUnixFileMode(Path));
            Assert.Equal([Path], Directory.GetFiles(_lab.Directory.Path));
        }

        Assert.Empty(Directory.GetFiles(_lab.Directory.Path));
    }

    [Fact]
    public async Task File_is_written_anew_every_fifteen_seconds()
    {
        await using MetricsTextfile textfile = Start();
        WaitForFile();

        File.WriteAllText(Path, "old");
        _time.Advance(TimeSpan.FromSeconds(15));

        Eventually.True("another file", () => File.ReadAllText(Path) != "old");
    }

    // Who owns the directory must not lead root's hand elsewhere.
    [Fact]
    public async Task Links_in_the_way_are_not_followed()
    {
        using var elsewhere = new Support.TemporaryDirectory();
        string victim = elsewhere["victim"];
        File.WriteAllText(victim, "precious");
        File.CreateSymbolicLink(_lab.Directory[$".{MetricsTextfile.Name}.new"], victim);
        File.CreateSymbolicLink(Path, victim);

        await using (Start())
        {
            Eventually.True("the file", () => File.ResolveLinkTarget(Path, returnFinalTarget: false) is null && File.Exists(Path));
        }

        Assert.Equal("precious", File.ReadAllText(victim));
    }

    [Fact]
    public async Task Directory_that_is_missing_is_told_once_and_its_end_too()
    {
        await using MetricsTextfile textfile = Start("missing");
        Eventually.True("the warning", () => _lab.Log.Of(EventIds.MetricsNotShown).Count == 1);
        Assert.Contains("there is no such directory", _lab.Log.Of(EventIds.MetricsNotShown)[0]);

        Directory.CreateDirectory(_lab.Directory["missing"]);
        Eventually.True("the end", () =>
        {
            _time.Advance(TimeSpan.FromSeconds(15));
            return _lab.Log.Of(EventIds.MetricsNotShown).Count == 2;
        });
        Assert.EndsWith("metrics are written again", _lab.Log.Of(EventIds.MetricsNotShown)[1]);
    }

    public void Dispose() => _lab.Dispose();

    private MetricsTextfile Start(string directory = "") => new(_lab.Directory[directory], _lab.Metrics, _time, _lab.Log);

    private void WaitForFile() => Eventually.True("the file", () => File.Exists(Path));
}
