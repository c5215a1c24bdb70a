using System.Collections.Concurrent;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Daemon.Watch;
using EgressAgent.Engine;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Watch;

/// <summary>A real directory, a real watch; what is submitted is kept by router, as the reconciler does.</summary>
public sealed class RouterFilesWatcherTests : IDisposable
{
    private static readonly RouterKey Web = new("default", "web");

    private readonly TemporaryDirectory _root = new();
    private readonly RecordingLogger<RouterFilesWatcherTests> _log = new();
    private readonly ConcurrentDictionary<RouterKey, RouterIntent> _intents = [];
    private readonly ConcurrentQueue<RouterIntent> _submitted = [];
    private readonly string _directory;
    private RouterFilesWatcher? _watcher;

    public RouterFilesWatcherTests()
    {
        // The agent reads only what belongs to root.
        Requires.Root();
        _directory = _root["routers"];
        Directory.CreateDirectory(_directory);
    }

    [Fact]
    public void Start_filesThere_areSubmittedBeforeItReturns()
    {
        Write("web.yaml", Example.Document());
        Write("ignored.yaml~", Example.Document("backup", "192.168.12.97/24"));

        Start();

        Assert.Equal(Web, Assert.Single(_intents).Key);
        Assert.Equal(8080, PortOf(Web));
        Assert.Equal(Path.Combine(_directory, "web.yaml"), _intents[Web].File);
    }

    [Fact]
    public void File_createdEditedRemoved_isFollowed()
    {
        Start();

        Write("web.yaml", Example.Document());
        Eventually.True("the router", () => PortOf(Web) == 8080);
        Write("web.yaml", Example.Document(port: 9090));
        Eventually.True("the edit", () => PortOf(Web) == 9090);
        File.Delete(PathOf("web.yaml"));
        Eventually.True("the removal", () => _intents[Web].IsRemoved);
    }

    [Fact]
    public void File_replacedByRename_isFollowed()
    {
        Write("web.yaml", Example.Document());
        Start();

        Write(".web.yaml.new", Example.Document(port: 9090));
        File.Move(PathOf(".web.yaml.new"), PathOf("web.yaml"), overwrite: true);
        Eventually.True("the edit", () => PortOf(Web) == 9090);
        File.Move(PathOf("web.yaml"), PathOf("web.yaml.bak"));
        Eventually.True("the removal", () => _intents[Web].IsRemoved);
    }

    [Fact]
    public void Files_manyAtOnce_areAllThere()
    {
        Start();

        for (int i = 0; i < 200; i++)
        {
            Write($"r{i}.yaml", Example.Document($"r{i}", $"10.1.{i}.9/24"));
        }

        Eventually.True("all routers", () => _intents.Count == 200 && _intents.Values.All(intent => intent.Wanted is not null));
    }

    [Fact]
    public void File_beingWritten_isReadWhenItIsClosed()
    {
        Start();
        using (StreamWriter half = File.CreateText(PathOf("web.yaml")))
        {
            half.Write("kind: EgressRouter\nmetadata: { name: web }\n");
            half.Flush();

            // What comes after it in the queue of events has been handled, so it would have been read by now.
            Write("other.yaml", Example.Document("other", "192.168.12.98/24"));
            Eventually.True("the other router", () => _intents.ContainsKey(new RouterKey("default", "other")));
            Assert.False(_intents.ContainsKey(Web));
            half.BaseStream.SetLength(0);
            half.BaseStream.Position = 0;
            half.Write(Example.Document());
        }

        Eventually.True("the router", () => PortOf(Web) == 8080);
        Assert.Empty(_log.Of(EventIds.FileFault));
    }

    [Fact]
    public void File_savedAllTheTime_endsWithTheLastVersion()
    {
        Write("web.yaml", Example.Document());
        Start();

        for (int port = 1; port <= 500; port++)
        {
            Write("web.yaml", Example.Document(port: port));
        }

        Eventually.True("the last version", () => PortOf(Web) == 500);

        // A look may fall between a writer's truncation and its text; the router that runs is kept then.
        Assert.All(_submitted, intent => Assert.NotNull(intent.Wanted));
        Assert.Empty(_intents[Web].Faults);
    }

    [Fact]
    public void File_broken_keepsTheLastGoodSpecAndIsSaidOnce()
    {
        Write("web.yaml", Example.Document());
        Start();

        Write("web.yaml", Example.Document(port: 70_000));
        Eventually.True("the fault", () => _intents[Web].Faults.Count > 0);
        Write("other.yaml", Example.Document("other", "192.168.12.98/24"));
        Eventually.True("the other router", () => _intents.ContainsKey(new RouterKey("default", "other")));

        Assert.Equal(8080, PortOf(Web));
        Assert.Contains("port", Assert.Single(_log.Of(EventIds.FileFault)));
        Write("web.yaml", Example.Document(port: 9090));
        Eventually.True("the repair", () => PortOf(Web) == 9090 && _intents[Web].Faults.Count == 0);
    }

    [Fact]
    public void File_brokenSinceBeforeTheStart_keepsTheSpecOfTheState()
    {
        EgressRouterResource lastGood = Example.Router(port: 7070) with { Source = new SourceLocation(PathOf("web.yaml"), 1, 1) };
        Write("web.yaml", "kind: EgressRouter\nspec: [");

        Start([lastGood]);

        Assert.False(_intents.TryGetValue(Web, out RouterIntent? intent) && intent.IsRemoved);
        Assert.True(intent is null || intent.Wanted?.Spec == lastGood.Spec);
    }

