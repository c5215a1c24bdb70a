using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Flows;

namespace EgressAgent.Engine.Tests.Flows;

public sealed class FlowChannelTests : IDisposable
{
    private static readonly byte[] Key = [.. Enumerable.Range(1, 32).Select(number => (byte)number)];

    private static readonly byte[] One = [.. "one"u8];

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public FlowChannelTests()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
    }

    private static CancellationToken End => TestContext.Current.CancellationToken;

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task Batches_arriveAsTheyWereSent()
    {
        (FlowChannel sender, FlowChannel receiver) = await Open(Key, Key);
        using (sender)
        using (receiver)
        {
            byte[] longest = new byte[FlowChannel.MaxLength];
            longest[^1] = 7;
            await sender.SendAsync(One, End);
            await sender.SendAsync(longest, End);

            Assert.Equal(One, await receiver.ReceiveAsync(End));
            Assert.Equal(longest, await receiver.ReceiveAsync(End));
        }
    }

    [Fact]
    public async Task Batch_thatIsSignedWithAnotherKey_isRefused()
    {
        byte[] other = [.. Key];
        other[31]++;
        (FlowChannel sender, FlowChannel receiver) = await Open(other, Key);
        using (sender)
        using (receiver)
        {
            await sender.SendAsync(One, End);

            await Assert.ThrowsAsync<InvalidDataException>(() => receiver.ReceiveAsync(End));
        }
    }

    [Fact]
    public async Task Batch_thatWasSentBefore_orOnAnotherConnection_isRefused()
    {
        (Socket wire, FlowChannel receiver) = await OpenRaw();
        (Socket otherWire, FlowChannel other) = await OpenRaw();
        using (wire)
        using (receiver)
        using (otherWire)
        using (other)
        {
            byte[] frame = await SeenOnTheWay(One, wire);
            await wire.SendAsync(frame, End);
            Assert.Equal(One, await receiver.ReceiveAsync(End));

            await wire.SendAsync(frame, End);
            await otherWire.SendAsync(frame, End);

            await Assert.ThrowsAsync<InvalidDataException>(() => receiver.ReceiveAsync(End));
            await Assert.ThrowsAsync<InvalidDataException>(() => other.ReceiveAsync(End));
        }
    }

    [Fact]
    public async Task Batch_ofMoreThanThereCanBe_isRefused_beforeItIsRead()
    {
        (Socket client, FlowChannel receiver) = await OpenRaw();
        using (client)
        using (receiver)
        {
            await client.SendAsync(new byte[] { 0x7f, 0xff, 0xff, 0xff }, End);

            await Assert.ThrowsAsync<InvalidDataException>(() => receiver.ReceiveAsync(End));
        }
    }

    [Fact]
    public async Task Whoever_saysSomethingElse_isToldNothing()
    {
        using Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(_listener.LocalEndPoint!, End);
        using Socket accepted = await _listener.AcceptAsync(End);
        await accepted.SendAsync("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"u8.ToArray(), End);

        await Assert.ThrowsAsync<InvalidDataException>(() => FlowChannel.OpenAsync(client, Key, End));
    }

    // Between a sender and the receiver at the other end of a wire.
    private async Task<byte[]> SeenOnTheWay(byte[] content, Socket wire)
    {
        using Socket member = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await member.ConnectAsync(_listener.LocalEndPoint!, End);
        using Socket between = await _listener.AcceptAsync(End);
        byte[] buffer = new byte[1024];
        await between.SendAsync(buffer.AsMemory(0, await wire.ReceiveAsync(buffer, End)), End);
        using FlowChannel sender = await FlowChannel.OpenAsync(member, Key, End);
        await sender.SendAsync(content, End);
        return buffer[..await between.ReceiveAsync(buffer, End)];
    }

    private async Task<(FlowChannel Sender, FlowChannel Receiver)> Open(byte[] senderKey, byte[] receiverKey)
    {
        Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(_listener.LocalEndPoint!, End);
        FlowChannel receiver = await FlowChannel.AcceptAsync(await _listener.AcceptAsync(End), receiverKey, End);
        return (await FlowChannel.OpenAsync(client, senderKey, End), receiver);
    }

    private async Task<(Socket Client, FlowChannel Receiver)> OpenRaw()
    {
        Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(_listener.LocalEndPoint!, End);
        return (client, await FlowChannel.AcceptAsync(await _listener.AcceptAsync(End), Key, End));
    }
}
