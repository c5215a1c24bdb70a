using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Model.Redirecting;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Relay;

public sealed class RelayLimitTests(RelayLab.Fixture fixture) : RelayTestBase(fixture)
{
    private static readonly byte[] Hello = "hello"u8.ToArray();

    /// <param name="left">How many descriptors there are; a connection takes two.</param>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void Out_of_descriptors_new_connections_wait_and_established_ones_go_on(int left)
    {
        (Socket client, Socket server) = ConnectPair(80);
        Echo(client, server, Hello);
        Socket listener = Keep(Lab.Listen());
        Relay.Apply(RelayLab.Plan(
            RelayLab.Tcp(80, (IPEndPoint)server.LocalEndPoint!), RelayLab.Tcp(81, (IPEndPoint)listener.LocalEndPoint!)));
        Socket[] waiting = [.. Enumerable.Range(0, 20).Select(_ => Keep(RelayLab.TcpSocket(Lab.Client, RelayLab.Inside)))];
        long limit = DescriptorLimit.Current;
        try
        {
            // Descriptors below the highest one in use may be free, so they are used up first.
            DescriptorLimit.Set(Directory.GetFiles("/proc/self/fd").Max(path => int.Parse(Path.GetFileName(path))) + 1);
            List<Socket> fillers = FillDescriptors();
            fillers.TakeLast(left).ToList().ForEach(filler => filler.Dispose());
            foreach (Socket socket in waiting)
            {
                socket.Connect(RelayLab.Inside, 81);
            }

            Eventually.True("that they wait is told", () => Relay.Saturation.IsAny);
            Assert.DoesNotContain(waiting, socket => socket.Poll(0, SelectMode.SelectRead));
            Echo(client, server, Hello);
            Echo(server, client, new byte[500_000]);
            fillers.ForEach(filler => filler.Dispose());
        }
        finally
        {
            DescriptorLimit.Set(limit);
        }

        foreach (Socket socket in waiting)
        {
            Socket accepted = Keep(listener.Accept());
            accepted.Send(Hello);
        }

        Assert.All(waiting, socket => ReadExactly(socket, new byte[Hello.Length]));
    }

    [Fact]
    public void Connection_beyond_the_maximum_waits_until_one_ends()
    {
        Start(new RelayOptions { MaxConnections = 2 });
        (Socket first, Socket firstServer) = ConnectPair(80);
        Socket listener = Keep(Lab.Listen());
        Relay.Apply(RelayLab.Plan(
            RelayLab.Tcp(80, (IPEndPoint)firstServer.LocalEndPoint!), RelayLab.Tcp(81, (IPEndPoint)listener.LocalEndPoint!)));
        Keep(Lab.Connect(81));
        Keep(listener.Accept());
        Assert.Empty(Relay.Saturation.Texts);
        Socket third = Keep(Lab.Connect(81));
        third.Send(Hello);
        Assert.False(listener.Poll(400_000, SelectMode.SelectRead));
        Eventually.True("that it waits is told", () => Relay.Saturation.IsAny);
        Assert.Contains("2 connections are open", Assert.Single(Relay.Saturation.Texts));

        first.Close();
        firstServer.Close();

        Socket accepted = Keep(listener.Accept());
        ReadExactly(accepted, new byte[Hello.Length]);
    }

    [Fact]
    public void Datagram_for_which_no_port_is_left_is_a_refusal_at_a_limit()
    {
        RedirectPlan plan = RelayLab.Plan(RelayLab.Udp(53, new IPEndPoint(RelayLab.ServerAddress, 9)));
        Relay.Apply(plan);
        string range = Lab.RouterHost.Check("sysctl", "-n", "net.ipv4.ip_local_port_range").Trim();
        Lab.RouterHost.Check("sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40001");
        try
        {
            for (int client = 0; client < 3; client++)
            {
                SendDatagram();
            }

            Eventually.True("no port is left", () => Relay.Saturation.PortFailures == 1);
        }
        finally
        {
            Lab.RouterHost.Check("sysctl", "-qw", $"net.ipv4.ip_local_port_range={range}");
        }

        Assert.Equal(1ul, RelayTraffic.Read(plan, Relay).LimitRefusals);
    }

    [Fact]
    public void Source_address_that_is_missing_is_no_limit()
    {
        Socket listener = Keep(Lab.Listen());
        var destination = (IPEndPoint)listener.LocalEndPoint!;
        RedirectPlan plan = RelayLab.Plan(RelayLab.Tcp(80, destination), RelayLab.Udp(53, destination)) with
        {
            Families = [RelayLab.Family(RelayLab.Inside, IPAddress.Parse("192.168.12.77"))],
        };
        Relay.Apply(plan);

        SendDatagram();
        AssertReset(Keep(Lab.Connect(80)));
        Relay.ListFlows();

        Assert.Equal((0ul, 0ul), (RelayTraffic.Read(plan, Relay).LimitRefusals, RelayTraffic.Read(plan, Relay).PortFailures));
    }

    [Fact]
    public void Connection_outlives_a_time_in_which_every_packet_is_lost()
    {
        (Socket client, Socket server) = ConnectPair(80);
        Echo(client, server, Hello);
        Lab.RouterHost.Check("nft", "add table inet loss");
        try
        {
            Lab.RouterHost.Check("nft", "add chain inet loss out { type filter hook output priority 0; oifname net1 drop; }");
            client.Send(Hello);
            Assert.False(server.Poll(300_000, SelectMode.SelectRead));
        }
        finally
        {
            Lab.RouterHost.Check("nft", "delete table inet loss");
        }

        ReadExactly(server, new byte[Hello.Length]);
        Echo(server, client, Hello);
    }

    [Fact]
    public void Connection_whose_packets_are_all_lost_ends_for_its_client_when_TCP_gives_up()
    {
        (Socket client, Socket server) = ConnectPair(80);
        Echo(client, server, Hello);
        string retries = Lab.RouterHost.Check("sysctl", "-n", "net.ipv4.tcp_retries2").Trim();
        Lab.RouterHost.Check("sysctl", "-qw", "net.ipv4.tcp_retries2=2");
        Lab.RouterHost.Check("nft", "add table inet loss");
        try
        {
            Lab.RouterHost.Check("nft", "add chain inet loss out { type filter hook output priority 0; oifname net1 drop; }");
            client.Send(Hello);
            AssertReset(client);
        }
        finally
        {
            Lab.RouterHost.Check("nft", "delete table inet loss");
            Lab.RouterHost.Check("sysctl", "-qw", $"net.ipv4.tcp_retries2={retries}");
        }

        Eventually.True("the connection ends", () => Relay.ConnectionCount == 0);
    }

    private void SendDatagram()
    {
        Socket client = Keep(RelayLab.UdpSocket(Lab.Client, RelayLab.Inside));
        client.Connect(RelayLab.Inside, 53);
        client.Send(Hello);
    }

    private static List<Socket> FillDescriptors()
    {
        var fillers = new List<Socket>();
        try
        {
            while (true)
            {
                fillers.Add(new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
            }
        }
        catch (SocketException)
        {
            return fillers;
        }
    }
}
