using System.Net.Sockets;
using EgressAgent.Linux.Bus;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;

namespace EgressAgent.Linux.Tests.Bus;

/// <summary>A service through the life of its bus: absent, late, killed, hostile.</summary>
public sealed class BusThreadTests : IDisposable
{
    private readonly PrivateBus _daemon;

    public BusThreadTests()
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
        int before = CountDescriptors();
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
            using BusClient client = BusClient.Open(_daemon.Address);
            Assert.Equal(
                $"round{i}",
                client.GetProperty(SampleService.Target with { Path = path }, "Name", "s", value => value.ReadString()));
            var removed = SampleService.Target with { Path = $"{SampleService.ManagerPath}/round{i - 1}" };
            var failure = Assert.Throws<BusException>(() => client.GetProperty(removed, "Name", "s", value => value.ReadString()));
            Assert.Equal(BusErrorNames.UnknownObject, failure.Name);
        }

        Eventually.True("all new descriptors to be closed", () => CountDescriptors() <= before);
        Assert.Empty(service.Faults);
    }

    [Fact]
    public void DaemonDies_deferredReplyOfTheOldConnectionDoesNoHarm()
    {
        _daemon.StartDaemon();
        using SampleService service = SampleService.StartReady(_daemon.Address);
        using (BusClient client = BusClient.Open(_daemon.Address, TimeSpan.FromMilliseconds(1)))
        {
            Assert.Throws<BusException>(() => client.Call(SampleService.Target, "Later", _ => { }, reply => reply.ReadString()));
        }

        BusDeferredReply deferred = service.TakeDeferred();
        _daemon.KillDaemon();
        _daemon.StartDaemon();
        Assert.False(service.NextStatus().IsReady);
        WaitUntilReady(service);

        deferred.Complete(reply => reply.WriteString("too late"));

        service.Do(connection => Assert.Equal(0, connection.DeferredReplies));
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
        using BusClient client = BusClient.Open(_daemon.Address);
        using BusSubscription renamed = client.Subscribe(SampleService.Target, "Renamed");
        service.Bus.Post("last words", connection => connection.EmitSignal(
            SampleService.ObjectPath,
            SampleObject.Interface,
            "Renamed",
            body =>
            {
                body.WriteString("end");
                body.WriteObjectPath("/");
            }));

        service.Dispose();

        Assert.True(renamed.TryRead(SampleService.Deadline, body => body.ReadString(), out string? from));
        Assert.Equal("end", from);
        var gone = Assert.Throws<BusException>(() => client.Call(SampleService.Target, "Refuse", _ => { }, _ => true));
        Assert.Equal(BusErrorNames.ServiceUnknown, gone.Name);
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
                connection.EmitSignal(SampleService.ObjectPath, SampleObject.Interface, "Renamed", body =>
                {
                    body.WriteString(large);
                    body.WriteObjectPath("/");
                });
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
        service.Do(connection => connection.EmitSignal(SampleService.ObjectPath, SampleObject.Interface, "Renamed", body =>
        {
            body.WriteString(large);
            body.WriteObjectPath("/");
        }));

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

    private static int CountDescriptors() => Directory.GetFiles("/proc/self/fd").Length;

    private Socket Listen()
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_daemon.Address["unix:path=".Length..]));
        listener.Listen();
        return listener;
    }

    private string Echo(string text)
    {
        using BusClient client = BusClient.Open(_daemon.Address);
        return client.Call(SampleService.Target, "Echo", body => body.WriteString(text), reply => reply.ReadString());
    }
}
