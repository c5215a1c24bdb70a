using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model.Redirecting;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Relay;

public sealed class UdpRelayTests(RelayLab.Fixture fixture) : RelayTestBase(fixture)
{
    [Theory]
    [InlineData("198.18.0.2", "192.168.12.10", "192.168.12.99")]
    [InlineData("fd96::2", "fd12::10", "fd12::99")]
    public void Rule_carries_datagrams_from_the_source_address_and_answers_from_the_dialled_port(
        string inside, string destination, string source)
    {
        Socket server = Keep(Serve(IPAddress.Parse(destination)));
        Relay.Apply(RelayLab.Plan(RelayLab.Udp(53, (IPEndPoint)server.LocalEndPoint!)));

        AssertAnswered(Keep(Dial(inside, 53)), server, source, count: 100);
    }

    [Theory]
    [InlineData("198.18.0.2", "192.168.12.10", "192.168.12.99")]
    [InlineData("fd96::2", "fd12::10", "fd12::99")]
    public void Fallback_takes_every_port_and_answers_from_it(string inside, string destination, string source)
    {
        Relay.Apply(RelayLab.PlanWithFallback());
        for (int round = 0; round < 3; round++)
        {
            Socket server = Keep(Serve(IPAddress.Parse(destination)));
            int port = ((IPEndPoint)server.LocalEndPoint!).Port;

            AssertAnswered(Keep(Dial(inside, port)), server, source, count: 20);
        }
    }

    [Fact]
    public void Rule_takes_a_port_over_from_the_fallback()
    {
        Relay.Apply(RelayLab.PlanWithFallback());
        Socket fallback = Keep(Serve(RelayLab.ServerAddress));
        ushort port = (ushort)((IPEndPoint)fallback.LocalEndPoint!).Port;
        Socket client = Keep(Dial("198.18.0.2", port));
        AssertAnswered(client, fallback, "192.168.12.99", count: 1);
        Socket server = Keep(Serve(RelayLab.ServerAddress));

        Assert.Empty(Apply(RelayLab.PlanWithFallback(RelayLab.Udp(port, (IPEndPoint)server.LocalEndPoint!))));
        AssertAnswered(client, server, "192.168.12.99", count: 1);

        Assert.Empty(Apply(RelayLab.PlanWithFallback()));
        AssertAnswered(client, fallback, "192.168.12.99", count: 1);
    }

    [Fact]
    public void Port_without_a_rule_is_refused_by_ICMP()
    {
        Relay.Apply(RelayLab.Plan(RelayLab.Udp(53, new IPEndPoint(RelayLab.ServerAddress, 53))));

        AssertRefused(Keep(Dial("198.18.0.2", 54)));
    }

    [Fact]
    public void Client_that_is_not_admitted_is_refused_by_ICMP()
    {
        RedirectPlan plan = RelayLab.Plan(RelayLab.Udp(53, new IPEndPoint(RelayLab.ServerAddress, 53)));
        Relay.Apply(plan with { Clients = [IPNetwork.Parse("10.0.0.0/8")] });

        AssertRefused(Keep(Dial("198.18.0.2", 53)));
    }

    [Theory]
    [InlineData("198.18.0.2", "192.168.12.10")]
    [InlineData("fd96::2", "fd12::10")]
    public void Destination_that_refuses_is_reported_to_the_client_by_ICMP(string inside, string destination)
    {
        Relay.Apply(RelayLab.Plan(RelayLab.Udp(53, new IPEndPoint(IPAddress.Parse(destination), 9))));

        AssertRefused(Keep(Dial(inside, 53)));
        Eventually.True("it is counted", () => Relay.ReadCounters().Single().Unreachable > 0);
    }

    [Fact]
    public void Sizes_from_nothing_to_the_largest_arrive_as_they_were()
    {
        Socket server = Keep(Serve(RelayLab.ServerAddress));
        Relay.Apply(RelayLab.Plan(RelayLab.Udp(53, (IPEndPoint)server.LocalEndPoint!)));
        Socket client = Keep(Dial("198.18.0.2", 53));
        byte[] buffer = new byte[65536];
        foreach (int size in (int[])[0, 1, 1472, 1473, 9000, 65507])
        {
            byte[] payload = new byte[size];
            Random.Shared.NextBytes(payload);
            client.Send(payload);
            EndPoint peer = new IPEndPoint(IPAddress.Any, 0);
            Assert.Equal(payload, buffer[..server.ReceiveFrom(buffer, ref peer)]);
            server.SendTo(payload, peer);
            Assert.Equal(payload, buffer[..client.Receive(buffer)]);
        }
    }

