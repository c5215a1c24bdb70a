using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Sockets;
using EgressAgent.Linux.Systemd;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Engine.Tests.Relay;

public sealed class SctpRelayTests : RelayTestBase
{
    private const ushort Port = 2905;

    private static readonly byte[] Hello = "hello"u8.ToArray();

    public SctpRelayTests(RelayLab.Fixture fixture)
        : base(fixture) => Requires.SctpSockets();

    [Fact]
    public void Rule_carries_messages_both_ways_from_the_source_address()
    {
        (SctpSocket client, SctpSocket server) = Associate();

        client.Send(Hello);
        Assert.Equal(Hello, server.Receive()!.Value.Message);
        server.Send(Hello);
        Assert.Equal(Hello, client.Receive()!.Value.Message);

        Assert.Equal(RelayLab.Source, server.Remote!.Address);
        RelayFlow flow = Assert.Single(Relay.ListFlows());
        Assert.Equal(
            (TransportProtocol.SCTP, client.Local, server.Remote, RelayFlowState.Established, 5, 5),
            (flow.Protocol, flow.Client, flow.Source, flow.State, flow.BytesToDestination, flow.BytesToClient));
        Assert.Equal(1, Relay.ReadCounters().Single().Connections);
    }

    [Fact]
    public void Association_for_which_no_port_is_left_is_a_refusal_at_a_limit()
    {
        SctpSocket listener = Keep(SctpSocket.Listen(Lab.Server, new IPEndPoint(RelayLab.ServerAddress, Port)));
        RedirectPlan plan = RelayLab.Plan(Rule(listener.Local));
        Assert.Empty(Apply(plan));
        string range = Lab.RouterHost.Check("sysctl", "-n", "net.ipv4.ip_local_port_range").Trim();
        Lab.RouterHost.Check("sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40001");
        try
        {
            for (int client = 0; client < 3; client++)
            {
                Keep(SctpSocket.Connect(Lab.Client, new IPEndPoint(RelayLab.Inside, Port)));
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
    public void Rule_of_IPv6_is_carried_from_the_IPv6_source_address()
    {
        SctpSocket listener = Keep(SctpSocket.Listen(Lab.Server, new IPEndPoint(RelayLab.ServerAddress6, Port)));
        Assert.Empty(Apply(RelayLab.Plan(Rule(listener.Local))));
        SctpSocket client = Keep(SctpSocket.Connect(Lab.Client, new IPEndPoint(RelayLab.Inside6, Port)));
        SctpSocket server = Keep(listener.Accept());

        client.Send(Hello);

        Assert.Equal(Hello, server.Receive()!.Value.Message);
        Assert.Equal(RelayLab.Source6, server.Remote!.Address);
    }

    [Fact]
    public void Messages_keep_their_bounds_streams_and_payload_protocols()
    {
        (SctpSocket client, SctpSocket server) = Associate();
        var random = new Random(20261124);
        (byte[] Message, SctpMessageInfo Info)[] messages =
        [
            .. Enumerable.Range(0, 300).Select(index =>
            {
                // Around the relay's buffer as well as in one packet.
                byte[] message = new byte[index % 10 == 0 ? random.Next(32_000, 34_000) : random.Next(1, 2000)];
                random.NextBytes(message);
                return (message, new SctpMessageInfo((ushort)random.Next(16), (uint)random.Next(), false));
            }),
        ];
        var sender = new Thread(() => Array.ForEach(messages, message => client.Send(message.Message, message.Info)));
        sender.Start();

        // Order is kept within a stream.
        ILookup<ushort, (byte[] Message, SctpMessageInfo Info)> received =
            messages.Select(_ => server.Receive()!.Value).ToLookup(message => message.Info.Stream);

        sender.Join();
        foreach (IGrouping<ushort, (byte[] Message, SctpMessageInfo Info)> sent in messages.GroupBy(message => message.Info.Stream))
        {
            Assert.Equal(sent.Select(message => (Convert.ToHexString(message.Message), message.Info)),
                received[sent.Key].Select(message => (Convert.ToHexString(message.Message), message.Info)));
        }
    }

    [Fact]
    public void Unordered_message_stays_unordered()
    {
        (SctpSocket client, SctpSocket server) = Associate();

        client.Send(Hello, new SctpMessageInfo(3, 0, IsUnordered: true));

        Assert.Equal(new SctpMessageInfo(3, 0, IsUnordered: true), server.Receive()!.Value.Info);
    }

    [Theory]
    [InlineData(100_000)]
    [InlineData(SctpConnection.MaxMessage)]
    public void Long_message_arrives_whole(int length)
    {
        (SctpSocket client, SctpSocket server) = Associate();
        byte[] message = new byte[length];
        new Random(length).NextBytes(message);
        var sender = new Thread(() =>
        {
            client.Send(message);
            client.Send(Hello);
        });
        sender.Start();

        Assert.True(server.Receive()!.Value.Message.AsSpan().SequenceEqual(message));
        Assert.Equal(Hello, server.Receive()!.Value.Message);
        sender.Join();
    }

    [Fact]
    public void Message_that_is_too_long_ends_the_association()
    {
        (SctpSocket client, SctpSocket server) = Associate();

        client.Send(new byte[SctpConnection.MaxMessage + 1]);

        AssertAborted(server);
        AssertAborted(client);
    }

    [Theory]
    [InlineData(10, 16, 10)]
    [InlineData(300, 16, 16)]
    [InlineData(300, 300, 256)]
    public void Streams_are_those_that_both_sides_allow(int ofClient, int ofServer, int expected)
    {
        (SctpSocket _, SctpSocket server) = Associate((ushort)ofClient, (ushort)ofServer);

        Assert.Equal(((ushort)expected, (ushort)expected), server.Streams);
    }

    [Fact]
    public void Message_on_a_stream_that_the_destination_does_not_allow_ends_the_association()
    {
        (SctpSocket client, SctpSocket server) = Associate(streams: 16, serverStreams: 4);
        Assert.Equal(16, client.Streams.Outbound);

        client.Send(Hello, new SctpMessageInfo(4, 0, false));

        AssertAborted(client);
        AssertAborted(server);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Shutdown_of_one_side_ends_the_other_after_all_is_delivered(bool ofClient)
    {
        (SctpSocket client, SctpSocket server) = Associate();
        (SctpSocket leaver, SctpSocket other) = ofClient ? (client, server) : (server, client);
        for (int count = 0; count < 100; count++)
        {
            leaver.Send([(byte)count]);
        }

        leaver.Shutdown();

        for (int count = 0; count < 100; count++)
        {
            Assert.Equal([(byte)count], other.Receive()!.Value.Message);
        }

        Assert.Null(other.Receive());
        Eventually.True("the flow ends", () => Relay.ConnectionCount == 0);
    }

    [Fact]
    public void Answer_to_a_client_that_has_shut_down_takes_nothing_from_what_it_sent()
    {
        // More than the server's socket has room for: it is not told the end before it has read on, and can answer until then.
        const int Length = 4000;
        (SctpSocket client, SctpSocket server) = Associate();
        for (int count = 0; count < 100; count++)
        {
            client.Send([(byte)count, .. new byte[Length - 1]]);
        }

        Assert.Equal(0, server.Receive()!.Value.Message[0]);
        client.Shutdown();
        server.Send(Hello);

        for (int count = 1; count < 100; count++)
        {
            byte[] message = server.Receive()!.Value.Message;
            Assert.Equal((count, Length), (message[0], message.Length));
        }

        Assert.Null(server.Receive());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Abort_of_one_side_aborts_the_other(bool ofClient)
    {
        (SctpSocket client, SctpSocket server) = Associate();
        (SctpSocket leaver, SctpSocket other) = ofClient ? (client, server) : (server, client);

        leaver.Abort();

        AssertAborted(other);
        Eventually.True("the flow ends", () => Relay.ConnectionCount == 0);
    }

    [Fact]
    public void Peer_that_does_not_read_stops_the_sender_and_loses_nothing()
    {
        (SctpSocket client, SctpSocket server) = Associate();
        const int Count = 2000;
        byte[] message = new byte[1000];
        int sent = 0;
        var sender = new Thread(() =>
        {
            for (int number = 0; number < Count; number++)
            {
                BitConverter.TryWriteBytes(message, number);
                client.Send(message);
                Volatile.Write(ref sent, number);
            }
        });
        sender.Start();

        // Two megabytes do not fit into what the sockets on the way hold.
        (int, long) before = default;
        Eventually.True("the sender has to wait", () =>
        {
            (int, long) now = (Volatile.Read(ref sent), Relay.ListFlows().Single().BytesToDestination);
            bool stands = client.IsBlocked && now == before;
            before = now;
            return stands;
        });
        for (int number = 0; number < Count; number++)
        {
            Assert.Equal(number, BitConverter.ToInt32(server.Receive()!.Value.Message));
        }

        sender.Join();
    }

    [Fact]
    public void Destination_that_refuses_aborts_the_client()
    {
        Assert.Empty(Apply(RelayLab.Plan(Rule(new IPEndPoint(RelayLab.ServerAddress, 9)))));

        AssertRefused();

        Assert.Equal(1, Relay.ReadCounters().Single().Refused);
    }

    [Fact]
    public void Destination_that_stays_silent_aborts_the_client_after_the_timeout()
    {
        Start(new RelayOptions { ConnectTimeout = TimeSpan.FromMilliseconds(300) });
        Assert.Empty(Apply(RelayLab.Plan(Rule(new IPEndPoint(RelayLab.BlackHole, 9)))));

        AssertRefused();

        Assert.Equal(1, Relay.ReadCounters().Single().TimedOut);
    }

    [Fact]
    public void Client_that_is_not_admitted_is_turned_away()
    {
        SctpSocket listener = Keep(SctpSocket.Listen(Lab.Server, new IPEndPoint(RelayLab.ServerAddress, Port)));
        Relay.Apply(RelayLab.Plan(Rule(listener.Local)) with { Clients = [IPNetwork.Parse("10.0.0.0/8")] });

        AssertRefused();
    }

    [Fact]
    public void Rule_that_goes_takes_its_associations_and_its_port_along()
    {
        (SctpSocket client, SctpSocket server) = Associate();

        Assert.Empty(Apply(RelayLab.Plan()));

        AssertAborted(client);
        AssertAborted(server);
        Assert.Equal(Errno.ECONNREFUSED, AssertRefused());
    }

    [Fact]
    public void Edit_of_another_rule_does_not_disturb_an_association()
    {
        (SctpSocket client, SctpSocket server) = Associate();

        // The same port of another protocol is another place.
        Assert.Empty(Apply(RelayLab.Plan(
            Rule(new IPEndPoint(RelayLab.ServerAddress, Port)), RelayLab.Tcp(Port, new IPEndPoint(RelayLab.ServerAddress, 9)))));
        Assert.Empty(Apply(RelayLab.Plan(Rule(new IPEndPoint(RelayLab.ServerAddress, Port)))));

        client.Send(Hello);
        Assert.Equal(Hello, server.Receive()!.Value.Message);
        Assert.Equal(
            SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => Lab.Connect(Port)).SocketErrorCode);
    }

    // During the handshake or right after it.
    private Errno AssertRefused()
    {
        Errno errno = Assert.Throws<LinuxException>(
            () => Keep(SctpSocket.Connect(Lab.Client, new IPEndPoint(RelayLab.Inside, Port))).Receive()).Errno;
        Assert.Contains(errno, (Errno[])[Errno.ECONNREFUSED, Errno.ECONNRESET]);
        return errno;
    }

    // What an earlier process left. No service manager is told of anything here.
    [Fact]
    public void Client_that_waits_in_a_kept_listener_is_served()
    {
        SctpSocket listener = Keep(SctpSocket.Listen(Lab.Server, new IPEndPoint(RelayLab.ServerAddress, Port)));
        FileHandle kept = Lab.Router.Run(() => Engine.Relay.Listener.Open(
            TransportProtocol.SCTP, new SocketEndpoint(RelayLab.Inside, Port), RelayOptions.Default)).Handle;
        SctpSocket client = Keep(SctpSocket.Connect(Lab.Client, new IPEndPoint(RelayLab.Inside, Port)));
        client.Send(Hello);
        DescriptorStore store = Keep(new DescriptorStore(
            [new PassedDescriptor($"relay/{Lab.Router.Id.Inode}/sctp4/{Port}", kept)], exception => Assert.Fail(exception.Message)));
        Start(RelayOptions.Default, kept: new KeptSockets(store, Lab.Router.Id));

        Assert.Empty(Apply(RelayLab.Plan(Rule(listener.Local))));

        Assert.Empty(store.ForgetUntaken());
        Assert.Equal(Hello, Keep(listener.Accept()).Receive()!.Value.Message);
    }

    [Fact]
    public void Content_is_intact_over_many_associations_that_end_in_every_way()
    {
        const int Seed = 20261124;
        const int Associations = 60;
        SctpSocket listener = Keep(SctpSocket.Listen(Lab.Server, new IPEndPoint(RelayLab.ServerAddress, Port)));
        Assert.Empty(Apply(RelayLab.Plan(Rule(listener.Local))));
        for (int number = 0; number < Associations; number++)
        {
            var random = new Random(Seed + number);
            SctpSocket client = Keep(SctpSocket.Connect(Lab.Client, new IPEndPoint(RelayLab.Inside, Port)));
            SctpSocket server = Keep(listener.Accept());
            (SctpSocket from, SctpSocket to) = random.Next(2) == 0 ? (client, server) : (server, client);
            for (int count = random.Next(1, 20); count > 0; count--)
            {
                byte[] message = new byte[random.Next(20) == 0 ? random.Next(1, 60_000) : random.Next(1, 3000)];
                random.NextBytes(message);
                from.Send(message);
                Assert.Equal(Convert.ToHexString(message), Convert.ToHexString(to.Receive()!.Value.Message));
                (from, to) = random.Next(3) == 0 ? (to, from) : (from, to);
            }

            if (random.Next(2) == 0)
            {
                from.Abort();
                AssertAborted(to);
            }
            else
            {
                from.Dispose();
                Assert.Null(to.Receive());
            }
        }

        Eventually.True("all associations end", () => Relay.ConnectionCount == 0);
        Assert.Equal(Associations, Relay.ReadCounters().Single().Connections);
    }

    private static RedirectRuleSpec Rule(IPEndPoint to) => new(TransportProtocol.SCTP, Port, to.Address, (ushort)to.Port);

    private static void AssertAborted(SctpSocket socket)
    {
        Errno errno = Assert.Throws<LinuxException>(() => socket.Receive()).Errno;
        Assert.Equal(Errno.ECONNRESET, errno);
    }

    private (SctpSocket Client, SctpSocket Server) Associate(ushort streams = 16, ushort serverStreams = 16)
    {
        SctpSocket listener = Keep(SctpSocket.Listen(Lab.Server, new IPEndPoint(RelayLab.ServerAddress, Port), serverStreams));
        ValueList<PlanProblem> shortfalls = Apply(RelayLab.Plan(Rule(listener.Local)));
        Assert.Empty(shortfalls);
        SctpSocket client = Keep(SctpSocket.Connect(Lab.Client, new IPEndPoint(RelayLab.Inside, Port), streams));
        return (client, Keep(listener.Accept()));
    }
}
