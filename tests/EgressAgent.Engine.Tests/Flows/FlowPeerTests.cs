using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Flows;
using EgressAgent.Testing;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Flows;

public sealed class FlowPeerTests : IDisposable
{
    private static readonly byte[] Key = new byte[32];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ConcurrentQueue<string?> _told = [];
    private readonly FakeTimeProvider _time = new();
    private readonly Socket _listener = Listen(0);
    private readonly FlowPeer _peer;

    public FlowPeerTests() => _peer = new FlowPeer(
        IPAddress.Loopback, Place, Key, () => FlowBatch.Whole(FlowBatchTests.Router, 7, [new FlowUpdate(FlowBatchTests.Flow(1), IsOver: false)]), _time, _told.Enqueue);

    private static CancellationToken End => TestContext.Current.CancellationToken;

    private IPEndPoint Place => (IPEndPoint)_listener.LocalEndPoint!;

    public void Dispose()
    {
        _peer.Dispose();
        _listener.Dispose();
    }

    [Fact]
    public async Task Node_isToldAll_andThenWhatChanges()
    {
        using FlowChannel channel = await Accept(_listener);
        FlowBatch all = await Receive(channel);
        _peer.Send(new FlowBatch(FlowBatchTests.Router, 7, IsWhole: false, [new FlowUpdate(FlowBatchTests.Flow(2), IsOver: false)]));
        FlowBatch change = await Receive(channel);

        Assert.Equal((true, 1), (all.IsWhole, (int)all.Updates[0].Flow.Id));
        Assert.Equal((false, 2), (change.IsWhole, (int)change.Updates[0].Flow.Id));
        Eventually.True("that it is told", () => _told.SequenceEqual([null]));
    }

    // Its agent was killed: nobody sends anything meanwhile.
    [Fact]
    public async Task Node_thatStartsAnew_isToldAllAgain_also_whenNothingChanges()
    {
        using (FlowChannel before = await Accept(_listener))
        {
            await Receive(before);
        }

        using FlowChannel now = await Accept(_listener);

        Assert.True((await Receive(now)).IsWhole);
    }

    [Fact]
    public async Task Node_thatDoesNotListenForLong_isNamed_andSoIsTheEnd()
    {
        using (FlowChannel before = await Accept(_listener))
        {
            await Receive(before);
        }

        IPEndPoint place = Place;
        _listener.Dispose();

        Eventually.True("why", () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return _told.LastOrDefault() is { } why && why.StartsWith($"{place} (TCP): Connection refused", StringComparison.Ordinal);
        });
        using Socket again = Listen(place.Port);
        using FlowChannel now = await Accept(again);
        await Receive(now);
        Eventually.True("the end", () => _told.Count == 3 && _told.Last() is null);
    }

    private static async Task<FlowBatch> Receive(FlowChannel channel) => FlowBatch.Read(await channel.ReceiveAsync(End));

    private static async Task<FlowChannel> Accept(Socket listener) => await FlowChannel.AcceptAsync(await listener.AcceptAsync(End).AsTask().WaitAsync(Patience, End), Key, End);

    private static Socket Listen(int port)
    {
        Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen();
        return listener;
    }
}
