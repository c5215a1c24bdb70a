using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Sockets;
using EgressAgent.Testing;

namespace EgressAgent.Linux.Tests.Sockets;

/// <summary>Over loopback, which keeps joined what was sent joined: client → entry, whence the batch sends on → exit → server.</summary>
public sealed class DatagramBatchTests : IDisposable
{
    private const int Seed = 20261124;
    private const int Capacity = 128;

    // So small that what is on its way fits into default socket buffers.
    private const int MaxSize = 1200;
    private const int UsualSize = 700;
    private const int SolUdp = 17;
    private const int UdpSegment = 103;

    private readonly List<Socket> _open = [];

    [Theory]
    [InlineData(new[] { 100, 100, 100 }, new[] { 300 })]
    [InlineData(new[] { 100, 100, 30 }, new[] { 230 })]
    [InlineData(new[] { 100, 30, 30 }, new[] { 130, 30 })]
    [InlineData(new[] { 30, 100, 100 }, new[] { 30, 200 })]
    [InlineData(new[] { 100, 101 }, new[] { 100, 101 })]
    [InlineData(new[] { 100, 100, 0, 100, 100 }, new[] { 200, 0, 200 })]
    [InlineData(new[] { 0, 0 }, new[] { 0, 0 })]
    [InlineData(new[] { 22000, 22000, 22000 }, new[] { 44000, 22000 })]
    [InlineData(new[] { 65507, 1 }, new[] { 65507, 1 })]
    public void Neighbours_of_one_size_and_a_shorter_one_leave_as_one_message(int[] sizes, int[] expected) =>
        Assert.Equal(expected, MessagesOf(sizes, DatagramBatch.JoinAll));

    [Fact]
    public void Message_has_at_most_64_datagrams() =>
        Assert.Equal([64, 36], MessagesOf([.. Enumerable.Repeat(1, 100)], DatagramBatch.JoinAll));

    [Theory]
    [InlineData(DatagramBatch.JoinAll, new[] { 6400, 1600 })]
    [InlineData(100, new[] { 6400, 1600 })]
    public void Bursts_are_cut_and_joined_at_64(int limit, int[] expected) =>
        Assert.Equal(expected, MessagesOf([4000, 4000], limit, segment: 100));

    [Theory]
    [InlineData(DatagramBatch.JoinNone, new[] { 100, 100, 200, 200 })]
    [InlineData(199, new[] { 200, 200, 200 })]
    [InlineData(200, new[] { 200, 400 })]
    public void Limit_is_the_largest_size_that_is_joined(int limit, int[] expected) =>
        Assert.Equal(expected, MessagesOf([100, 100, 200, 200], limit));

