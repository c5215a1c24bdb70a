using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Daemon.State;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Engine;
using EgressAgent.Engine.Registry;
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
                    Clients = new ClientsSpec(IncludesNode: true, [IPNetwork.Parse("10.0.0.0/8")]),
                    MacAddress = PhysicalAddress.Parse("02-00-00-00-00-01"),
                    PinnedInsideAddresses = [IPAddress.Parse("198.18.0.3")],
                    FlowLog = FlowLogMode.Closed,
                },
            }, generation: long.MaxValue, "198.18.0.3/16", "fd96:e9e5:a::3/112") with { IsRemoved = true },
            Example.Record(Example.Router(), generation: 3, "198.18.0.2/16"),
        ];
        EgressRouterSpec bare = new() { Addresses = [], Rules = [] };
        Assert.All(typeof(EgressRouterSpec).GetProperties(), field => Assert.NotEqual(field.GetValue(bare), field.GetValue(records[0].LastGood.Spec)));
        using (LiteDbRouterStore store = Open())
        {
            store.Write(records, [], () => records);
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
        Save(store, Example.Record(Example.Router(), generation: 1, "198.18.0.2/16"));

        Save(store, second);

        Assert.Equal(second, Assert.Single(store.Load()));
    }

    [Fact]
    public void Remove_forgetsOneOnly_andMissingIsNoError()
    {
        RouterRecord kept = Example.Record(Example.Router("kept"));
        using LiteDbRouterStore store = Open();
        Save(store, kept);
        Save(store, Example.Record(Example.Router()));

        store.Write([], [new RouterKey("default", "web")], () => []);
        store.Write([], [new RouterKey("default", "web")], () => []);

        Assert.Equal(kept, Assert.Single(store.Load()));
    }

    /// <summary>A copy of the files is what the next start finds after the process was killed.</summary>
    [Fact]
    public void Save_agentKilled_isNotLost()
    {
        RouterRecord record = Example.Record(Example.Router());
        using LiteDbRouterStore store = Open();
        Save(store, record);
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
            Save(store, Example.Record(Example.Router()));
            Assert.All(Directory.GetFiles(_directory.Path), file => Assert.Equal(expected, File.GetUnixFileMode(file)));
        }

        Assert.Equal(expected, File.GetUnixFileMode(Database));
    }

    [Fact]
    public void Directory_missing_isMadeForRootOnly()
    {
        string directory = _directory["a/b"];

        using (LiteDbRouterStore store = Open(directory))
        {
            Assert.Empty(store.Load());
        }

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
        Assert.True(File.Exists(Path.Combine(directory, "state.db")));
    }

    [Fact]
    public void Directory_isAFile_isAnIOException()
    {
        File.WriteAllText(_directory["file"], "");

        using LiteDbRouterStore store = Open(_directory["file"]);

        // There is nothing to be read, and that is told when something is to be written.
        Assert.Empty(store.Load());
        Assert.StartsWith("the state database cannot be written: ", Assert.Throws<IOException>(() => Save(store)).Message);
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
            Save(store, Example.Record(Example.Router("new")));
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

        using (LiteDbRouterStore store = Open())
        {
            IOException refusal = Assert.Throws<IOException>(() => store.Load());
            Assert.Contains($"{Database} was written by a newer egress-agentd (schema 3, this one knows 2)", refusal.Message);
            Assert.Throws<IOException>(() => Save(store, Example.Record(Example.Router())));
        }

        Assert.Equal(before, File.ReadAllBytes(Database));
        Assert.Empty(Directory.GetFiles(_directory.Path, "*corrupt*"));
        Assert.Empty(_log.Events);
    }

    [Fact]
    public void Open_inUseByAnotherAgent_isSaidAndNothingIsSetAside()
    {
        using LiteDbRouterStore first = Open();

        Assert.Contains("is in use by another egress-agentd", Assert.Throws<StateInUseException>(() => Open()).Message);

        Assert.Empty(_log.Events);
        Save(first, Example.Record(Example.Router()));
        Assert.Single(first.Load());
    }

    [Theory]
    [InlineData("spec")]
    [InlineData("generation")]
    [InlineData("labels")]
    [InlineData("mac")]
    [InlineData("inside")]
    [InlineData("name")]
    public void Load_documentOfAnotherShape_isLeftOutAndSaid(string field)
    {
        WriteRecords(2);
        Edit("EgressRouter/default/web-0", document => document[field] = new DateTime(2026, 1, 1));

        using LiteDbRouterStore store = Open();

        Assert.Equal("default/web-1", Assert.Single(store.Load()).Key.ToString());
        Assert.Equal(["the state of EgressRouter/default/web-0 cannot be read and is made anew"], _log.Of(EventIds.StateUnreadable));
    }

    [Fact]
    public void Load_documentUnderAnotherKey_isLeftOut()
    {
        WriteRecords(1);
        Edit("EgressRouter/default/web-0", document => document["name"] = "other");

        using LiteDbRouterStore store = Open();

        Assert.Empty(store.Load());
    }

    [Fact]
    public void Save_diskFull_isAnIOExceptionUntilThereIsSpace()
    {
        using var mount = new TemporaryMount("1m");
        RouterRecord before = Example.Record(Example.Router("before"));
        RouterRecord after = Example.Record(Example.Router("after"));
        using (LiteDbRouterStore store = Open(mount.Path))
        {
            Save(store, before);
            string ballast = Path.Combine(mount.Path, "ballast");
            Fill(ballast);

            // What is there may have room for a few records more.
            IOException? refusal = null;
            for (int i = 0; i < 200 && refusal is null; i++)
            {
                refusal = Record.Exception(() => Save(store, Example.Record(Example.Router($"r{i}")))) as IOException;
            }

            Assert.StartsWith("the state database cannot be written: ", refusal?.Message);
            Assert.Contains("No space left on device", refusal!.Message);
            Assert.IsType<IOException>(Record.Exception(() => Save(store, after)));

            File.Delete(ballast);
            Save(store, after);
            Assert.Contains(before, store.Load());
        }

        using LiteDbRouterStore reopened = Open(mount.Path);
        IReadOnlyList<RouterRecord> records = reopened.Load();
        Assert.Contains(before, records);
        Assert.Contains(after, records);
        Assert.Empty(_log.Events);
    }

    [Fact]
    public void Directory_readOnly_isReadAndCannotBeWrittenUntilItIsWritable()
    {
        using var mount = new TemporaryMount("1m");
        RouterRecord record = Example.Record(Example.Router());
        mount.MakeReadOnly();
        using (LiteDbRouterStore store = Open(mount.Path))
        {
            Assert.Empty(store.Load());
            Assert.Contains("Read-only file system", Assert.Throws<IOException>(() => Save(store, record)).Message);
            mount.MakeWritable();
            Save(store, record);
        }

        mount.MakeReadOnly();
        using LiteDbRouterStore next = Open(mount.Path);
        Assert.Equal(record, Assert.Single(next.Load()));
        Assert.Contains("Read-only file system", Assert.Throws<IOException>(() => Save(next, record)).Message);
        Assert.Empty(_log.Events);
        Assert.Empty(Directory.GetFiles(mount.Path, "*corrupt*"));
    }

    /// <summary>A database that commit 3ac3553 wrote, with a router of each datapath and all fields that it knew.</summary>
    [Fact]
    public void Database_ofSchema1_isReadAndUpgraded()
    {
        File.Copy(Repository.PathOf("tests/egress-agentd.Tests/State/schema-1.db"), Database);
        RouterRecord[] records;
        using (LiteDbRouterStore store = Open())
        {
            records = [.. store.Load().OrderBy(record => record.Key)];
            store.Write([], [], () => records);
        }

        Assert.Equal(["default/plain", "tenant-a/rich"], records.Select(record => record.Key.ToString()));
        RouterRecord rich = records[1];
        Assert.Equal(
            (2L, "/run/egress-router/rich.yaml", 3, "billing", MacvlanMode.Private, DatapathKind.Relay, 2),
            (rich.Generation, rich.LastGood.Source.File, rich.LastGood.Source.Line, rich.LastGood.Labels["team"],
                rich.LastGood.Spec.MacvlanMode, rich.LastGood.Spec.Datapath, rich.LastGood.Spec.Rules.Count));
        Assert.Equal(["198.18.0.3/16", "fd96:e9e5:a::2/112"], rich.Allocation.InsideAddresses.Select(address => address.ToString()));
        using (LiteDbRouterStore reopened = Open())
        {
            Assert.Equal(records, reopened.Load().OrderBy(record => record.Key));
        }

        Assert.Empty(_log.Events);
        using var database = new LiteDatabase($"Filename={Database};ReadOnly=true");
        Assert.Equal((2, "resources"), (database.UserVersion, Assert.Single(database.GetCollectionNames())));
    }

    public void Dispose() => _directory.Dispose();

    private LiteDbRouterStore Open(string? directory = null) =>
        new(directory ?? _directory.Path, _log);

    private static void Save(LiteDbRouterStore store, params RouterRecord[] records) => store.Write(records, [], () => records);

    private void WriteRecords(int count)
    {
        using LiteDbRouterStore store = Open();
        for (int i = 0; i < count; i++)
        {
            Save(store, Example.Record(Example.Router($"web-{i}")));
        }
    }

    private void Edit(string id, Action<BsonDocument> edit)
    {
        using var database = new LiteDatabase(Database);
        ILiteCollection<BsonDocument> resources = database.GetCollection("resources");
        BsonDocument document = resources.FindById(id);
        edit(document);
        resources.Update(document);
    }

    private void AssertIsSetAside(byte[] content)
    {
        using (LiteDbRouterStore store = Open())
        {
            Assert.Empty(store.Load());
            Save(store, Example.Record(Example.Router()));
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
