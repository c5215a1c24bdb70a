using EgressAgent.Engine.Cluster.Etcd;
using EgressAgent.Model.Resources;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Engine.Tests.Cluster;

/// <summary>The client, with Debian's etcd.</summary>
public sealed class EtcdClientTests : IDisposable
{
    private const string Prefix = "/egress-agentd/edge/";

    private static readonly TimeSpan Time = TimeSpan.FromSeconds(10);

    private readonly List<IDisposable> _owned = [];

    public EtcdClientTests() => Assert.SkipUnless(EtcdMember.IsInstalled, "needs etcd(1), of Debian's etcd-server");

    private static CancellationToken End => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (IDisposable owned in _owned.AsEnumerable().Reverse())
        {
            owned.Dispose();
        }
    }

    [Fact]
    public async Task Lease_isKeptAliveUntilItIsRevoked_andItsKeysGoWithIt()
    {
        EtcdClient etcd = Connect(Start().Endpoints);
        (long lease, TimeSpan ttl) = await etcd.GrantAsync(1, Time, End);

        // etcd raises what is shorter than its election takes.
        Assert.Equal(TimeSpan.FromSeconds(2), ttl);
        Assert.Equal(ttl, await etcd.KeepAliveAsync(lease, Time, End));
        EtcdOutcome made = (await etcd.TransactAsync(new EtcdTransaction().IfAbsent(Prefix + "a").Put(Prefix + "a", "1", lease).Read(Prefix + "a"), Time, End))!;
        Assert.Equal((true, "1", lease, made.Revision), (made.Succeeded, made.Entries[0].Value, made.Entries[0].Lease, made.Entries[0].Created));

        await etcd.RevokeAsync(lease, Time, End);

        Assert.Equal(TimeSpan.Zero, await etcd.KeepAliveAsync(lease, Time, End));
        Assert.Empty((await etcd.TransactAsync(new EtcdTransaction().ReadAll(Prefix), Time, End))!.Entries);
        Assert.Null(await etcd.TransactAsync(new EtcdTransaction().Put(Prefix + "a", "1", lease), Time, End));
        await etcd.RevokeAsync(lease, Time, End);
    }

    [Fact]
    public async Task Transaction_whoseConditionsDoNotHold_writesNothingAndReadsWhatIsThere()
    {
        EtcdClient etcd = Connect(Start().Endpoints);
        EtcdTransaction Claim(string value) => new EtcdTransaction().IfAbsent(Prefix + "a").IfModified(Prefix + "b", 0).Put(Prefix + "a", value).OrRead(Prefix + "a");

        EtcdOutcome first = (await etcd.TransactAsync(Claim("1"), Time, End))!;
        EtcdOutcome second = (await etcd.TransactAsync(Claim("2"), Time, End))!;

        Assert.Equal((true, false), (first.Succeeded, second.Succeeded));
        Assert.Equal(("1", first.Revision), (second.Entries[0].Value, second.Entries[0].Created));
        EtcdTransaction delete = new EtcdTransaction().IfCreated(Prefix + "a", first.Revision).Delete(Prefix + "a").Put(Prefix + "b", "");
        Assert.True((await etcd.TransactAsync(delete, Time, End))!.Succeeded);
        Assert.False((await etcd.TransactAsync(Claim("3"), Time, End))!.Succeeded);
    }

    [Fact]
    public async Task Watch_tellsWhatIsWrittenAndDeleted_andThatItsRevisionIsGone()
    {
        EtcdCluster cluster = Start();
        EtcdClient etcd = Connect(cluster.Endpoints);
        long before = (await etcd.TransactAsync(new EtcdTransaction().Put(Prefix + "a", "1"), Time, End))!.Revision;
        await using IAsyncEnumerator<EtcdChange> watch = etcd.WatchAsync(Prefix, before + 1, End).GetAsyncEnumerator(End);
        Assert.True(await watch.MoveNextAsync());
        Assert.Empty(watch.Current.Entries);

        await etcd.TransactAsync(new EtcdTransaction().Put(Prefix + "a", "2").Put(Prefix + "b", "3"), Time, End);
        await etcd.TransactAsync(new EtcdTransaction().Delete(Prefix + "a"), Time, End);

        Assert.True(await watch.MoveNextAsync());
        Assert.Equal([(Prefix + "a", "2"), (Prefix + "b", "3")], watch.Current.Entries.Select(entry => (entry.Key, entry.Value)));
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal((true, before + 2), (watch.Current.Entries[0].IsDeleted, watch.Current.Revision));

        cluster.Members[0].Control("compaction", $"{before + 2}");
        List<EtcdChange> told = [];
        await foreach (EtcdChange change in etcd.WatchAsync(Prefix, before, End))
        {
            told.Add(change);
        }

        Assert.True(told[^1].IsCompacted);
    }

    [Fact]
    public async Task Endpoint_thatDoesNotAnswer_isLeftForTheNext()
    {
        EtcdCluster cluster = Start(3);
        EtcdClient etcd = Connect(cluster.Endpoints);
        cluster.Members[0].Kill();
        Assert.True((await etcd.TransactAsync(new EtcdTransaction().Put(Prefix + "a", "1"), Time, End))!.Succeeded);

        // Its connections stay.
        int asked = cluster.Endpoints.ToList().FindIndex(endpoint => new Uri(endpoint) == etcd.Endpoint);
        cluster.Members[0].Start();
        cluster.Members[0].Control("endpoint", "health");
        cluster.Members[asked].Suspend();
        EtcdClient alone = Connect([cluster.Endpoints[asked]]);
        EtcdException silence = await Assert.ThrowsAsync<EtcdException>(() => alone.TransactAsync(new EtcdTransaction().ReadAll(Prefix), TimeSpan.FromMilliseconds(300), End));
        Assert.Equal($"etcd at {alone.Endpoint.Authority} does not answer", silence.Message);
        Assert.True((await etcd.TransactAsync(new EtcdTransaction().Read(Prefix + "a"), Time, End))!.Succeeded);
        Assert.NotEqual(new Uri(cluster.Endpoints[asked]), etcd.Endpoint);
    }

    [Fact]
    public async Task Members_withoutALeader_areToldSo_andTheWatchEnds()
    {
        EtcdCluster cluster = Start(3);
        EtcdClient etcd = Connect([cluster.Endpoints[0]]);
        await using IAsyncEnumerator<EtcdChange> watch = etcd.WatchAsync(Prefix, 1, End).GetAsyncEnumerator(End);
        Assert.True(await watch.MoveNextAsync());

        cluster.Members[1].Kill();
        cluster.Members[2].Kill();

        EtcdException over = await Assert.ThrowsAsync<EtcdException>(async () => await watch.MoveNextAsync());
        Assert.Equal(EtcdFailure.NoQuorum, over.Failure);
        EtcdException failure = await Assert.ThrowsAsync<EtcdException>(() => etcd.TransactAsync(new EtcdTransaction().Put(Prefix + "a", "1"), Time, End));
        Assert.Equal(EtcdFailure.NoQuorum, failure.Failure);
        Assert.StartsWith($"the members of etcd have no leader, says {etcd.Endpoint.Authority}: ", failure.Message);
    }

    [Fact]
    public async Task FullDatabase_isTold_andLeasesAreKeptAlive()
    {
        EtcdCluster cluster = Start(options: ["--quota-backend-bytes", "16777216"]);
        EtcdClient etcd = Connect(cluster.Endpoints);
        (long lease, _) = await etcd.GrantAsync(1, Time, End);
        EtcdException failure = await Assert.ThrowsAsync<EtcdException>(async () =>
        {
            string value = new('x', 1_000_000);
            for (int i = 0; i < 40; i++)
            {
                await etcd.TransactAsync(new EtcdTransaction().Put($"{Prefix}{i}", value), Time, End);
                await etcd.KeepAliveAsync(lease, Time, End);
            }
        });

        Assert.Equal(EtcdFailure.NoSpace, failure.Failure);
        Assert.Contains("(alarm NOSPACE)", failure.Message);
        Assert.NotEqual(TimeSpan.Zero, await etcd.KeepAliveAsync(lease, Time, End));
        Assert.True((await etcd.TransactAsync(new EtcdTransaction().Read(Prefix + "0"), Time, End))!.Succeeded);
    }

    [Fact]
    public async Task Tls_isBelievedByItsAuthority_andCertificatesAreTakenOverWhenTheyChange()
    {
        EtcdCertificates certificates = Own(new EtcdCertificates());
        EtcdCertificates others = Own(new EtcdCertificates("another authority"));
        EtcdCluster cluster = Start(certificates: certificates);
        string ca = Path.Combine(Own(new Directories()).Path, "ca.pem");
        File.Copy(others.AuthorityFile, ca);
        EtcdClient etcd = Connect(cluster.Endpoints, settings => settings with { CaFile = ca, CertFile = certificates.ClientFile, KeyFile = certificates.ClientKeyFile });
        string place = etcd.Endpoint.Authority;

        EtcdException wrong = await FailAsync(etcd);
        Assert.Equal((EtcdFailure.Certificate, $"etcd at {place} is not believed: its certificate is signed by test authority, which is none of those in {ca}"), (wrong.Failure, wrong.Message));

        File.Copy(certificates.AuthorityFile, ca, overwrite: true);
        bool isBelieved = false;
        for (long began = Environment.TickCount64; !isBelieved && Environment.TickCount64 - began < 30_000;)
        {
            try
            {
                isBelieved = (await etcd.TransactAsync(new EtcdTransaction().Put(Prefix + "a", "1"), Time, End))!.Succeeded;
            }
            catch (EtcdException)
            {
                await Task.Delay(50, End);
            }
        }

        Assert.True(isBelieved);
    }

    [Fact]
    public async Task Tls_withoutOrWithAnothersCertificate_isRefusedInWords()
    {
        EtcdCertificates certificates = Own(new EtcdCertificates());
        EtcdCertificates others = Own(new EtcdCertificates("another authority"));
        EtcdCluster cluster = Start(certificates: certificates);

        EtcdException none = await FailAsync(Connect(cluster.Endpoints, settings => settings with { CaFile = certificates.AuthorityFile }));
        Assert.Equal(EtcdFailure.Certificate, none.Failure);
        Assert.Contains("wants another certificate of the agent (certFile, keyFile)", none.Message);

        EtcdException mixed = await FailAsync(Connect(
            cluster.Endpoints, settings => settings with { CaFile = certificates.AuthorityFile, CertFile = certificates.ClientFile, KeyFile = others.ClientKeyFile }));
        Assert.StartsWith($"{certificates.ClientFile} must be a certificate (PEM) to which the key {others.ClientKeyFile} belongs: ", mixed.Message);

        EtcdException missing = await FailAsync(Connect(cluster.Endpoints, settings => settings with { CaFile = "/none.pem" }));
        Assert.StartsWith("/none.pem must be certificates of authorities (PEM): ", missing.Message);
    }

    [Fact]
    public async Task User_isAskedForItsPassword_andATokenThatIsOverIsRenewed()
    {
        EtcdCluster cluster = Start(options: ["--auth-token-ttl", "1"]);
        EtcdMember member = cluster.Members[0];
        foreach (string words in (string[])["user add root:rootpw", "user grant-role root root", "user add egress:right", "role add egress", "role grant-permission egress --prefix=true readwrite /egress-agentd/", "user grant-role egress egress", "auth enable"])
        {
            Assert.Equal(0, member.Control(words.Split(' ')).ExitCode);
        }

        string password = Path.Combine(Own(new Directories()).Path, "password");
        File.WriteAllText(password, "wrong\n");
        EtcdClient etcd = Connect(cluster.Endpoints, settings => settings with { Username = "egress", PasswordFile = password });
        EtcdException refused = await FailAsync(etcd);
        Assert.Equal(EtcdFailure.User, refused.Failure);
        Assert.StartsWith($"etcd at {etcd.Endpoint.Authority} does not take the user egress with this password: ", refused.Message);

        EtcdException nobody = await FailAsync(Connect(cluster.Endpoints));
        Assert.Equal($"etcd at {etcd.Endpoint.Authority} has users; give cluster.etcd.username and passwordFile", nobody.Message);

        File.WriteAllText(password, "right\n");
        EtcdClient known = Connect(cluster.Endpoints, settings => settings with { Username = "egress", PasswordFile = password });
        Assert.True((await known.TransactAsync(new EtcdTransaction().Put(Prefix + "a", "1"), Time, End))!.Succeeded);
        (long lease, _) = await known.GrantAsync(30, Time, End);
        EtcdException right = await Assert.ThrowsAsync<EtcdException>(() => known.TransactAsync(new EtcdTransaction().Put("/other/a", "1"), Time, End));
        Assert.StartsWith($"etcd at {etcd.Endpoint.Authority} does not let the user egress read and write the cluster's keys", right.Message);

        // A restart forgets its tokens.
        member.Kill();
        member.Start();
        Eventually.True("etcd again", () => member.Control("--user", "root:rootpw", "endpoint", "health").ExitCode == 0, otherwise: () => member.Log);
        Assert.True((await known.TransactAsync(new EtcdTransaction().Put(Prefix + "a", "2", lease), Time, End))!.Succeeded);
    }

    [Fact]
    public async Task Others_areToldApartFromEtcd()
    {
        EtcdException nobody = await FailAsync(Connect(["http://127.0.0.1:1"]));
        Assert.Equal((EtcdFailure.Unreachable, "etcd at 127.0.0.1:1 cannot be reached: Connection refused"), (nobody.Failure, nobody.Message));

        EtcdCluster cluster = Start();
        string metrics = cluster.Endpoints[0];
        EtcdException tls = await FailAsync(Connect([metrics.Replace("http:", "https:")]));
        Assert.Equal(EtcdFailure.Certificate, tls.Failure);
        Assert.Contains("or speaks no TLS", tls.Message);
    }

    private static Task<EtcdException> FailAsync(EtcdClient etcd) =>
        Assert.ThrowsAsync<EtcdException>(() => etcd.TransactAsync(new EtcdTransaction().ReadAll(Prefix), Time, End));

    private EtcdCluster Start(int count = 1, EtcdCertificates? certificates = null, params IReadOnlyList<string> options) =>
        Own(EtcdCluster.Start(count, certificates: certificates, options: options));

    private EtcdClient Connect(IReadOnlyList<string> endpoints, Func<EtcdSettings, EtcdSettings>? set = null)
    {
        EtcdSettings settings = new([.. endpoints], null, null, null, null, null);
        return Own(new EtcdClient(set is null ? settings : set(settings), TimeProvider.System));
    }

    private T Own<T>(T resource)
        where T : IDisposable
    {
        _owned.Add(resource);
        return resource;
    }

    private sealed class Directories : IDisposable
    {
        private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("egress-etcd-client-");

        internal string Path => _directory.FullName;

        public void Dispose() => _directory.Delete(recursive: true);
    }
}
