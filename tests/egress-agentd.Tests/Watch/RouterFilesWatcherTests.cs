using System.Collections.Concurrent;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Daemon.Watch;
using EgressAgent.Engine;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
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
    public void File_takenAwayBeforeItsReplacement_isNeverRemoved()
    {
        Write("web.yaml", Example.Document());
        Start();

        for (int port = 10_000; port < 10_050; port++)
        {
            // As install(1) does.
            File.Delete(PathOf("web.yaml"));
            Thread.Yield();
            Write("web.yaml", Example.Document(port: port));
            Eventually.True($"port {port}", () => PortOf(Web) == port);
        }

        Assert.DoesNotContain(_changes, router => router.IsRemoved);
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

    [Fact]
    public void Link_toAFileElsewhere_isFollowedIntoEachOfItsChanges()
    {
        Start();
        string target = _root["target.yaml"];
        File.WriteAllText(target, Example.Document());

        File.CreateSymbolicLink(PathOf("web.yaml"), target);
        Soon("the link", () => PortOf(Web) == 8080);
        File.WriteAllText(target, Example.Document(port: 9090));
        Soon("the edit of the target", () => PortOf(Web) == 9090);
        File.WriteAllText(_root["target.new"], Example.Document(port: 9191));
        File.Move(_root["target.new"], target, overwrite: true);
        Soon("the replacement of the target", () => PortOf(Web) == 9191);
        File.WriteAllText(_root["other.yaml"], Example.Document(port: 9292));
        Command.Check("ln", "--symbolic", "--force", _root["other.yaml"], PathOf("web.yaml"));
        Soon("another target", () => PortOf(Web) == 9292);
        File.Delete(PathOf("web.yaml"));
        Soon("the removal", () => Get(Web)!.IsRemoved);
    }

    [Fact]
    public void Link_asKubernetesSwapsThem_isFollowed()
    {
        // The directory of a ConfigMap volume: web.yaml → ..data/web.yaml, ..data → ..2026_1.
        MakeVersion("..2026_1", 8080);
        File.CreateSymbolicLink(PathOf("..data"), "..2026_1");
        File.CreateSymbolicLink(PathOf("web.yaml"), "..data/web.yaml");
        Start();
        Assert.Equal(8080, PortOf(Web));

        MakeVersion("..2026_2", 9090);
        File.CreateSymbolicLink(PathOf("..data_tmp"), "..2026_2");
        Command.Check("mv", "--no-target-directory", PathOf("..data_tmp"), PathOf("..data"));
        Soon("the swap", () => PortOf(Web) == 9090);

        void MakeVersion(string name, int port)
        {
            Directory.CreateDirectory(PathOf(name));
            File.WriteAllText(Path.Combine(PathOf(name), "web.yaml"), Example.Document(port: port));
        }
    }

    [Fact]
    public void Link_intoNowhere_isAFaultUntilItsTargetComes()
    {
        string directory = _root["later"];
        File.CreateSymbolicLink(PathOf("web.yaml"), Path.Combine(directory, "web.yaml"));
        Start();
        Assert.Equal($"leads to {directory}, which is not there", Assert.Single(_registry!.Faults).Message);

        Directory.CreateDirectory(directory);
        Soon("the directory", () => Assert.Single(_registry.Faults).Message == $"leads to {directory}/web.yaml, which is not there");
        File.WriteAllText(Path.Combine(directory, "web.yaml"), Example.Document());
        Soon("the target", () => PortOf(Web) == 8080 && _registry.Faults.Count == 0);
        File.Delete(Path.Combine(directory, "web.yaml"));
        Soon("the fault", () => _registry.Faults.Count == 1);
        Assert.Equal(8080, PortOf(Web));
    }

    [Fact]
    public void HardLink_isFollowedByItsOtherName()
    {
        Start();
        string other = _root["other.yaml"];
        File.WriteAllText(other, Example.Document());

        Command.Check("ln", other, PathOf("web.yaml"));
        Soon("the link", () => PortOf(Web) == 8080);
        File.WriteAllText(other, Example.Document(port: 9090));
        Soon("the edit by the other name", () => PortOf(Web) == 9090);
    }

    [Theory]
    [InlineData("chmod", "o+w")]
    [InlineData("chmod", "g+w")]
    [InlineData("chown", "65534")]
    public void Link_onAWayThatOthersCanChange_isRefused(string command, string argument)
    {
        Directory.CreateDirectory(_root["open"]);
        File.WriteAllText(Path.Combine(_root["open"], "web.yaml"), Example.Document());
        File.CreateSymbolicLink(PathOf("web.yaml"), Path.Combine(_root["open"], "web.yaml"));
        Start();
        Assert.Equal(8080, PortOf(Web));

        Command.Check(command, argument, _root["open"]);
        Eventually.True("the refusal", () => _registry!.Faults is [var fault] && fault.Message.Contains($"the directory {_root["open"]} on the way to it", StringComparison.Ordinal));
        Assert.Equal(8080, PortOf(Web));
        Command.Check("chmod", "1755", _root["open"]);
        Command.Check("chown", "0", _root["open"]);
        Eventually.True("its end", () => _registry!.Faults.Count == 0);
    }

    [Fact]
    public void Link_ofAnotherUser_isRefused()
    {
        File.WriteAllText(_root["target.yaml"], Example.Document());
        File.CreateSymbolicLink(PathOf("web.yaml"), _root["target.yaml"]);
        Command.Check("chown", "--no-dereference", "65534", PathOf("web.yaml"));

        Start();

        Assert.Contains($"the link {PathOf("web.yaml")} on the way to it belongs to user 65534", Assert.Single(_registry!.Faults).Message);
        Assert.Null(PortOf(Web));
    }

    [Fact]
    public void Directory_thatOthersCanWrite_isRefusedWithAllInIt()
    {
        Write("web.yaml", Example.Document());
        Command.Check("chmod", "1777", _directory);
        Start();
        Assert.Equal(8080, PortOf(Web));

        Command.Check("chmod", "0777", _directory);

        Eventually.True("the refusal", () => _registry!.Faults is [var fault] && fault.Message.Contains($"the directory {_directory}", StringComparison.Ordinal));
    }

    [Fact]
    public void FileSystem_mountedOverTheDirectory_isNoticedAndSoIsItsEnd()
    {
        Write("web.yaml", Example.Document());
        Start();
        CommandResult mount = Command.Run("mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "egress-agentd-test", _directory);
        Assert.SkipUnless(mount.ExitCode == 0, $"needs mount(8): {mount.Errors.Trim()}");
        try
        {
            Write("web.yaml", Example.Document(port: 9090));
            Eventually.True("what is on it", () => PortOf(Web) == 9090);
        }
        finally
        {
            Command.Check("umount", "--lazy", _directory);
        }

        Eventually.True("what was below it", () => PortOf(Web) == 8080);
    }

    [Fact]
    public void Name_thatIsNoText_doesNotEndTheWatcher()
    {
        Start();

        Command.Check("sh", "-c", $"printf 'kind: [' >\"{_directory}/$(printf '\\377\\376').yaml\"; mkfifo '{PathOf("pipe.yaml")}'; mkdir '{PathOf("directory.yaml")}'");
        File.CreateSymbolicLink(PathOf("loop.yaml"), PathOf("loop.yaml"));
        File.CreateSymbolicLink(PathOf("device.yaml"), "/dev/zero");
        Write("web.yaml", Example.Document());

        Eventually.True("the router", () => PortOf(Web) == 8080);
        Command.Check("find", _directory, "-name", "*.yaml", "-delete");
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
        _watcher = new RouterFilesWatcher(_directory, _registry.Apply, TimeProvider.System, _log);
        _watcher.Start();
    }

    // A second is promised where the kernel can tell. A busy machine may take more, but has to be done before all files are looked at.
    private static void Soon(string what, Func<bool> condition) => Eventually.True(what, condition, TimeSpan.FromSeconds(6));

    private RegisteredRouter? Get(RouterKey key) => _registry!.Find(key);

    private int? PortOf(RouterKey key) => Get(key)?.Wanted?.Spec.Rules[0].Port;

    private string PathOf(string name) => Path.Combine(_directory, name);

    private void Write(string name, string text) => File.WriteAllText(PathOf(name), text);
}
