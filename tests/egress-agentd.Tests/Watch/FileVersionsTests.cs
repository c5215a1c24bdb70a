using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Daemon.Watch;
using EgressAgent.Model.Validation;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Watch;

/// <summary>What is believed of a directory that somebody changes at this moment.</summary>
public sealed class FileVersionsTests : IDisposable
{
    private readonly TemporaryDirectory _root = new();
    private readonly Clock _time = new();
    private readonly FileVersions _versions;

    public FileVersionsTests()
    {
        // The agent reads only what belongs to root.
        Requires.Root();
        _versions = new FileVersions(_root.Path, _time);
        Write("web.yaml");
        Assert.Equal(["web.yaml"], Look(Belief.AsItIs).Read);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void File_gone_isBelievedWhenNothingFollows(bool isTold)
    {
        Belief belief = isTold ? Belief.AsTold : Belief.AsSeen;
        File.Delete(_root["web.yaml"]);

        Assert.Empty(Look(belief).Gone);
        Assert.True(_versions.IsWaiting);
        _time.Advance(FileVersions.Replacement);
        Assert.Equal(["web.yaml"], Look(belief).Gone);
        Assert.False(_versions.IsWaiting);
    }

    [Fact]
    public void File_gone_isBelievedAtOnceWhereAllIs()
    {
        File.Delete(_root["web.yaml"]);

        Assert.Equal(["web.yaml"], Look(Belief.AsItIs).Gone);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void File_replaced_isNeverGone(bool isTold)
    {
        Belief belief = isTold ? Belief.AsTold : Belief.AsSeen;
        File.Delete(_root["web.yaml"]);
        Assert.Empty(Look(belief).Gone);

        Write("web.yaml");
        _time.Advance(TimeSpan.FromSeconds(2));
        (string[] read, string[] gone) = Look(belief);
        Assert.Equal(["web.yaml"], read);
        Assert.Empty(gone);
        Assert.False(_versions.IsWaiting);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void File_goneWhileAnotherIsEdited_isNotBelievedForIt(bool isTold)
    {
        Belief belief = isTold ? Belief.AsTold : Belief.AsSeen;
        Write("other.yaml");
        Look(Belief.AsItIs);
        File.Delete(_root["web.yaml"]);
        Write("other.yaml");

        Assert.Empty(Look(belief).Gone);
    }

    [Fact]
    public void File_renamed_isInOnePlaceOrTheOther()
    {
        File.Move(_root["web.yaml"], _root["www.yaml"]);

        (string[] read, string[] gone) = Look(Belief.AsTold);
        Assert.Equal(["www.yaml"], read);
        Assert.Equal(["web.yaml"], gone);
    }

    [Fact]
    public void File_renamedWithoutBeingTold_isInOnePlaceOrTheOther()
    {
        File.Move(_root["web.yaml"], _root["www.yaml"]);

        // It may be half written.
        (string[] read, string[] gone) = Look(Belief.AsSeen);
        Assert.Empty(read);
        Assert.Empty(gone);
        _time.Advance(FileVersions.Replacement);
        Assert.Empty(Look(Belief.AsSeen).Gone);
        _time.Advance(TimeSpan.FromSeconds(1));
        (read, gone) = Look(Belief.AsSeen);
        Assert.Equal(["www.yaml"], read);
        Assert.Equal(["web.yaml"], gone);
    }

    [Fact]
    public void File_writtenAllTheTime_doesNotHoldTheRemovalOfAnother()
    {
        File.Delete(_root["web.yaml"]);
        Assert.Empty(Look(Belief.AsSeen).Gone);
        _time.Advance(TimeSpan.FromSeconds(3));
        _time.Ahead = TimeSpan.Zero;
        Write("new.yaml");

        Assert.Equal(["web.yaml"], Look(Belief.AsSeen).Gone);
    }

    public void Dispose() => _root.Dispose();

    private void Write(string name) => File.WriteAllText(_root[name], Example.Document());

    private (string[] Read, string[] Gone) Look(Belief belief)
    {
        List<RouterFile> read = _versions.RefreshAll(belief, out List<string> gone);
        return ([.. read.Select(file => Path.GetFileName(file.Path))], [.. gone.Select(path => Path.GetFileName(path))]);
    }

    /// <summary>Files have the machine's time, of which this one may be ahead.</summary>
    private sealed class Clock : TimeProvider
    {
        private TimeSpan _passed;

        public TimeSpan Ahead { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _passed.Ticks;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;

        public void Advance(TimeSpan time)
        {
            _passed += time;
            Ahead += time;
        }
    }
}
