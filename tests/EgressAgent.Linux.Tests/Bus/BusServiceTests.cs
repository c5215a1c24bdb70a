using System.Collections.Concurrent;
using System.Net.Sockets;
using EgressAgent.Linux.Bus;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Tests.Bus;

/// <summary>A service through the life of its bus: absent, late, killed, hostile.</summary>
public sealed class BusServiceTests : IDisposable
{
    private readonly PrivateBus _daemon;

    public BusServiceTests()
    {
        Assert.SkipUnless(PrivateBus.IsAvailable, "needs dbus-daemon(1)");
        _daemon = PrivateBus.CreateStopped();
    }

    [Fact]
    public void Start_noBus_saysSoOnceAndServesWhenItComes()
    {
        using var service = new SampleService(_daemon.Address);
        BusStatus absent = service.NextStatus();
        Assert.False(absent.IsReady);
        Assert.Contains("ENOENT", absent.Message);
        Assert.Contains(_daemon.Address, absent.Message);

        _daemon.StartDaemon();

        BusStatus ready = WaitUntilReady(service);
        Assert.StartsWith($"{SampleService.Name} is served on {_daemon.Address} by :1.", ready.Message);
        Assert.Equal("hello", Echo("hello"));
    }

    [Fact]
    public void Start_malformedAddress_saysSo()
    {
        using var service = new SampleService("unix:nothing=here");

        Assert.Contains("EINVAL", service.NextStatus().Message);
    }

    [Fact]
    public void DaemonRestarts_everythingIsRegisteredAgainAndNothingLeaks()
    {
        _daemon.StartDaemon();
        using SampleService service = SampleService.StartReady(_daemon.Address);
        int before = CountSockets();
        for (int i = 1; i <= 5; i++)
        {
            _daemon.KillDaemon();
            Assert.False(service.NextStatus().IsReady);

            // What happens without a bus shows when it is back.
            string path = $"{SampleService.ManagerPath}/round{i}";
            service.Do(connection =>
            {
                connection.AddObject(path, SampleObject.Interface.For(new SampleObject($"round{i}")));
                connection.EmitPropertiesChanged(path, SampleObject.Interface, "State");
                connection.RemoveObject($"{SampleService.ManagerPath}/round{i - 1}");
            });

            _daemon.StartDaemon();
            WaitUntilReady(service);
            using BusTestClient client = BusTestClient.Open(_daemon.Address);
            Assert.Equal($"round{i}", client.GetText(path, "Name"));
            var failure = Assert.Throws<DBusErrorReplyException>(() => client.GetText($"{SampleService.ManagerPath}/round{i - 1}", "Name"));
            Assert.Equal(BusErrorNames.UnknownObject, failure.ErrorName);
        }

        Eventually.True("all new sockets to be closed", () => CountSockets() <= before);
        Assert.Empty(service.Faults);
    }

    [Fact]
    public void DaemonDies_slowCallOfTheOldConnectionDoesNoHarm()
    {
        _daemon.StartDaemon();
        using SampleService service = SampleService.StartReady(_daemon.Address);
        using BusTestClient client = BusTestClient.Open(_daemon.Address);
        _ = client.CallAsync("Later", null, (ref MessageWriter _) => { }, _ => true).ContinueWith(call => call.Exception, TaskScheduler.Default);
        TaskCompletionSource<BusBody> pending = service.TakeLater();
        _daemon.KillDaemon();
        _daemon.StartDaemon();
        Assert.False(service.NextStatus().IsReady);
        WaitUntilReady(service);

        pending.SetResult((ref MessageWriter reply) => reply.WriteText("too late"));

        Assert.Equal("hello", Echo("hello"));
        Assert.Empty(service.Faults);
    }

    [Fact]
    public void NameTaken_isReportedAndTakenOverWhenFree()
    {
        _daemon.StartDaemon();
        SampleService first = SampleService.StartReady(_daemon.Address);
        using var second = new SampleService(_daemon.Address);
        BusStatus taken = second.NextStatus();
        Assert.False(taken.IsReady);
        Assert.Equal($"request D-Bus name {SampleService.Name}: another process owns it", taken.Message);

        first.Dispose();

        WaitUntilReady(second);
        Assert.Equal("hello", Echo("hello"));
    }

    [Fact]
    public void Dispose_workThatWaits_isDoneAndItsSignalsAreSent()
    {
        _daemon.StartDaemon();
        SampleService service = SampleService.StartReady(_daemon.Address);
        using BusTestClient client = BusTestClient.Open(_daemon.Address);
        ConcurrentQueue<string> heard = [];
        using IDisposable subscription = client.Subscribe("Renamed", heard.Enqueue);

        // More than fits into any buffer between the two.
        for (int i = 0; i < 200; i++)
        {
            string text = $"{i}" + new string('x', 10_000);
            service.Bus.Post(i, connection => Rename(connection, text));
        }

        service.Dispose();

        Eventually.True("the last words", () => heard.Count == 200, otherwise: () => $"{heard.Count}");
        Assert.Equal(BusErrorNames.ServiceUnknown, client.Refuse("Refuse", null, (ref MessageWriter _) => { }));
        service.Bus.Post("afterwards", _ => throw new InvalidOperationException("This is never run."));
        Assert.Empty(service.Faults);
    }

