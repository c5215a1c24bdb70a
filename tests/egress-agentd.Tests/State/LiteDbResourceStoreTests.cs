using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using EgressAgent.Daemon.State;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Engine;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Traffic;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Testing;
using LiteDB;

namespace EgressAgent.Daemon.Tests.State;

public sealed class LiteDbResourceStoreTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RecordingLogger<LiteDbResourceStore> _log = new();

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
                    Failover = FailoverMode.Manual,
                    FlowLog = FlowLogMode.Closed,
                    FlowOffload = FlowOffloadMode.Auto,
                    LocalProcesses = LocalProcesses.Deny,
                    PassthruTakesTheNode = true,
                },
            }, generation: long.MaxValue, "198.18.0.3/16", "fd96:e9e5:a::3/112") with
            {
                IsRemoved = true,
                History =
                [
                    new RouterEvent(DateTimeOffset.UnixEpoch.AddMilliseconds(1), 7, RouterState.Pending, "MasterMissing", "no ens3"),
                    new RouterEvent(DateTimeOffset.UnixEpoch.AddDays(1), long.MaxValue, RouterState.Active, "InForce", "all is well"),
                ],
                Footing = new RouterFooting("ens3", MasterChoice.ByDefaultRoute, IPNetwork.Parse("192.168.12.98/32"),
                [
                    new FootingGateway(IPNetwork.Parse("192.168.12.98/32"), IPAddress.Parse("10.0.0.1"), IsInferred: false),
                    new FootingGateway(IPNetwork.Parse("2001:db8::/64"), IPAddress.Parse("fe80::1"), IsInferred: true),
                ]),
            },
            Example.Record(Example.Router(), generation: 3, "198.18.0.2/16"),
        ];
        EgressRouterSpec bare = new() { Addresses = [], Rules = [] };
        Assert.All(typeof(EgressRouterSpec).GetProperties(), field => Assert.NotEqual(field.GetValue(bare), field.GetValue(records[0].LastGood.Spec)));
        using (LiteDbResourceStore store = Open())
        {
            store.Write(records, [], () => records);
        }

        using LiteDbResourceStore reopened = Open();

        IReadOnlyList<ResourceRecord> loaded = reopened.Load();
        Assert.Empty(_log.Events);
        Assert.Equal(records, loaded.OrderBy(record => record.Id));
    }

    [Fact]
    public void Services_acrossReopening_areTheSame()
    {
        ServiceSpec spec = new()
        {
            Selector = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal).Add("app.kubernetes.io/name", "edge"),
            Ports = [new ServicePortSpec("web", TransportProtocol.SCTP, 80, 8080)],
            IsHeadless = true,
            PinnedAddresses = [IPAddress.Parse("198.19.0.9")],
            Families = [AddressFamily.InterNetworkV6],
            FamilyPolicy = FamilyPolicy.RequireDualStack,
            ExternalAddresses = [IPAddress.Parse("192.168.12.98")],
            ClientAffinity = TimeSpan.FromHours(3),
            HostNames = ["partner.example.com"],
        };
        ServiceSpec bare = new();
        Assert.All(typeof(ServiceSpec).GetProperties(), field => Assert.NotEqual(field.GetValue(bare), field.GetValue(spec)));
        ServiceRecord[] records =
        [
            new(new ServiceResource(new ResourceKey(ResourceKind.Service, "shop", "a"), new SourceLocation("/etc/egress-router/all.yaml", 17, 1), spec), 7, [Example.Cidr("198.19.0.9/16")]),
            new(new ServiceResource(new ResourceKey(ResourceKind.Service, "shop", "b"), new SourceLocation("b.yaml", 1, 1), bare), 1, []),
        ];
        using (LiteDbResourceStore store = Open())
        {
            store.Write(records, [], () => records);
        }

        using LiteDbResourceStore reopened = Open();

        Assert.Equal(records, reopened.Load().OrderBy(record => record.Id));
        Assert.Empty(_log.Events);
    }

    [Fact]
    public void Load_recordThatDoesNotSayWhereTheRouterStands_isRead()
    {
        RouterRecord record = Example.Record(Example.Router(), generation: 3, "198.18.0.2/16");
        using (LiteDbResourceStore store = Open())
        {
            Save(store, record);
        }

        Edit("EgressRouter/default/web", document => document.Remove("footing"));
        using LiteDbResourceStore reopened = Open();

        Assert.Equal(record, Assert.Single(reopened.Load()));
        Assert.Empty(_log.Events);
    }

    [Fact]
    public void Save_sameKey_replaces()
    {
        RouterRecord second = Example.Record(Example.Router(port: 9090), generation: 2, "198.18.0.2/16");
        using LiteDbResourceStore store = Open();
        Save(store, Example.Record(Example.Router(), generation: 1, "198.18.0.2/16"));

        Save(store, second);

        Assert.Equal(second, Assert.Single(store.Load()));
    }

    [Fact]
    public void Remove_forgetsOneOnly_andMissingIsNoError()
    {
        RouterRecord kept = Example.Record(Example.Router("kept"));
        using LiteDbResourceStore store = Open();
        Save(store, kept);
        Save(store, Example.Record(Example.Router()));

        store.Write([], [(ResourceKey)new RouterKey("default", "web")], () => []);
        store.Write([], [(ResourceKey)new RouterKey("default", "web")], () => []);

        Assert.Equal(kept, Assert.Single(store.Load()));
    }

    /// <summary>A copy of the files is what the next start finds after the process was killed.</summary>
    [Fact]
    public void Save_agentKilled_isNotLost()
    {
        RouterRecord record = Example.Record(Example.Router());
        using LiteDbResourceStore store = Open();
        Save(store, record);
        using var copy = new TemporaryDirectory();
        Command.Check("cp", Database, _directory["state-log.db"], copy.Path);

        using LiteDbResourceStore next = Open(copy.Path);

        RouterRecord[] loaded = [.. next.Load().Cast<RouterRecord>()];
        Assert.Empty(_log.Events);
        Assert.Equal(record, Assert.Single(loaded));
    }

    [Fact]
    public void Files_whileOpenAndAfter_areForRootOnly()
    {
        const UnixFileMode expected = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (LiteDbResourceStore store = Open())
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

        using (LiteDbResourceStore store = Open(directory))
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

        using LiteDbResourceStore store = Open(_directory["file"]);

        // There is nothing to be read, and that is told when something is to be written.
        Assert.Empty(store.Load());
        Assert.StartsWith("the state database cannot be written: ", Assert.Throws<IOException>(() => Save(store)).Message);
    }

    [Fact]
    public void Open_emptyFile_isANewDatabase()
    {
        File.WriteAllBytes(Database, []);

        using LiteDbResourceStore store = Open();

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

            using LiteDbResourceStore store = Open(directory.Path);
            _ = store.Load();
            Save(store, Example.Record(Example.Router("new")));
        }
    }

    [Fact]
    public void Open_journalCutOff_keepsTheDatabase()
    {
        WriteRecords(2);
        File.WriteAllBytes(_directory["state-log.db"], new byte[5000]);

        using LiteDbResourceStore store = Open();

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

        using (LiteDbResourceStore store = Open())
        {
            IOException refusal = Assert.Throws<IOException>(() => store.Load());
            Assert.Contains($"{Database} was written by a newer egress-agentd (schema 5, this one knows 4)", refusal.Message);
            Assert.Throws<IOException>(() => Save(store, Example.Record(Example.Router())));
        }

        Assert.Equal(before, File.ReadAllBytes(Database));
        Assert.Empty(Directory.GetFiles(_directory.Path, "*corrupt*"));
        Assert.Empty(_log.Events);
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

        using LiteDbResourceStore store = Open();

        Assert.Equal("EgressRouter/default/web-1", Assert.Single(store.Load()).Id.ToString());
        Assert.Equal(["the state of EgressRouter/default/web-0 cannot be read and is made anew"], _log.Of(EventIds.StateUnreadable));
    }

    [Fact]
    public void Load_documentUnderAnotherKey_isLeftOut()
    {
        WriteRecords(1);
        Edit("EgressRouter/default/web-0", document => document["name"] = "other");

        using LiteDbResourceStore store = Open();

        Assert.Empty(store.Load());
    }

    [Fact]
    public void Save_diskFull_isAnIOExceptionUntilThereIsSpace()
    {
        using var mount = new TemporaryMount("1m");
        RouterRecord before = Example.Record(Example.Router("before"));
        RouterRecord after = Example.Record(Example.Router("after"));
        using (LiteDbResourceStore store = Open(mount.Path))
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

        using LiteDbResourceStore reopened = Open(mount.Path);
        IReadOnlyList<ResourceRecord> records = reopened.Load();
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
        using (LiteDbResourceStore store = Open(mount.Path))
        {
            Assert.Empty(store.Load());
            Assert.Contains("Read-only file system", Assert.Throws<IOException>(() => Save(store, record)).Message);
            mount.MakeWritable();
            Save(store, record);
        }

        mount.MakeReadOnly();
        using LiteDbResourceStore next = Open(mount.Path);
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
        using (LiteDbResourceStore store = Open())
        {
            records = [.. store.Load().Cast<RouterRecord>().OrderBy(record => record.Key)];
            store.Write([], [], () => records);
        }

        Assert.Equal(["default/plain", "tenant-a/rich"], records.Select(record => record.Key.ToString()));
        RouterRecord rich = records[1];
        Assert.Equal(
            (2L, "/run/egress-router/rich.yaml", 3, "billing", MacvlanMode.Private, DatapathKind.Relay, 2),
            (rich.Generation, rich.LastGood.Source.File, rich.LastGood.Source.Line, rich.LastGood.Labels["team"],
                rich.LastGood.Spec.MacvlanMode, rich.LastGood.Spec.Datapath, rich.LastGood.Spec.Rules.Count));
        Assert.Equal(["198.18.0.3/16", "fd96:e9e5:a::2/112"], rich.Allocation.InsideAddresses.Select(address => address.ToString()));
        using (LiteDbResourceStore reopened = Open())
        {
            Assert.Equal(records, reopened.Load().OrderBy(record => record.Id));
        }

        Assert.Empty(_log.Events);
        using var database = new LiteDatabase($"Filename={Database};ReadOnly=true");
        Assert.Equal((4, "resources"), (database.UserVersion, Assert.Single(database.GetCollectionNames())));
    }

    [Fact]
    public void Database_ofSchema2_isReadAndUpgraded()
    {
        RouterRecord record = Example.Record(Example.Router());
        using (LiteDbResourceStore before = Open())
        {
            Save(before, record);
        }

        using (var database = new LiteDatabase(Database))
        {
            database.UserVersion = 2;
        }

        using (LiteDbResourceStore store = Open())
        {
            Assert.Empty(store.LoadTraffic());
            Assert.Equal(record, Assert.Single(store.Load()));
            store.WriteTraffic([new TrafficRecord(record.Key, [1, 2, 3])], []);
        }

        using var upgraded = new LiteDatabase($"Filename={Database};ReadOnly=true");
        Assert.Equal(4, upgraded.UserVersion);
    }

    [Fact]
    public void Database_ofSchema3_whoseRulesAreLists_isReadAndUpgraded()
    {
        RouterRecord record = Example.Record(Example.Router());
        record = record with
        {
            LastGood = record.LastGood with
            {
                Spec = record.LastGood.Spec with
                {
                    Rules =
                    [
                        new RedirectRuleSpec(TransportProtocol.TCP, 443, IPAddress.Parse("203.0.113.26"), 8443),
                        new RedirectRuleSpec(TransportProtocol.SCTP, 65535, IPAddress.Parse("2001:db8::26"), 1),
                    ],
                },
            },
        };
        using (LiteDbResourceStore before = Open())
        {
            Save(before, record);
        }

        using (var database = new LiteDatabase(Database))
        {
            ILiteCollection<BsonDocument> resources = database.GetCollection("resources");
            BsonDocument document = resources.FindAll().Single();
            document["spec"]["rules"] = new BsonArray(
                new BsonArray("TCP", 443, "203.0.113.26", 8443), new BsonArray("SCTP", 65535, "2001:db8::26", 1));
            resources.Update(document);
            database.UserVersion = 3;
        }

        using (LiteDbResourceStore store = Open())
        {
            Assert.Equal(record, Assert.Single(store.Load()));
            Save(store, record);
        }

        Assert.Empty(_log.Events);
        using var upgraded = new LiteDatabase($"Filename={Database};ReadOnly=true");
        Assert.Equal(4, upgraded.UserVersion);
        Assert.Equal(
            "TCP 443 203.0.113.26 8443\nSCTP 65535 2001:db8::26 1",
            upgraded.GetCollection("resources").FindAll().Single()["spec"]["rules"].AsString);
    }

    [Fact]
    public void Counters_acrossReopening_areTheSame_andGoWithTheirRouter()
    {
        RouterRecord[] records = [Example.Record(Example.Router("one")), Example.Record(Example.Router("two"))];
        using (LiteDbResourceStore store = Open())
        {
            Save(store, records);
            store.WriteTraffic([.. records.Select(record => new TrafficRecord(record.Key, [1, 2, 3]))], []);
            store.WriteTraffic([new TrafficRecord(records[0].Key, [4])], []);
        }

        using LiteDbResourceStore reopened = Open();
        Assert.Equal(["default/one 04", "default/two 010203"], Counters());

        reopened.Write([], [records[0].Id], () => [records[1]]);
        Assert.Equal(["default/two 010203"], Counters());

        reopened.WriteTraffic([], [records[1].Key]);
        Assert.Empty(Counters());

        string[] Counters() => [.. reopened.LoadTraffic().Select(record => $"{record.Key} {Convert.ToHexString(record.Counts)}").Order()];
    }

    [Fact]
    public void Database_thatBreaks_isToldAsEmptied()
    {
        using LiteDbResourceStore store = Open();
        int emptied = 0;
        store.Emptied += () => emptied++;
        Save(store, Example.Record(Example.Router()));
        store.Dispose();
        byte[] broken = File.ReadAllBytes(Database);
        Array.Fill(broken, (byte)0xff, 100, broken.Length - 100);
        File.WriteAllBytes(Database, broken);

        store.WriteTraffic([new TrafficRecord(Example.Router().Key, [1])], []);

        Assert.Equal((1, 1), (emptied, store.LoadTraffic().Count));
    }

    public void Dispose() => _directory.Dispose();

    private LiteDbResourceStore Open(string? directory = null) =>
        new(directory ?? _directory.Path, _log);

    private static void Save(LiteDbResourceStore store, params RouterRecord[] records) => store.Write(records, [], () => records);

    private void WriteRecords(int count)
    {
        using LiteDbResourceStore store = Open();
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
        using (LiteDbResourceStore store = Open())
        {
            Assert.Empty(store.Load());
            Save(store, Example.Record(Example.Router()));
        }

        string aside = Assert.Single(Directory.GetFiles(_directory.Path, "state.db.corrupt-*"));
        Assert.Matches(@"/state\.db\.corrupt-\d{8}T\d{9}Z$", aside);

        // LiteDB cuts a file to whole pages, and marks it as broken.
        Assert.Equal(content.Take(100), File.ReadAllBytes(aside).Take(100));
        Assert.Contains(aside, Assert.Single(_log.Of(EventIds.StateSetAside)));
        using LiteDbResourceStore reopened = Open();
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