    [Fact]
    public void File_untrusted_isRefusedUntilItsModeIsRight()
    {
        Write("web.yaml", Example.Document());
        File.SetUnixFileMode(PathOf("web.yaml"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite);
        Start();
        Assert.Contains("writable by group or others (mode 0602)", Assert.Single(_log.Of(EventIds.FileFault)));
        Assert.DoesNotContain(Web, _intents);

        File.SetUnixFileMode(PathOf("web.yaml"), UnixFileMode.UserRead | UnixFileMode.UserWrite);

        Eventually.True("the router", () => PortOf(Web) == 8080);
    }

    [Fact]
    public void File_modeMadeUntrusted_keepsTheRouter()
    {
        Write("web.yaml", Example.Document());
        Start();

        File.SetUnixFileMode(PathOf("web.yaml"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite);

        Eventually.True("the fault", () => _log.Of(EventIds.FileFault).Count == 1);
        Assert.False(_intents[Web].IsRemoved);
        Assert.Equal(8080, PortOf(Web));
    }

    [Fact]
    public void Files_sameRouterTwice_theFirstStays()
    {
        Write("b.yaml", Example.Document(port: 1));
        Start();

        Write("a.yaml", Example.Document(port: 2));
        Eventually.True("the fault", () => _log.Of(EventIds.FileFault).Count == 1);
        Assert.Equal(1, PortOf(Web));
        File.Delete(PathOf("b.yaml"));

        Eventually.True("the other file's router", () => PortOf(Web) == 2);
        Assert.DoesNotContain(_submitted, intent => intent.IsRemoved);
    }

    [Fact]
    public void Directory_missingAtStart_isWaitedForAndNothingIsRemoved()
    {
        Directory.Delete(_directory);

        Start([Example.Router()], [Web]);

        Assert.Empty(_submitted);
        Directory.CreateDirectory(_directory);
        Write("web.yaml", Example.Document(port: 9090));
        Eventually.True("the router", () => PortOf(Web) == 9090);
        Assert.DoesNotContain(_submitted, intent => intent.IsRemoved);
    }

    [Fact]
    public void Directory_renamedAndBack_keepsTheRouters()
    {
        Write("web.yaml", Example.Document());
        Start();

        Directory.Move(_directory, _root["elsewhere"]);
        Eventually.True("the loss", () => _log.Of(EventIds.DirectoryUnreadable).Count == 1);
        Directory.Move(_root["elsewhere"], _directory);
        Write("web.yaml", Example.Document(port: 9090));

        Eventually.True("the edit", () => PortOf(Web) == 9090);
        Assert.DoesNotContain(_submitted, intent => intent.IsRemoved);
    }

    [Fact]
    public void Directory_movedAwayAndBackEmpty_keepsTheRoutersUntilThereIsAFile()
    {
        Write("web.yaml", Example.Document());
        Start();

        Directory.Move(_directory, _root["elsewhere"]);
        Eventually.True("the loss", () => _log.Events.Any(entry => entry.Text.Contains("was removed, renamed or unmounted")));
        Directory.CreateDirectory(_directory);
        Eventually.True("the find", () => _log.Events.Any(entry => entry.Text.Contains("is back, but empty")));
        Assert.False(_intents[Web].IsRemoved);

        Write("other.yaml", Example.Document("other", "192.168.12.98/24"));
        Eventually.True("the removal", () => _intents[Web].IsRemoved);
    }

    [Fact]
    public void Kernel_routerOfNoFile_isRemoved()
    {
        var orphan = new RouterKey("default", "orphan");
        Write("web.yaml", Example.Document());

        Start(inKernel: [Web, orphan]);

        Assert.True(_intents[orphan].IsRemoved);
        Assert.False(_intents[Web].IsRemoved);
    }

    [Fact]
    public void Kernel_routerOfNoFile_staysWhileAFileCannotBeRead()
    {
        var orphan = new RouterKey("default", "orphan");
        Write("broken.yaml", "kind: [");
        Start(inKernel: [orphan]);
        Assert.DoesNotContain(orphan, _intents);

        Write("broken.yaml", Example.Document());

        Eventually.True("the removal", () => _intents.TryGetValue(orphan, out RouterIntent? intent) && intent.IsRemoved);
    }

    [Fact]
    public void State_routerWhoseFileIsGone_isRemoved()
    {
        Start([Example.Router() with { Source = new SourceLocation(PathOf("web.yaml"), 1, 1) }]);

        Assert.True(_intents[Web].IsRemoved);
    }

    public void Dispose()
    {
        _watcher?.Dispose();
        _root.Dispose();
    }

    private void Start(IEnumerable<EgressRouterResource>? inForce = null, IEnumerable<RouterKey>? inKernel = null)
    {
        _watcher = new RouterFilesWatcher(_directory, inForce ?? [], inKernel ?? [], Submit, _log);
        _watcher.Start();
    }

    private void Submit(IReadOnlyList<RouterIntent> intents)
    {
        foreach (RouterIntent intent in intents)
        {
            _submitted.Enqueue(intent);
            _intents[intent.Key] = intent;
        }
    }

    private int? PortOf(RouterKey key) => _intents.TryGetValue(key, out RouterIntent? intent) ? intent.Wanted?.Spec.Rules[0].Port : null;

    private string PathOf(string name) => Path.Combine(_directory, name);

    private void Write(string name, string text) => File.WriteAllText(PathOf(name), text);
}
