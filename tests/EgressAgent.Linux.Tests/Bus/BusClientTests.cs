using EgressAgent.Linux.Bus;

namespace EgressAgent.Linux.Tests.Bus;

/// <summary>Our client against our service, over a real dbus-daemon: correct calls, hostile calls, many calls.</summary>
public sealed class BusClientTests(BusFixture fixture) : IClassFixture<BusFixture>, IDisposable
{
    private readonly SampleService _service = fixture.Service;
    private readonly BusClient _client = BusClient.Open(fixture.Daemon.Address);

    [Fact]
    public void Open_noBus_saysWhy()
    {
        var failure = Assert.Throws<LinuxException>(() => BusClient.Open("unix:path=/nonexistent/bus"));

        Assert.Equal(Errno.ENOENT, failure.Errno);
        Assert.Contains("/nonexistent/bus", failure.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("unix:nothing=here")]
    public void Open_malformedAddress_isRefused(string address) => Assert.Throws<LinuxException>(() => BusClient.Open(address));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1 << 20)]
    public void Call_textOfAnyLength_isEchoed(int length)
    {
        string text = new('x', length);

        Assert.Equal(text, Echo(_client, text));
    }

    [Fact]
    public void Call_hundredThousandElements_areRead()
    {
        const int Count = 100_000;

        (ulong Sum, uint Count) reply = _client.Call(
            SampleService.Target,
            "Sum",
            body =>
            {
                body.OpenArray("t");
                for (ulong i = 0; i < Count; i++)
                {
                    body.WriteUInt64(i);
                }

                body.Close();
            },
            body => (body.ReadUInt64(), body.ReadUInt32()));

        Assert.Equal(((ulong)Count * (Count - 1) / 2, (uint)Count), reply);
    }

    [Fact]
    public void Call_manyFromManyClients_areAllAnswered() => Parallel.For(
        0,
        4,
        worker =>
        {
            using BusClient client = BusClient.Open(fixture.Daemon.Address);
            for (int i = 0; i < 1_000; i++)
            {
                Assert.Equal($"{worker}/{i}", Echo(client, $"{worker}/{i}"));
            }
        });

    [Theory]
    [InlineData(SampleService.Name, "None", BusErrorNames.UnknownMethod)]
    [InlineData(SampleService.Name, "Echo", BusErrorNames.InvalidArgs)]
    [InlineData(SampleService.Name, "Refuse", "org.egressagent.Error.Busy")]
    [InlineData(SampleService.Name, "Throw", BusErrorNames.Failed)]
    [InlineData("org.egressagent.Nobody", "Echo", BusErrorNames.ServiceUnknown)]
    public void Call_refused_throwsTheErrorByName(string destination, string method, string error)
    {
        var failure = Assert.Throws<BusException>(() => CallEmpty(SampleService.Target with { Destination = destination }, method));

        Assert.Equal(error, failure.Name);
    }

    [Fact]
    public void Call_replyOfAnotherType_isInvalidArgs()
    {
        var failure = Assert.Throws<BusException>(
            () => _client.Call(SampleService.Target, "WhoAmI", _ => { }, reply => reply.ReadUInt32()));

        Assert.Equal(BusErrorNames.InvalidArgs, failure.Name);
        Assert.Equal("Expected 'u' but found 's'.", failure.Message);
    }

    [Fact]
    public void Call_readBeyondTheEnd_isInvalidArgs()
    {
        var failure = Assert.Throws<BusException>(() => _client.Call(
            SampleService.Target, "Echo", body => body.WriteString("x"), reply => reply.ReadString() + reply.ReadString()));

        Assert.Equal(BusErrorNames.InvalidArgs, failure.Name);
        Assert.Equal("Expected 's' but nothing is left.", failure.Message);
    }

    [Fact]
    public void Call_textWithNul_isRefusedBeforeItIsSent() =>
        Assert.Throws<ArgumentException>(() => Echo(_client, "a\0b"));

    [Fact]
    public void Call_malformedPath_isRefusedBeforeItIsSent() =>
        Assert.Throws<LinuxException>(() => CallEmpty(SampleService.Target with { Path = "no/path" }, "Refuse"));

    [Fact]
    public void GetProperty_declared_returnsItsValue() => Assert.Equal(
        ["192.0.2.1", "2001:db8::1"],
        _client.GetProperty(SampleService.Target, "Addresses", "as", value => value.ReadStrings()));

    [Fact]
    public async Task Defer_answeredFromAnotherThread_reachesTheCaller()
    {
        Task<string> call = Task.Run(() => _client.Call(SampleService.Target, "Later", _ => { }, reply => reply.ReadString()));
        BusDeferredReply deferred = _service.TakeDeferred();
        Assert.False(call.IsCompleted);

        deferred.Complete(reply => reply.WriteString("now"));

        Assert.Equal("now", await call);
        Assert.Throws<InvalidOperationException>(() => deferred.Fail(new InvalidOperationException()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Defer_failed_callerGetsTheError(bool byWrongType)
    {
        Task<string> call = Task.Run(() => _client.Call(SampleService.Target, "Later", _ => { }, reply => reply.ReadString()));
        BusDeferredReply deferred = _service.TakeDeferred();

        if (byWrongType)
        {
            deferred.Complete(reply => reply.WriteUInt32(1));
        }
        else
        {
            deferred.Fail(new InvalidOperationException("secret"));
        }

        Assert.Equal(BusErrorNames.Failed, (await Assert.ThrowsAsync<BusException>(() => call)).Name);
    }

    [Fact]
    public void Defer_callersLeave_serviceGoesOnAndLimitsThem()
    {
        const int CallsEach = 64;

        // The bus itself lets one caller wait for 128 replies at most.
        for (int i = 0; i < BusConnection.MaxDeferredReplies; i += CallsEach)
        {
            using var impatient = BusClient.Open(fixture.Daemon.Address, TimeSpan.FromMilliseconds(1));
            for (int j = 0; j < CallsEach; j++)
            {
                Assert.Equal(BusErrorNames.Timeout, Assert.Throws<BusException>(() => CallLater(impatient)).Name);
            }
        }

        Assert.Equal(BusErrorNames.LimitsExceeded, Assert.Throws<BusException>(() => CallLater(_client)).Name);
        for (int i = 0; i < BusConnection.MaxDeferredReplies; i++)
        {
            _service.TakeDeferred().Complete(reply => reply.WriteString("too late"));
        }

        Assert.Equal("still here", Echo(_client, "still here"));
        _service.Do(connection => Assert.Equal(0, connection.DeferredReplies));
    }

    [Fact]
    public void Subscribe_signal_isReadInOrder()
    {
        using BusSubscription renamed = _client.Subscribe(SampleService.Target, "Renamed");
        for (int i = 0; i < 3; i++)
        {
            string name = $"name{i}";
            _service.Do(connection => connection.EmitSignal(SampleService.ObjectPath, SampleObject.Interface, "Renamed", body =>
            {
                body.WriteString(name);
                body.WriteObjectPath("/");
            }));
        }

        for (int i = 0; i < 3; i++)
        {
            Assert.True(renamed.TryRead(SampleService.Deadline, body => body.ReadString(), out string? from));
            Assert.Equal($"name{i}", from);
        }

        Assert.False(renamed.TryRead(TimeSpan.Zero, body => body.ReadString(), out _));
    }

    public void Dispose() => _client.Dispose();

    private static string Echo(BusClient client, string text) => client.Call(
        SampleService.Target, "Echo", body => body.WriteString(text), reply => reply.ReadString());

    private static string CallLater(BusClient client) => client.Call(SampleService.Target, "Later", _ => { }, reply => reply.ReadString());

    private bool CallEmpty(BusTarget target, string method) => _client.Call(target, method, _ => { }, _ => true);
}
