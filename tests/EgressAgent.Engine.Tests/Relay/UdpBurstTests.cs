using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Sockets;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Relay;

/// <summary>Bursts that their sender gives to the kernel in one piece (UDP_SEGMENT), among single datagrams of any size.</summary>
public sealed class UdpBurstTests(RelayLab.Fixture fixture) : RelayTestBase(fixture)
{
    private const int Seed = 20261124;
    private const int Rounds = 150;

    // What a round sends must fit into default socket buffers.
    private const int MaxDatagrams = 48;
    private const int MaxBytes = 48 * 1024;

    private const int SolUdp = 17;
    private const int UdpSegment = 103;

    private readonly Random _random = new(Seed);

    [Theory]
    [InlineData("198.18.0.1", "198.18.0.2", "192.168.12.10", true)]
    [InlineData("fd96::1", "fd96::2", "fd12::10", true)]
    [InlineData("198.18.0.1", "198.18.0.2", "192.168.12.10", false)]
    [InlineData("fd96::1", "fd96::2", "fd12::10", false)]
    public void Datagrams_arrive_each_as_it_was_and_in_order(string from, string inside, string destination, bool usesSegmentation)
    {
        Start(new RelayOptions { UsesSegmentation = usesSegmentation });
        (Socket client, Socket server) = Pair(from, inside, destination);

        long bytes = Exchange(client, server, maxSegment: 1400);

        RelayFlow flow = Assert.Single(Relay.ListFlows());
        Assert.Equal((bytes, bytes), (flow.BytesToDestination, flow.BytesToClient));
        RelayCounters counters = Relay.ReadCounters().Single();
        Assert.Equal((1, bytes, bytes), (counters.Connections, counters.BytesToDestination, counters.BytesToClient));
    }

    [Theory]
    [InlineData("198.18.0.1", "198.18.0.2", "192.168.12.10")]
    [InlineData("fd96::1", "fd96::2", "fd12::10")]
    public void Burst_stays_in_one_piece_all_the_way(string from, string inside, string destination)
    {
        (Socket client, Socket server) = Pair(from, inside, destination);
        Assert.SkipUnless(NativeSocket.SetReceiveCoalesced((int)server.Handle).IsSuccess, "needs UDP_GRO");
        _ = NativeSocket.SetReceiveCoalesced((int)client.Handle);
        EndPoint peer = new IPEndPoint(server.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        byte[] payload = new byte[47_000];
        byte[] buffer = new byte[65536];

        SendBurst(client, null, payload, 1200);
        Assert.Equal(payload.Length, server.ReceiveFrom(buffer, ref peer));
        SendBurst(server, peer, payload, 1200);
        Assert.Equal(payload.Length, client.Receive(buffer));
    }

    [Theory]
    [InlineData("198.18.0.1", "198.18.0.2", "192.168.12.5")]
    [InlineData("198.18.0.5", "198.18.0.2", "192.168.12.10")]
    [InlineData("fd96::1", "fd96::2", "fd12::5")]
    [InlineData("fd96::5", "fd96::2", "fd12::10")]
    public void Bursts_that_do_not_fit_a_path_arrive_as_single_datagrams_do(string from, string inside, string destination)
    {
        (Socket client, Socket server) = Pair(from, inside, destination);

        Exchange(client, server, maxSegment: 1400);
    }

    [Theory]
    [InlineData("198.18.0.1", "198.18.0.2", "192.168.12.10")]
    [InlineData("fd96::1", "fd96::2", "fd12::10")]
    public void Burst_that_is_refused_is_reported_to_the_client_by_ICMP(string from, string inside, string destination)
    {
        (Socket client, Socket server) = Pair(from, inside, destination);
        server.Dispose();

        SendBurst(client, null, new byte[3000], 1000);

        var exception = Assert.Throws<SocketException>(() => client.Receive(new byte[1]));
        Assert.Equal(SocketError.ConnectionRefused, exception.SocketErrorCode);
        Eventually.True("it is counted", () => Relay.ReadCounters().Single().Unreachable > 0);
    }

    private (Socket Client, Socket Server) Pair(string from, string inside, string destination)
    {
        Socket server = Keep(RelayLab.UdpSocket(Lab.Server, IPAddress.Parse(destination)));
        server.Bind(new IPEndPoint(IPAddress.Parse(destination), 0));
        Assert.Empty(Apply(RelayLab.Plan(RelayLab.Udp(53, (IPEndPoint)server.LocalEndPoint!))));
        Socket client = Keep(RelayLab.UdpSocket(Lab.Client, IPAddress.Parse(inside)));
        client.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        client.Connect(IPAddress.Parse(inside), 53);
        return (client, server);
    }

    // Rounds there and back; each way carries the same.
    private long Exchange(Socket client, Socket server, int maxSegment)
    {
        long bytes = 0;
        EndPoint peer = new IPEndPoint(server.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        byte[] buffer = new byte[65536];
        for (int round = 0; round < Rounds; round++)
        {
            List<(byte[] Payload, int Segment)> sends = Draw(maxSegment);
            sends.ForEach(send => SendBurst(client, null, send.Payload, send.Segment));
            foreach (byte[] datagram in sends.SelectMany(Datagrams))
            {
                Assert.Equal(datagram, buffer[..server.ReceiveFrom(buffer, ref peer)]);
                bytes += datagram.Length;
            }

            sends.ForEach(send => SendBurst(server, peer, send.Payload, send.Segment));
            foreach (byte[] datagram in sends.SelectMany(Datagrams))
            {
                Assert.Equal(datagram, buffer[..client.Receive(buffer)]);
            }
        }

        return bytes;
    }

    private List<(byte[] Payload, int Segment)> Draw(int maxSegment)
    {
        List<(byte[], int)> sends = [];
        int usual = _random.Next(1, maxSegment + 1);
        for (int datagrams = 0, bytes = 0; datagrams < MaxDatagrams && bytes < MaxBytes;)
        {
            // Often the same size as before, so that neighbours can be joined.
            int size = _random.Next(4) switch
            {
                0 => _random.Next(0, 3000),
                1 => usual = _random.Next(1, maxSegment + 1),
                _ => usual,
            };
            int count = size == 0 || size > maxSegment ? 1 : _random.Next(1, Math.Min(MaxDatagrams - datagrams, (MaxBytes - bytes) / size) + 2);
            byte[] payload = new byte[(size * (count - 1)) + _random.Next(size == 0 ? 0 : 1, size + 1)];
            _random.NextBytes(payload);
            sends.Add((payload, size));
            datagrams += count;
            bytes += payload.Length;
        }

        return sends;
    }

    private static IEnumerable<byte[]> Datagrams((byte[] Payload, int Segment) send) =>
        send.Payload.Length == 0 ? [[]] : send.Payload.Chunk(send.Segment);

    private static void SendBurst(Socket socket, EndPoint? to, byte[] payload, int segment)
    {
        socket.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(payload.Length > segment ? segment : 0));
        Assert.Equal(payload.Length, to is null ? socket.Send(payload) : socket.SendTo(payload, to));
    }
}