    [Fact]
    public void What_the_kernel_refuses_to_take_apart_leaves_one_by_one()
    {
        using var batch = new DatagramBatch(Capacity);
        Fill(batch, [200, 200, 100, 100, 100]);
        (Socket exit, Socket server) = Exit(IPAddress.Loopback);

        // Without checksums there is nothing to compute anew for each datagram, and the kernel does not try: SO_NO_CHECK, udp(7).
        exit.SetRawSocketOption(1, 11, BitConverter.GetBytes(1));
        int limit = DatagramBatch.JoinAll;
        int bytes = ForwardAll(batch, 5, exit, ref limit);

        Assert.Equal(700, bytes);
        Assert.Equal(99, limit);
        Assert.Equal([200, 200, 100, 100, 100], Lengths(server, 5));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void Content_and_order_are_kept_whatever_is_joined(string loopback)
    {
        var address = IPAddress.Parse(loopback);
        var random = new Random(Seed);
        using var batch = new DatagramBatch(8);
        Socket entry = Bound(address);
        Assert.SkipUnless(NativeSocket.SetReceiveCoalesced((int)entry.Handle).IsSuccess, "needs UDP_GRO");
        Socket client = Connected(address, entry);
        (Socket exit, Socket server) = Exit(address);
        byte[] buffer = new byte[65536];
        for (int round = 0; round < 500; round++)
        {
            List<byte[]> sent = [.. Enumerable.Range(0, random.Next(1, 7)).SelectMany(_ => SendBurst(client, random))];
            int limit = random.Next(3) switch
            {
                0 => DatagramBatch.JoinNone,
                1 => random.Next(1, MaxSize),
                _ => DatagramBatch.JoinAll,
            };
            int before = limit;
            for (int rest = sent.Sum(datagram => datagram.Length); rest > 0;)
            {
                Assert.True(entry.Poll(TimeSpan.FromSeconds(10), SelectMode.SelectRead));
                rest -= ForwardAll(batch, batch.Receive((int)entry.Handle).Value, exit, ref limit);
            }

            foreach (byte[] datagram in sent)
            {
                Assert.Equal(datagram, buffer[..server.Receive(buffer)]);
            }

            Assert.Equal(before, limit);
        }
    }

    public void Dispose() => _open.ForEach(socket => socket.Dispose());

    // The datagrams that one call of send(2) makes.
    private static byte[][] SendBurst(Socket client, Random random)
    {
        int size = random.Next(3) == 0 ? random.Next(1, MaxSize) : UsualSize;
        byte[] payload = new byte[(random.Next(1, 13) * size) - random.Next(0, size)];
        random.NextBytes(payload);
        client.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(payload.Length > size ? size : 0));
        client.Send(payload);
        return [.. payload.Chunk(size)];
    }

    // The lengths of the messages as which datagrams of these sizes leave.
    private int[] MessagesOf(int[] sizes, int limit, int segment = 0)
    {
        using var batch = new DatagramBatch(Capacity);
        (Socket exit, Socket server) = Exit(IPAddress.Loopback);
        Assert.SkipUnless(NativeSocket.SetReceiveCoalesced((int)server.Handle).IsSuccess, "needs UDP_GRO");
        Fill(batch, sizes, segment);

        Assert.Equal(sizes.Sum(), ForwardAll(batch, sizes.Length, exit, ref limit));

        // The end of the list is a message that nothing else here is like.
        exit.Send("the end"u8);
        byte[] buffer = new byte[65536];
        List<int> lengths = [];
        while (true)
        {
            int length = server.Receive(buffer);
            if (buffer.AsSpan(0, length).SequenceEqual("the end"u8))
            {
                return [.. lengths];
            }

            lengths.Add(length);
        }
    }

    // Not always do they all come before they are looked for.
    private void Fill(DatagramBatch batch, int[] sizes, int segment = 0) => Eventually.True("all of them in one batch", () =>
    {
        Socket entry = Bound(IPAddress.Loopback);
        Socket client = Connected(IPAddress.Loopback, entry);
        if (segment > 0)
        {
            _ = NativeSocket.SetReceiveCoalesced((int)entry.Handle);
            client.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(segment));
        }

        Array.ForEach(sizes, size => client.Send(new byte[size]));
        return batch.Receive((int)entry.Handle) is { IsError: false } received && received.Value == sizes.Length;
    });

    private static int ForwardAll(DatagramBatch batch, int count, Socket exit, ref int limit)
    {
        int bytes = 0;
        var range = new DatagramRange(0, count);
        while (!range.IsEmpty)
        {
            IoResult sent = batch.Forward((int)exit.Handle, ref range, ref limit);
            Assert.True(sent.Errno.IsSuccess, sent.Errno.ToString());
            bytes += sent.Value;
        }

        return bytes;
    }

    private static int[] Lengths(Socket server, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => server.Receive(new byte[65536]))];

    private (Socket Exit, Socket Server) Exit(IPAddress address)
    {
        Socket server = Bound(address);
        return (Connected(address, server), server);
    }

    private Socket Bound(IPAddress address)
    {
        Socket socket = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 10_000 };
        _open.Add(socket);
        socket.Bind(new IPEndPoint(address, 0));
        return socket;
    }

    private Socket Connected(IPAddress address, Socket peer)
    {
        Socket socket = Bound(address);
        socket.Connect(peer.LocalEndPoint!);
        return socket;
    }
}