    [Fact]
    public void Idle_association_ends_and_the_next_datagram_makes_another()
    {
        Start(new RelayOptions { AssociationTimeout = TimeSpan.FromMilliseconds(300) });
        Socket server = Keep(Serve(RelayLab.ServerAddress));
        Relay.Apply(RelayLab.PlanWithFallback(RelayLab.Udp(53, (IPEndPoint)server.LocalEndPoint!)));
        Socket client = Keep(Dial("198.18.0.2", 53));
        Socket other = Keep(Dial("198.18.0.2", ((IPEndPoint)server.LocalEndPoint!).Port));
        AssertAnswered(client, server, "192.168.12.99", count: 1);
        AssertAnswered(other, server, "192.168.12.99", count: 1);

        Eventually.True("the associations end", () => Relay.ListFlows().Count == 0);

        AssertAnswered(client, server, "192.168.12.99", count: 1);
        AssertAnswered(other, server, "192.168.12.99", count: 1);
        Assert.Equal(2, Relay.ReadCounters().Single(counters => counters.Rule is not null).Connections);
    }

    [Fact]
    public void Association_beyond_the_cap_takes_the_place_of_the_oldest()
    {
        Start(new RelayOptions { MaxAssociations = 2 });
        Socket server = Keep(Serve(RelayLab.ServerAddress));
        Relay.Apply(RelayLab.Plan(RelayLab.Udp(53, (IPEndPoint)server.LocalEndPoint!)));
        Socket[] clients = [.. Enumerable.Range(0, 3).Select(_ => Keep(Dial("198.18.0.2", 53)))];

        foreach (Socket client in clients)
        {
            AssertAnswered(client, server, "192.168.12.99", count: 1);
        }

        Assert.Equal(
            clients[1..].Select(client => ((IPEndPoint)client.LocalEndPoint!).Port).Order(),
            Relay.ListFlows().Select(flow => flow.Client.Port).Order());
    }

    [Fact]
    public void Flow_that_is_cut_begins_again_once_connection_tracking_has_forgotten_it()
    {
        Socket server = Keep(Serve(RelayLab.ServerAddress));
        Relay.Apply(RelayLab.Plan(RelayLab.Udp(53, (IPEndPoint)server.LocalEndPoint!)));
        Socket client = Keep(Dial("198.18.0.2", 53));
        Socket other = Keep(Dial("198.18.0.2", 53));
        AssertAnswered(client, server, "192.168.12.99", count: 1);
        var local = (IPEndPoint)client.LocalEndPoint!;
        ConntrackTuple original = new(17, local.Address, IPAddress.Parse("192.0.2.7")) { SourcePort = (ushort)local.Port, DestinationPort = 53 };
        ConntrackTuple reply = new(17, IPAddress.Parse("198.18.0.2"), local.Address) { SourcePort = 53, DestinationPort = (ushort)local.Port };

        Relay.Cut([new ConntrackEntry(original, reply)], areForgotten: false);

        client.Send("too early"u8);
        AssertAnswered(other, server, "192.168.12.99", count: 1);
        Assert.Equal([((IPEndPoint)other.LocalEndPoint!).Port], Relay.ListFlows().Select(flow => flow.Client.Port));
        Relay.Cut([new ConntrackEntry(original, reply)], areForgotten: true);
        AssertAnswered(client, server, "192.168.12.99", count: 1);
    }

    private Socket Dial(string inside, int port) => Dial(IPAddress.Parse(inside), port);

    private Socket Serve(IPAddress address)
    {
        Socket server = RelayLab.UdpSocket(Lab.Server, address);
        server.Bind(new IPEndPoint(address, 0));
        return server;
    }

    private Socket Dial(IPAddress inside, int port)
    {
        Socket client = RelayLab.UdpSocket(Lab.Client, inside);
        client.Connect(inside, port);
        return client;
    }

    private static void AssertAnswered(Socket client, Socket server, string source, int count)
    {
        byte[] buffer = new byte[16];
        for (int index = 0; index < count; index++)
        {
            client.Send(BitConverter.GetBytes(index));
            EndPoint peer = new IPEndPoint(server.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
            Assert.Equal(4, server.ReceiveFrom(buffer, ref peer));
            Assert.Equal(IPAddress.Parse(source), ((IPEndPoint)peer).Address);
            server.SendTo(BitConverter.GetBytes(-index), peer);

            // The client is connected: it hears answers from the dialled address and port only.
            Assert.Equal(4, client.Receive(buffer));
            Assert.Equal(-index, BitConverter.ToInt32(buffer));
        }
    }

    private static void AssertRefused(Socket client)
    {
        var exception = Assert.Throws<SocketException>(() =>
        {
            client.Send([1]);
            client.Receive(new byte[1]);
        });
        Assert.Equal(SocketError.ConnectionRefused, exception.SocketErrorCode);
    }
}
