using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Relay;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Relay;

/// <summary>What sockets have no room for, against the counters of the kernel.</summary>
public sealed class DropWatchTests(RelayLab.Fixture fixture) : RelayTestBase(fixture)
{
    [Theory]
    [InlineData("198.18.0.2")]
    [InlineData("fd96::2")]
    public void Datagrams_that_come_to_a_full_socket_are_told_until_two_looks_found_none(string inside)
    {
        var address = IPAddress.Parse(inside);
        Socket full = Keep(RelayLab.UdpSocket(Lab.Router, address));
        full.ReceiveBufferSize = 0;
        full.Bind(new IPEndPoint(address, 5000));
        DropWatch watch = new(Lab.Router, () => 0);
        Socket client = Keep(RelayLab.UdpSocket(Lab.Client, address));
        Assert.False(watch.Look());
        for (int sent = 0; sent < 50; sent++)
        {
            client.SendTo(new byte[1000], new IPEndPoint(address, 5000));
        }

        // The kernel may bring them a moment after they were sent.
        Eventually.True("it is told", watch.Look);

        Assert.Matches("^[0-9]+ UDP datagrams were dropped, as the relay's sockets were full .*CPUWeight", Assert.Single(watch.Texts));
        Eventually.True("it is over", () => watch.Look() && watch.Texts.Count == 0);
    }

    [Fact]
    public void Connections_that_come_to_a_full_queue_are_told()
    {
        Socket listener = Keep(RelayLab.TcpSocket(Lab.Router, RelayLab.Inside));
        listener.Bind(new IPEndPoint(RelayLab.Inside, 0));
        listener.Listen(1);
        DropWatch watch = new(Lab.Router, () => 0);
        for (int client = 0; client < 5; client++)
        {
            Socket socket = Keep(RelayLab.TcpSocket(Lab.Client, RelayLab.Inside));
            socket.Blocking = false;
            Assert.Throws<SocketException>(() => socket.Connect(listener.LocalEndPoint!));
        }

        Eventually.True("it is told", watch.Look);

        Assert.Matches("^[0-9]+ packets of new TCP connections were dropped, .*net.core.somaxconn is [0-9]+", Assert.Single(watch.Texts));
    }

    [Fact]
    public void Datagrams_that_a_link_does_not_take_are_counted_each()
    {
        const int size = 1000;
        const int count = 40;
        Start(new RelayOptions { UsesSegmentation = false });
        DropWatch watch = new(Lab.Router, () => (ulong)Relay.Saturation.Unsent);
        Relay.Apply(RelayLab.Plan(RelayLab.Udp(53, new IPEndPoint(RelayLab.ServerAddress, 9))));
        Lab.RouterHost.Check("tc", "qdisc", "add", "dev", "net1", "root", "tbf", "rate", "8kbit", "burst", "1600", "limit", "3000");
        try
        {
            Socket client = Keep(RelayLab.UdpSocket(Lab.Client, RelayLab.Inside));
            for (int sent = 0; sent < count; sent++)
            {
                client.SendTo(new byte[size], new IPEndPoint(RelayLab.Inside, 53));
            }

            Eventually.True(
                "each is sent on or counted",
                () => (Relay.ReadCounters().Sum(counters => counters.BytesToDestination) / size) + Relay.Saturation.Unsent == count);
        }
        finally
        {
            Lab.RouterHost.Check("tc", "qdisc", "delete", "dev", "net1", "root");
        }

        Assert.InRange(Relay.Saturation.Unsent, 1, count - 1);
        Assert.True(watch.Look());
        Assert.Contains($"{Relay.Saturation.Unsent} UDP datagrams were dropped, as the link", Assert.Single(watch.Texts));
    }
}
