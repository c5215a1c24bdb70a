using System.Collections.Concurrent;
using EgressAgent.Linux.Bus;
using EgressAgent.Testing;
using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Tests.Bus;

/// <summary>Calls over a real dbus-daemon: correct ones, hostile ones, many.</summary>
public sealed class BusCallTests(BusFixture fixture) : IClassFixture<BusFixture>, IDisposable
{
    private static readonly BusBody Nothing = (ref MessageWriter _) => { };

    private readonly SampleService _service = fixture.Service;
    private readonly BusTestClient _client = BusTestClient.Open(fixture.Daemon.Address);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1 << 20)]
    public void Call_textOfAnyLength_isEchoed(int length)
    {
        string text = new('x', length);

        Assert.Equal(text, _client.Echo(text));
    }

    // At every offset from the borders of the writer's buffers.
    [Fact]
    public void Call_longTextOfCharactersOutsideTheBasicPlane_isEchoed()
    {
        for (int i = 0; i < 4; i++)
        {
            string text = new string('x', i) + string.Concat(Enumerable.Repeat("\U0001F600", 5_000));

            Assert.Equal(text, _client.Echo(text));
        }
    }

    [Fact]
    public void Reply_withNul_reachesTheCallerWithoutIt()
    {
        _service.Do(_ => _service.Object.State = "a\0b\ud800c");

        Assert.Equal("a\uFFFDb\uFFFDc", _client.GetText(SampleService.ObjectPath, "State"));

        _service.Do(_ => _service.Object.State = "active");
    }

    [Fact]
    public void Call_hundredThousandElements_areRead()
    {
        const int Count = 100_000;

        (ulong Sum, uint Count) reply = _client.Call(
            "Sum",
            "at",
            (ref MessageWriter body) => body.WriteArray(Enumerable.Range(0, Count).Select(number => (ulong)number)),
            message =>
            {
                Reader body = message.GetBodyReader();
                return (body.ReadUInt64(), body.ReadUInt32());
            });

        Assert.Equal(((ulong)Count * (Count - 1) / 2, (uint)Count), reply);
    }

    [Fact]
    public void Call_manyFromManyClients_areAllAnswered() => Parallel.For(
        0,
        4,
        worker =>
        {
            using BusTestClient client = BusTestClient.Open(fixture.Daemon.Address);
            for (int i = 0; i < 1_000; i++)
            {
                Assert.Equal($"{worker}/{i}", client.Echo($"{worker}/{i}"));
            }
        });

    [Fact]
    public async Task Call_manyAtOnceOfOneClient_areAnsweredInTheirOrder()
    {
        ConcurrentQueue<string> answered = [];
        Task[] calls = [.. Enumerable.Range(0, 100).Select(i => _client.CallAsync(
            "Echo",
            "s",
            (ref MessageWriter body) => body.WriteText($"{i}"),
            reply =>
            {
                answered.Enqueue(reply.GetBodyReader().ReadString());
                return true;
            }))];
        await Task.WhenAll(calls);

        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), answered);
    }

    [Theory]
    [InlineData("None", null, BusErrorNames.UnknownMethod)]
    [InlineData("Echo", null, BusErrorNames.InvalidArgs)]
    [InlineData("Refuse", null, "org.egressagent.Error.Busy")]
    [InlineData("Throw", null, BusErrorNames.Failed)]
    [InlineData("SlowThrow", null, BusErrorNames.Failed)]
    public void Call_refused_namesTheError(string method, string? signature, string error) =>
        Assert.Equal(error, _client.Refuse(method, signature, Nothing));

    [Theory]
    [InlineData("/none", "Introspect", "org.freedesktop.DBus.Introspectable", BusErrorNames.UnknownObject)]
    [InlineData("/org", "Get", "org.freedesktop.DBus.Properties", BusErrorNames.UnknownObject)]
    [InlineData(SampleService.ObjectPath, "GetManagedObjects", "org.freedesktop.DBus.ObjectManager", BusErrorNames.UnknownMethod)]
    [InlineData(SampleService.ObjectPath, "GetAll", "org.freedesktop.DBus.Properties", BusErrorNames.InvalidArgs)]
    [InlineData(SampleService.ObjectPath, "None", "org.freedesktop.DBus.Properties", BusErrorNames.UnknownMethod)]
    public void Call_standardInterface_refused_namesTheError(string path, string method, string @interface, string error) =>
        Assert.Equal(error, _client.Refuse(method, null, Nothing, path, @interface));

    [Theory]
    [InlineData("Get", "ss", SampleObject.InterfaceName, "None", BusErrorNames.UnknownProperty)]
    [InlineData("Get", "ss", "org.egressagent.None1", "State", BusErrorNames.UnknownProperty)]
    [InlineData("Get", "ss", SampleObject.InterfaceName, "Echo", BusErrorNames.UnknownProperty)]
    [InlineData("GetAll", "s", "org.egressagent.None1", null, BusErrorNames.UnknownInterface)]
    public void Properties_unknown_namesTheError(string method, string signature, string @interface, string? property, string error) =>
        Assert.Equal(
            error,
            _client.Refuse(
                method,
                signature,
                (ref MessageWriter body) =>
                {
                    body.WriteString(@interface);
                    if (property is not null)
                    {
                        body.WriteString(property);
                    }
                },
                @interface: "org.freedesktop.DBus.Properties"));

    [Fact]
    public void Set_isRefused() => Assert.Equal(
        BusErrorNames.PropertyReadOnly,
        _client.Refuse(
            "Set",
            "ssv",
            (ref MessageWriter body) =>
            {
                body.WriteString(SampleObject.InterfaceName);
                body.WriteString("State");
                body.WriteVariantString("off");
            },
            @interface: "org.freedesktop.DBus.Properties"));

    [Theory]
    [InlineData("org.freedesktop.DBus.Peer", 0)]
    [InlineData("org.freedesktop.DBus.Introspectable", 0)]
    [InlineData("org.freedesktop.DBus.Properties", 0)]
    [InlineData(SampleObject.InterfaceName, 6)]
    [InlineData("", 6)]
    public async Task GetAll_everyInterface_isAnswered(string @interface, int count) => Assert.Equal(
        count,
        await _client.CallAsync(
            "GetAll",
            "s",
            (ref MessageWriter body) => body.WriteString(@interface),
            reply => reply.GetBodyReader().ReadDictionaryOfStringToVariantValue().Count,
            @interface: "org.freedesktop.DBus.Properties"));

    [Fact]
    public async Task Call_withoutInterface_findsTheMember()
    {
        Assert.Equal("x", await _client.CallAsync(
            "Echo", "s", (ref MessageWriter body) => body.WriteText("x"), reply => reply.GetBodyReader().ReadString(), @interface: null));
        Assert.Equal(BusErrorNames.UnknownMethod, _client.Refuse("None", null, Nothing, @interface: null));
    }

    [Fact]
    public async Task SlowMethod_answeredFromAnotherThread_reachesTheCaller()
    {
        Task<string> call = CallLater(_client);
        TaskCompletionSource<BusBody> pending = _service.TakeLater();
        Assert.Equal("meanwhile", _client.Echo("meanwhile"));
        Assert.False(call.IsCompleted);

        pending.SetResult((ref MessageWriter reply) => reply.WriteText("now"));

        Assert.Equal("now", await call);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SlowMethod_failed_callerGetsTheError(bool fromTheWriter)
    {
        Task<string> call = CallLater(_client);
        TaskCompletionSource<BusBody> pending = _service.TakeLater();

        if (fromTheWriter)
        {
            pending.SetResult((ref MessageWriter reply) => throw new InvalidOperationException("secret"));
        }
        else
        {
            pending.SetException(new InvalidOperationException("secret"));
        }

        var failure = await Assert.ThrowsAsync<DBusErrorReplyException>(() => call);
        Assert.Equal(BusErrorNames.Failed, failure.ErrorName);
        Assert.DoesNotContain("secret", failure.Message);
    }

    [Fact]
    public async Task Calls_tooManyOfOneCaller_areRefusedAndOthersServed()
    {
        using var greedy = BusTestClient.Open(fixture.Daemon.Address);
        List<Task<string>> calls = [];
        for (int i = 0; i < BusConnection.MaxCallsPerSender; i++)
        {
            calls.Add(CallLater(greedy));
        }

        List<TaskCompletionSource<BusBody>> pending = [.. calls.Select(_ => _service.TakeLater())];
        Assert.Equal(BusErrorNames.LimitsExceeded, greedy.Refuse("Echo", "s", (ref MessageWriter body) => body.WriteText("x")));
        Assert.Equal("others", _client.Echo("others"));

        pending.ForEach(one => one.SetResult((ref MessageWriter reply) => reply.WriteText("done")));

        Assert.All(await Task.WhenAll(calls), text => Assert.Equal("done", text));
        Assert.Equal("again", greedy.Echo("again"));
    }

    [Fact]
    public void Calls_callersLeave_serviceForgetsThem()
    {
        for (int i = 0; i < 2 * BusConnection.MaxCalls / BusConnection.MaxCallsPerSender; i++)
        {
            using var impatient = BusTestClient.Open(fixture.Daemon.Address);
            for (int j = 0; j < BusConnection.MaxCallsPerSender; j++)
            {
                _ = CallLater(impatient).ContinueWith(call => call.Exception, TaskScheduler.Default);
            }

            for (int j = 0; j < BusConnection.MaxCallsPerSender; j++)
            {
                _service.TakeLater().SetResult((ref MessageWriter reply) => reply.WriteText("too late"));
            }
        }

        Assert.Equal("still here", _client.Echo("still here"));
    }

    [Fact]
    public async Task Property_isRefreshedForEveryWayToReadIt()
    {
        uint before = _service.Object.Refreshes;

        _client.GetText(SampleService.ObjectPath, "Sampled");
        await _client.CallAsync(
            "GetAll",
            "s",
            (ref MessageWriter body) => body.WriteString(SampleObject.InterfaceName),
            _ => true,
            @interface: "org.freedesktop.DBus.Properties");
        await _client.CallAsync("GetManagedObjects", null, Nothing, _ => true, SampleService.ManagerPath, "org.freedesktop.DBus.ObjectManager");
        _client.GetText(SampleService.ObjectPath, "State");

        Assert.Equal(before + 3, _service.Object.Refreshes);
    }

    [Fact]
    public void Signals_areReadInTheirOrder()
    {
        ConcurrentQueue<string> heard = [];
        using IDisposable subscription = _client.Subscribe("Renamed", heard.Enqueue);
        for (int i = 0; i < 300; i++)
        {
            string name = $"name{i}";
            _service.Bus.Post(new object(), connection => connection.EmitSignal(
                SampleService.ObjectPath, SampleObject.Interface, "Renamed", (ref MessageWriter body) =>
                {
                    body.WriteText(name);
                    body.WriteObjectPath("/");
                }));
        }

        Eventually.True("all signals", () => heard.Count == 300);
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"name{i}"), heard);
    }

    public void Dispose() => _client.Dispose();

    private static Task<string> CallLater(BusTestClient client) =>
        client.CallAsync("Later", null, Nothing, reply => reply.GetBodyReader().ReadString());
}
