using System.Collections.Concurrent;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Daemon.Watch;
using EgressAgent.Engine;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Resources;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Watch;

/// <summary>A real directory, a real watch, and the registry that is told; nobody takes what is removed out of it.</summary>
public sealed class RouterFilesWatcherTests : IDisposable
{
    private static readonly RouterKey Web = new("default", "web");

    private readonly TemporaryDirectory _root = new();
    private readonly RecordingLogger<RouterFilesWatcherTests> _log = new();
    private readonly MemoryStore _store = new();
    private readonly ConcurrentQueue<RegisteredRouter> _changes = [];
    private readonly string _directory;
    private ResourceRegistry? _registry;
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

        Assert.Equal(Web, Assert.Single(_registry!.Routers).Key);
        Assert.Equal(8080, PortOf(Web));
        Assert.Equal(Path.Combine(_directory, "web.yaml"), Get(Web)!.Source.File);
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
        Eventually.True("the removal", () => Get(Web)!.IsRemoved);
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
        Eventually.True("the removal", () => Get(Web)!.IsRemoved);
    }

    [Fact]
    public void Files_manyAtOnce_areAllThere()
    {
        Start();

        for (int i = 0; i < 200; i++)
        {
            Write($"r{i}.yaml", Example.Document($"r{i}", $"10.1.{i}.9/24"));
        }

        Eventually.True("all routers", () => _registry!.Routers.Count(router => router.Wanted is not null) == 200);
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
            Eventually.True("the other router", () => Get(new RouterKey("default", "other")) is not null);
            Assert.Null(Get(Web));
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
        Assert.All(_changes, router => Assert.NotNull(router.Wanted));
        Assert.Empty(Get(Web)!.Faults);
    }

    [Fact]
    public void File_broken_keepsTheLastGoodSpecAndIsSaidOnce()
    {
        Write("web.yaml", Example.Document());
        Start();

        Write("web.yaml", Example.Document(port: 70_000));
        Eventually.True("the fault", () => Get(Web)!.Faults.Count > 0);
        Write("other.yaml", Example.Document("other", "192.168.12.98/24"));
        Eventually.True("the other router", () => Get(new RouterKey("default", "other")) is not null);

        Assert.Equal(8080, PortOf(Web));
        Assert.Contains("port", Assert.Single(_log.Of(EventIds.FileFault)));
        Write("web.yaml", Example.Document(port: 9090));
        Eventually.True("the repair", () => PortOf(Web) == 9090 && Get(Web)!.Faults.Count == 0);
    }

    [Fact]
    public void File_brokenSinceBeforeTheStart_keepsTheSpecOfTheState()
    {
        EgressRouterResource lastGood = Example.Router(port: 7070) with { Source = new SourceLocation(PathOf("web.yaml"), 1, 1) };
        Write("web.yaml", "kind: EgressRouter\nspec: [");

        Start([lastGood]);

        Assert.False(Get(Web)!.IsRemoved);
        Assert.Equal(lastGood.Spec, Get(Web)!.Wanted?.Spec);
        Assert.NotEmpty(Get(Web)!.Faults);
    }

    [Fact]
    public void File_untrusted_isRefusedUntilItsModeIsRight()
    {
        Write("web.yaml", Example.Document());
        File.SetUnixFileMode(PathOf("web.yaml"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite);
        Start();
        Assert.Contains("writable by group or others (mode 0602)", Assert.Single(_log.Of(EventIds.FileFault)));
        Assert.Null(Get(Web));

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
        Assert.False(Get(Web)!.IsRemoved);
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
        Assert.DoesNotContain(_changes, router => router.IsRemoved);
    }

    [Fact]
    public void Directory_missingAtStart_isWaitedForAndNothingIsRemoved()
    {
        Directory.Delete(_directory);

        Start([Example.Router()], [Web]);

        Assert.Equal(8080, PortOf(Web));
        Assert.Contains("is not there", Assert.Single(_registry!.Faults).Message);
        Directory.CreateDirectory(_directory);
        Write("web.yaml", Example.Document(port: 9090));
        Eventually.True("the router", () => PortOf(Web) == 9090);
        Assert.DoesNotContain(_changes, router => router.IsRemoved);
    }

    [Fact]
    public void Directory_renamedAndBack_keepsTheRouters()
    {
        Write("web.yaml", Example.Document());
        Start();

        Directory.Move(_directory, _root["elsewhere"]);
        Eventually.True("the loss", () => _registry!.Faults.Count == 1);
        Directory.Move(_root["elsewhere"], _directory);
        Write("web.yaml", Example.Document(port: 9090));

        Eventually.True("the edit", () => PortOf(Web) == 9090);
        Assert.DoesNotContain(_changes, router => router.IsRemoved);
    }

    [Fact]
    public void Directory_movedAwayAndBackEmpty_keepsTheRoutersUntilThereIsAFile()
    {
        Write("web.yaml", Example.Document());
        Start();

        Directory.Move(_directory, _root["elsewhere"]);
        Eventually.True("the loss", () => _log.Events.Any(entry => entry.Text.Contains("was removed, renamed or unmounted")));
        Directory.CreateDirectory(_directory);
        Eventually.True("the find", () => _log.Events.Any(entry => entry.Text.Contains("no router file is here")));
        Assert.False(Get(Web)!.IsRemoved);

        Write("other.yaml", Example.Document("other", "192.168.12.98/24"));
        Eventually.True("the removal", () => Get(Web)!.IsRemoved);
    }

    [Fact]
    public void Kernel_routerOfNoFile_isRemoved()
    {
        var orphan = new RouterKey("default", "orphan");
        Write("web.yaml", Example.Document());

        Start(inKernel: [Web, orphan]);

        Assert.True(Get(orphan)!.IsRemoved);
        Assert.False(Get(Web)!.IsRemoved);
    }

    [Fact]
    public void Kernel_routerOfNoFile_staysWhileAFileCannotBeRead()
    {
        var orphan = new RouterKey("default", "orphan");
        Write("broken.yaml", "kind: [");
        Start(inKernel: [orphan]);
        Assert.False(Get(orphan)!.IsRemoved);

        Write("broken.yaml", Example.Document());

        Eventually.True("the removal", () => Get(orphan)!.IsRemoved);
    }

    [Fact]
    public void State_routerWhoseFileIsGone_isRemovedWhenOthersAreThere()
    {
        Write("other.yaml", Example.Document("other", "192.168.12.98/24"));

        Start([Example.Router() with { Source = new SourceLocation(PathOf("web.yaml"), 1, 1) }]);

        Assert.True(Get(Web)!.IsRemoved);
    }

    [Fact]
    public void Directory_emptyAtStart_keepsTheRoutersAndSaysWhatRemovesThem()
    {
        Start([Example.Router() with { Source = new SourceLocation(PathOf("web.yaml"), 1, 1) }]);

        Assert.Equal(8080, PortOf(Web));
        Assert.Contains("egress-agentd cleanup", Assert.Single(_registry!.Faults).Message);
        Write("other.yaml", Example.Document("other", "192.168.12.98/24"));
        Eventually.True("the removal", () => Get(Web)!.IsRemoved);
        Assert.Empty(_registry.Faults);
        Assert.Contains("the files are read again", _log.Of(EventIds.DirectoryUnreadable)[^1]);
    }

    [Fact]
    public void Directory_emptyAndNothingRan_isNoFault()
    {
        Start();

        Assert.Empty(_registry!.Faults);
    }

    [Fact]
    public void File_renamedAndUnreadableSinceBeforeTheStart_keepsItsRouter()
    {
        Write("other.yaml", Example.Document("other", "192.168.12.98/24"));
        Write("renamed.yaml", "kind: [");

        Start([Example.Router() with { Source = new SourceLocation(PathOf("web.yaml"), 1, 1) }]);

        Assert.Equal(8080, PortOf(Web));
        Assert.Equal(PathOf("renamed.yaml"), Get(Web)!.Source.File);
        Assert.Contains("renamed.yaml:1:", Get(Web)!.Faults[0].ToString());
        Write("renamed.yaml", Example.Document("another", "192.168.12.97/24"));
        Eventually.True("the removal", () => Get(Web)!.IsRemoved);
    }

    [Fact]
    public void File_renamed_isAMoveAndNoRemoval()
    {
        Write("web.yaml", Example.Document());
        Start();

        File.Move(PathOf("web.yaml"), PathOf("moved.yaml"));

        Eventually.True("the move", () => Get(Web)!.Source.File == PathOf("moved.yaml"));
        Assert.DoesNotContain(_changes, router => router.IsRemoved);
        Assert.Equal(1, Get(Web)!.Generation);
    }

    [Fact]
    public void Fault_isOverWhenTheFileIsRightOrGone()
    {
        Write("bad.yaml", "kind: [");
        Start();
        Assert.Single(_registry!.Faults);

        File.Delete(PathOf("bad.yaml"));

        Eventually.True("the end", () => _registry.Faults.Count == 0);
        Assert.Equal($"{PathOf("bad.yaml")}: nothing is wrong any more", _log.Of(EventIds.FileFault)[^1]);
    }

    public void Dispose()
    {
        _watcher?.Dispose();
        _registry?.Dispose();
        _root.Dispose();
    }

    private void Start(IEnumerable<EgressRouterResource>? inForce = null, IEnumerable<RouterKey>? inKernel = null)
    {
        _store.Known = [.. (inForce ?? []).Select(router => Example.Record(router))];
        _registry = new ResourceRegistry(_store, AgentConfiguration.Default, "0123456789abcdef0123456789abcdef", TimeProvider.System, _log);
        foreach (RouterKey key in inKernel ?? [])
        {
            _registry.Adopt(key, [], mac: null);
        }

        _registry.Changed += change =>
        {
            foreach (RouterKey key in change.Routers)
            {
                _changes.Enqueue(Get(key)!);
            }
        };
        _watcher = new RouterFilesWatcher(_directory, _registry.Apply);
        _watcher.Start();
    }

    private RegisteredRouter? Get(RouterKey key) => _registry!.Find(key);

    private int? PortOf(RouterKey key) => Get(key)?.Wanted?.Spec.Rules[0].Port;

    private string PathOf(string name) => Path.Combine(_directory, name);

    private void Write(string name, string text) => File.WriteAllText(PathOf(name), text);
}