    [Fact]
    public void Post_sameKeyWhileTheThreadIsBusy_keepsTheLastOnly()
    {
        using var service = new SampleService(_daemon.Address);
        using var busy = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        List<string> done = [];
        service.Bus.Post("blocker", _ =>
        {
            busy.Set();
            release.Wait();
        });
        busy.Wait(TestContext.Current.CancellationToken);

        for (int i = 0; i < 1_000; i++)
        {
            string work = $"{i}";
            service.Bus.Post(("router", 1), _ => done.Add("first " + work));
            service.Bus.Post(("router", 2), _ => done.Add("second " + work));
        }

        release.Set();
        service.Do(_ => done.Add("end"));
        Assert.Equal(["first 999", "second 999", "end"], done);
    }

    [Fact]
    public void Post_workThatThrows_isReportedWithItsKey()
    {
        using var service = new SampleService(_daemon.Address);
        service.Bus.Post("default/web", _ => throw new InvalidOperationException("broken"));

        service.Do(_ => { });

        (string member, Exception failure) = Assert.Single(service.Faults);
        Assert.Equal(("default/web", "broken"), (member, failure.Message));
    }

    [Fact]
    public void DaemonThatDoesNotRead_workWaitsInsteadOfPilingUp()
    {
        const int Works = 200;
        _daemon.StartDaemon();
        using SampleService service = SampleService.StartReady(_daemon.Address);
        string large = new('x', 1 << 16);
        int done = 0;
        _daemon.PauseDaemon();
        for (int i = 0; i < Works; i++)
        {
            service.Bus.Post(i, connection =>
            {
                Rename(connection, large);
                Interlocked.Increment(ref done);
            });
        }

        Eventually.True("some work to be done", () => Volatile.Read(ref done) > 0);
        Assert.NotEqual(Works, Volatile.Read(ref done));
        _daemon.ResumeDaemon();

        Eventually.True("all work to be done", () => Volatile.Read(ref done) == Works);
        Assert.Equal("hello", Echo("hello"));
    }

    [Fact]
    public async Task DaemonThatDoesNotRead_doesNotHoldUpTheEnd()
    {
        _daemon.StartDaemon();
        SampleService service = SampleService.StartReady(_daemon.Address);
        string large = new('x', 1 << 20);
        _daemon.PauseDaemon();
        service.Do(connection => Rename(connection, large));

        Task end = Task.Run(service.Dispose, TestContext.Current.CancellationToken);

        await end.WaitAsync(SampleService.Deadline, TestContext.Current.CancellationToken);
    }

    [Fact]
    public void PeerThatTalksNonsense_isGivenUpAndTriedAgain()
    {
        using Socket listener = Listen();
        using var service = new SampleService(_daemon.Address);
        for (int i = 0; i < 3; i++)
        {
            using Socket peer = listener.Accept();
            peer.Send("HTTP/1.1 400 Bad Request\r\n\r\n"u8);
            _ = peer.Receive(new byte[64]);
        }

        Assert.False(service.NextStatus().IsReady);
    }

    [Fact]
    public async Task PeerThatSaysNothing_holdsUpNeitherWorkNorTheEnd()
    {
        using Socket listener = Listen();
        var service = new SampleService(_daemon.Address);
        using Socket peer = listener.Accept();

        service.Do(connection => connection.RemoveObject(SampleService.ObjectPath));
        Task end = Task.Run(service.Dispose, TestContext.Current.CancellationToken);

        await end.WaitAsync(SampleService.Deadline, TestContext.Current.CancellationToken);
    }

    public void Dispose() => _daemon.Dispose();

    private static BusStatus WaitUntilReady(SampleService service)
    {
        BusStatus status;
        do
        {
            status = service.NextStatus();
        }
        while (!status.IsReady);

        return status;
    }

    // Descriptors of other kinds come and go with the assemblies that are loaded.
    private static int CountSockets() => Directory.GetFiles("/proc/self/fd").Count(file => new FileInfo(file).LinkTarget?.StartsWith("socket:") == true);

    private Socket Listen()
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_daemon.Address["unix:path=".Length..]));
        listener.Listen();
        return listener;
    }

    private static void Rename(BusConnection connection, string from) => connection.EmitSignal(
        SampleService.ObjectPath,
        SampleObject.Interface,
        "Renamed",
        (ref MessageWriter body) =>
        {
            body.WriteText(from);
            body.WriteObjectPath("/");
        });

    private string Echo(string text)
    {
        using BusTestClient client = BusTestClient.Open(_daemon.Address);
        return client.Echo(text);
    }
}
