using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Daemon.Hosting;
using EgressAgent.Daemon.State;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Engine;
using EgressAgent.Engine.State;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Testing;
using LiteDB;

namespace EgressAgent.Daemon.Tests.State;

public sealed class LiteDbRouterStoreTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RecordingLogger<LiteDbRouterStore> _log = new();

    private string Database => _directory["state.db"];

    [Fact]
    public void Records_acrossReopening_areTheSame()
    {
        EgressRouterResource rich = Example.Router("rich");
        RouterRecord[] records =
        [
            Example.Record(rich with
            {
                Source = new SourceLocation("/etc/egress-router/all.yaml", 17, 1),
                Labels = rich.Labels.Add("team", "billing-eu"),
                Spec = rich.Spec with
                {
                    MacvlanMode = MacvlanMode.VEPA,
                    Master = "ens3",
                    Addresses = [new AddressSpec(Example.Cidr("192.168.12.98/32"), IPAddress.Parse("10.0.0.1")), new AddressSpec(Example.Cidr("2001:db8::9/64"), null)],
                    FallbackIP = IPAddress.Parse("203.0.113.1"),
                    Datapath = DatapathKind.Relay,
                    Clients = [IPNetwork.Parse("10.0.0.0/8")],
                    MacAddress = PhysicalAddress.Parse("02-00-00-00-00-01"),
                    FlowLog = FlowLogMode.Closed,
                },
            }, generation: long.MaxValue, "198.18.0.3/16", "fd96:e9e5:a::3/112"),
            Example.Record(Example.Router(), generation: 3, "198.18.0.2/16"),
        ];
        using (LiteDbRouterStore store = Open())
        {
            Array.ForEach(records, store.Save);
        }

        using LiteDbRouterStore reopened = Open();

        IReadOnlyList<RouterRecord> loaded = reopened.Load();
        Assert.Empty(_log.Events);
        Assert.Equal(records, loaded.OrderBy(record => record.Key));
    }

    [Fact]
    public void Save_sameKey_replaces()
    {
        RouterRecord second = Example.Record(Example.Router(port: 9090), generation: 2, "198.18.0.2/16");
        using LiteDbRouterStore store = Open();
        store.Save(Example.Record(Example.Router(), generation: 1, "198.18.0.2/16"));

        store.Save(second);

        Assert.Equal(second, Assert.Single(store.Load()));
    }

    [Fact]
    public void Remove_forgetsOneOnly_andMissingIsNoError()
    {
        RouterRecord kept = Example.Record(Example.Router("kept"));
        using LiteDbRouterStore store = Open();
        store.Save(kept);
        store.Save(Example.Record(Example.Router()));

        store.Remove(new RouterKey("default", "web"));
        store.Remove(new RouterKey("default", "web"));

        Assert.Equal(kept, Assert.Single(store.Load()));
    }

    /// <summary>A copy of the files is what the next start finds after the process was killed.</summary>
    [Fact]
    public void Save_agentKilled_isNotLost()
    {
        RouterRecord record = Example.Record(Example.Router());
        using LiteDbRouterStore store = Open();
        store.Save(record);
        using var copy = new TemporaryDirectory();
        Command.Check("cp", Database, _directory["state-log.db"], copy.Path);

        using LiteDbRouterStore next = Open(copy.Path);

        IReadOnlyList<RouterRecord> loaded = next.Load();
        Assert.Empty(_log.Events);
        Assert.Equal(record, Assert.Single(loaded));
    }

    [Fact]
    public void Files_whileOpenAndAfter_areForRootOnly()
    {
        const UnixFileMode expected = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (LiteDbRouterStore store = Open())
        {
            store.Save(Example.Record(Example.Router()));
            Assert.All(Directory.GetFiles(_directory.Path), file => Assert.Equal(expected, File.GetUnixFileMode(file)));
        }

        Assert.Equal(expected, File.GetUnixFileMode(Database));
    }

    [Fact]
    public void Directory_missing_isMadeForRootOnly()
    {
        string directory = _directory["a/b"];

        Open(directory).Dispose();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
        Assert.True(File.Exists(Path.Combine(directory, "state.db")));
    }

    [Fact]
    public void Directory_isAFile_isAnIOException()
    {
        File.WriteAllText(_directory["file"], "");

        Assert.Throws<IOException>(() => Open(_directory["file"]));
    }

    [Fact]
    public void Open_emptyFile_isANewDatabase()
    {
        File.WriteAllBytes(Database, []);

        using LiteDbRouterStore store = Open();

        Assert.Empty(store.Load());
        Assert.Empty(_log.Events);
    }

    [Fact]
    public void Open_randomBytes_setsThemAside()
    {
        byte[] garbage = new byte[20_000];
        new Random(1).NextBytes(garbage);
        File.WriteAllBytes(Database, garbage);

        AssertIsSetAside(garbage);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(8191)]
    [InlineData(8192)]
    [InlineData(8193)]
    [InlineData(20_000)]
    public void Open_truncatedFile_setsItAside(int length)
    {
        WriteRecords(100);
        byte[] cut = File.ReadAllBytes(Database)[..length];
        File.WriteAllBytes(Database, cut);

        AssertIsSetAside(cut);
    }

    [Fact]
    public void Open_anyByteWrong_neverThrows()
    {
        WriteRecords(40);
        byte[] sound = File.ReadAllBytes(Database);
        var random = new Random(7);
        for (int round = 0; round < 150; round++)
        {
            byte[] broken = [.. sound];
            int at = random.Next(broken.Length);
            random.NextBytes(broken.AsSpan(at, Math.Min(random.Next(1, 64), broken.Length - at)));
            using var directory = new TemporaryDirectory();
            File.WriteAllBytes(directory["state.db"], broken);

            using LiteDbRouterStore store = Open(directory.Path);
            _ = store.Load();
            store.Save(Example.Record(Example.Router("new")));
        }
    }

    [Fact]
    public void Open_journalCutOff_keepsTheDatabase()
    {
        WriteRecords(2);
        File.WriteAllBytes(_directory["state-log.db"], new byte[5000]);

        using LiteDbRouterStore store = Open();

        Assert.Equal(2, store.Load().Count);
        Assert.Empty(_log.Events);
    }

    [Fact]
    public void Open_newerSchema_isRefusedAndLeftUntouched()
    {
        WriteRecords(1);
        using (var database = new LiteDatabase(Database))
        {
            database.UserVersion = StateDatabase.SchemaVersion + 1;
        }

        byte[] before = File.ReadAllBytes(Database);

        IOException refusal = Assert.Throws<IOException>(() => Open());

        Assert.Contains($"{Database} was written by a newer egress-agentd (schema 2, this one knows 1)", refusal.Message);
        Assert.Equal(before, File.ReadAllBytes(Database));
        Assert.Empty(Directory.GetFiles(_directory.Path, "*corrupt*"));
        Assert.Empty(_log.Events);
    }

    [Fact]
    public void Open_inUseByAnotherAgent_isAnIOExceptionAndNothingIsSetAside()
    {
        using LiteDbRouterStore first = Open();

        Assert.ThrowsAny<IOException>(() => Open());

        Assert.Empty(_log.Events);
        first.Save(Example.Record(Example.Router()));
        Assert.Single(first.Load());
    }

    [Fact]
    public void Load_documentThatNoLongerParses_isLeftOutAndSaid()
    {
        WriteRecords(2);
        using (var database = new LiteDatabase(Database))
        {
            ILiteCollection<BsonDocument> routers = database.GetCollection("routers");
            BsonDocument document = routers.FindById("default/web-0");
            document["document"] = "kind: EgressRouter\nspec: [";
            routers.Update(document);
            routers.Insert(new BsonDocument { ["_id"] = 7, ["document"] = 1 });
        }

        using LiteDbRouterStore store = Open();

        Assert.Equal("default/web-1", Assert.Single(store.Load()).Key.ToString());
        Assert.Equal(
            ["the state of 7 cannot be read and is made anew", "the state of default/web-0 cannot be read and is made anew"],
            _log.Of(EventIds.StateUnreadable).Order());
    }

    [Fact]
    public void Load_documentUnderAnotherKey_isLeftOut()
    {
        WriteRecords(1);
        using (var database = new LiteDatabase(Database))
        {
            ILiteCollection<BsonDocument> routers = database.GetCollection("routers");
            BsonDocument document = routers.FindById("default/web-0");
            document["_id"] = "default/other";
            routers.Insert(document);
        }

        using LiteDbRouterStore store = Open();

        Assert.Equal("default/web-0", Assert.Single(store.Load()).Key.ToString());
    }

    [Fact]
    public void Save_diskFull_isAnIOExceptionUntilThereIsSpace()
    {
        using var mount = new TemporaryMount("1m");
        RouterRecord before = Example.Record(Example.Router("before"));
        RouterRecord after = Example.Record(Example.Router("after"));
        using (LiteDbRouterStore store = Open(mount.Path))
        {
            store.Save(before);
            string ballast = Path.Combine(mount.Path, "ballast");
            Fill(ballast);

            // What is there may have room for a few records more.
            IOException? refusal = null;
            for (int i = 0; i < 200 && refusal is null; i++)
            {
                refusal = Record.Exception(() => store.Save(Example.Record(Example.Router($"r{i}")))) as IOException;
            }

            Assert.StartsWith("state database: cannot save default/r", refusal?.Message);
            Assert.Contains("No space left on device", refusal!.Message);
            Assert.IsType<IOException>(Record.Exception(() => store.Save(after)));

            File.Delete(ballast);
            store.Save(after);
            Assert.Contains(before, store.Load());
        }

        using LiteDbRouterStore reopened = Open(mount.Path);
        IReadOnlyList<RouterRecord> records = reopened.Load();
        Assert.Contains(before, records);
        Assert.Contains(after, records);
        Assert.Empty(_log.Events);
    }

    [Fact]
    public void Open_readOnlyDirectory_isAnIOExceptionAndNothingIsSetAside()
    {
        using var mount = new TemporaryMount("1m");
        mount.MakeReadOnly();
        Assert.Contains("Read-only file system", Assert.ThrowsAny<IOException>(() => Open(mount.Path)).Message);

        mount.MakeWritable();
        Open(mount.Path).Dispose();
        mount.MakeReadOnly();
        Assert.Contains("Read-only file system", Assert.ThrowsAny<IOException>(() => Open(mount.Path)).Message);

        Assert.Empty(_log.Events);
        Assert.Empty(Directory.GetFiles(mount.Path, "*corrupt*"));
    }

    public void Dispose() => _directory.Dispose();

    private LiteDbRouterStore Open(string? directory = null) =>
        new(new AgentOptions("", "", directory ?? _directory.Path, "", Bus: null), _log);

    private void WriteRecords(int count)
    {
        using LiteDbRouterStore store = Open();
        for (int i = 0; i < count; i++)
        {
            store.Save(Example.Record(Example.Router($"web-{i}")));
        }
    }

    private void AssertIsSetAside(byte[] content)
    {
        using (LiteDbRouterStore store = Open())
        {
            Assert.Empty(store.Load());
            store.Save(Example.Record(Example.Router()));
        }

        string aside = Assert.Single(Directory.GetFiles(_directory.Path, "state.db.corrupt-*"));
        Assert.Matches(@"/state\.db\.corrupt-\d{8}T\d{9}Z$", aside);

        // LiteDB cuts a file to whole pages, and marks it as broken.
        Assert.Equal(content.Take(100), File.ReadAllBytes(aside).Take(100));
        Assert.Contains(aside, Assert.Single(_log.Of(EventIds.StateSetAside)));
        using LiteDbRouterStore reopened = Open();
        Assert.Single(reopened.Load());
    }

    private static void Fill(string path)
    {
        using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        byte[] block = new byte[4096];
        bool isFull = false;
        while (!isFull)
        {
            isFull = Record.Exception(() => file.Write(block)) is IOException;
        }
    }
}
