using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Relay;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Relay;

public sealed class TcpRelayTests(RelayLab.Fixture fixture) : RelayTestBase(fixture)
{
    private static readonly byte[] Hello = "hello"u8.ToArray();

    [Fact]
    public void Rule_carries_data_both_ways_from_the_source_address()
    {
        (Socket client, Socket server) = ConnectPair();

        Echo(client, server, Hello);
        Echo(server, client, Hello);

        Assert.Equal(RelayLab.Source, ((IPEndPoint)server.RemoteEndPoint!).Address);
    }

    [Fact]
    public void Rule_of_IPv6_is_carried_from_the_IPv6_source_address()
    {
        Socket listener = Keep(Lab.Listen(RelayLab.ServerAddress6));
        Relay.Apply(RelayLab.Plan(RelayLab.Tcp(80, (IPEndPoint)listener.LocalEndPoint!)));

        Socket client = Keep(Lab.Connect(80, RelayLab.Inside6));
        Socket server = Keep(listener.Accept());

        Echo(client, server, Hello);
        Assert.Equal(RelayLab.Source6, ((IPEndPoint)server.RemoteEndPoint!).Address);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Port_without_a_rule_is_refused_in_the_handshake(bool steering)
    {
        Start(new RelayOptions { UsesSteering = steering });
        ConnectPair(port: 8080);

        var exception = Assert.Throws<SocketException>(() => Lab.Connect(8081));
        Assert.Equal(SocketError.ConnectionRefused, exception.SocketErrorCode);
    }

    [Fact]
    public void Port_without_steering_is_carried_all_the_same()
    {
        Start(new RelayOptions { UsesSteering = false });
        (Socket client, Socket server) = ConnectPair();
        Echo(client, server, Hello);

        ValueList<PlanProblem> shortfalls = Apply(RelayLab.PlanWithFallback());
        Assert.Contains("sk_lookup", shortfalls[0].Message);
    }

    // A read ends before the urgent byte, and nothing tells that there is more.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Urgent_byte_is_passed_on_in_its_place_and_holds_nothing_up(bool fromClient)
    {
        byte[] around = new byte[1 << 20];
        Random.Shared.NextBytes(around);
        (Socket client, Socket server) = ConnectPair();
        (Socket from, Socket to) = fromClient ? (client, server) : (server, client);
        for (int round = 0; round < 100; round++)
        {
            byte[] expected = round % 10 == 9 ? [.. around, (byte)'!', .. around] : [.. around[..100], (byte)'!', .. around[100..200]];
            int urgent = expected.Length / 2;
            var sender = new Thread(() =>
            {
                from.Send(expected.AsSpan(0, urgent));
                from.Send(expected.AsSpan(urgent, 1), SocketFlags.OutOfBand);
                from.Send(expected.AsSpan(urgent + 1));
            });
            sender.Start();
            byte[] received = new byte[expected.Length];
            to.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.OutOfBandInline, true);
            ReadExactly(to, received);
            sender.Join();

            Assert.Equal(expected, received);
        }
    }

    [Fact]
    public void Fallback_takes_every_port_and_keeps_it()
    {
        Socket listener = Keep(Lab.Listen());
        int port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        Assert.Empty(Apply(RelayLab.PlanWithFallback()));

        Socket client = Keep(Lab.Connect(port));
        Socket server = Keep(listener.Accept());

        Echo(client, server, Hello);
        RelayFlow flow = Assert.Single(Relay.ListFlows());
        Assert.Null(flow.Rule);
        Assert.Equal(listener.LocalEndPoint, flow.Destination);
        Assert.Equal(new IPEndPoint(RelayLab.Inside, port), flow.Inside);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Client_that_is_not_admitted_is_turned_away(bool steering)
    {
        Start(new RelayOptions { UsesSteering = steering });
        Socket listener = Keep(Lab.Listen());
        RedirectPlan plan = RelayLab.Plan(RelayLab.Tcp(80, (IPEndPoint)listener.LocalEndPoint!));
        Relay.Apply(plan with { Clients = [IPNetwork.Parse("198.18.0.3/32"), IPNetwork.Parse("10.0.0.0/8")] });

        Socket admitted = Keep(RelayLab.TcpSocket(Lab.Client, RelayLab.Inside));
        admitted.Bind(new IPEndPoint(IPAddress.Parse("198.18.0.3"), 0));
        admitted.Connect(RelayLab.Inside, 80);
        Echo(admitted, Keep(listener.Accept()), Hello);

        Assert.Throws<SocketException>(() => Lab.Connect(80).Receive(new byte[1]));
    }

    [Fact]
    public void Destination_that_refuses_resets_the_client()
    {
        Relay.Apply(RelayLab.Plan(RelayLab.Tcp(80, new IPEndPoint(RelayLab.ServerAddress, 9))));

        AssertReset(Keep(Lab.Connect(80)));

        Assert.Equal(1, Relay.ReadCounters().Single().Refused);
        Eventually.True("the connection ends", () => Relay.ConnectionCount == 0);
    }

    [Fact]
    public void Destination_without_a_route_resets_the_client()
    {
        Relay.Apply(RelayLab.Plan(RelayLab.Tcp(80, new IPEndPoint(RelayLab.Unreachable, 9))));

        AssertReset(Keep(Lab.Connect(80)));

        Assert.Equal(1, Relay.ReadCounters().Single().Unreachable);
    }

    [Fact]
    public void Destination_that_stays_silent_resets_the_client_after_the_timeout()
    {
        Start(new RelayOptions { ConnectTimeout = TimeSpan.FromMilliseconds(300) });
        Relay.Apply(RelayLab.Plan(RelayLab.Tcp(80, new IPEndPoint(RelayLab.BlackHole, 9))));

        AssertReset(Keep(Lab.Connect(80)));

        Assert.Equal(1, Relay.ReadCounters().Single().TimedOut);
    }

    [Fact]
    public void Source_address_that_is_missing_is_never_replaced_by_another()
    {
        Socket listener = Keep(Lab.Listen());
        RedirectPlan plan = RelayLab.Plan(RelayLab.Tcp(80, (IPEndPoint)listener.LocalEndPoint!));
        Relay.Apply(plan with { Families = [RelayLab.Family(RelayLab.Inside, IPAddress.Parse("192.168.12.77"))] });

        AssertReset(Keep(Lab.Connect(80)));

        Assert.False(listener.Poll(0, SelectMode.SelectRead));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Half_close_passes_and_the_other_direction_goes_on(bool clientFirst)
    {
        (Socket client, Socket server) = ConnectPair();
        (Socket first, Socket second) = clientFirst ? (client, server) : (server, client);

        first.Send(Hello);
        first.Shutdown(SocketShutdown.Send);
        ReadExactly(second, new byte[Hello.Length]);
        Assert.Equal(0, second.Receive(new byte[1]));

        Echo(second, first, Hello);
        Eventually.True("half-closed", () => Relay.ListFlows().Single().State == RelayFlowState.HalfClosed);
        second.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, first.Receive(new byte[1]));
        Eventually.True("the connection ends", () => Relay.ConnectionCount == 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Reset_passes_to_the_other_side(bool byClient)
    {
        (Socket client, Socket server) = ConnectPair();
        (Socket first, Socket second) = byClient ? (client, server) : (server, client);
        Echo(first, second, Hello);

        first.LingerState = new LingerOption(true, 0);
        first.Close();

        AssertReset(second);
        Eventually.True("the connection ends", () => Relay.ConnectionCount == 0);
    }

    [Fact]
    public void Silent_peers_of_a_connection_that_lasts_are_probed()
    {
        (Socket client, Socket server) = ConnectPair();
        Echo(client, server, Hello);

        Eventually.True("both sides are", () => Lab.RouterHost.Check("ss", "-Htno", "state", "established")
            .Split('\n').Count(line => line.Contains("timer:(keepalive,", StringComparison.Ordinal)) == 2);
    }

    [Fact]
    public void Idle_connection_ends_after_the_idle_timeout()
    {
        Start(new RelayOptions { IdleTimeout = TimeSpan.FromMilliseconds(300) });
        (Socket client, Socket server) = ConnectPair();
        Echo(client, server, Hello);

        AssertReset(client);
        AssertReset(server);
    }

    [Fact]
    public void Peer_that_does_not_read_holds_up_nobody_else()
    {
        Start(RelayOptions.Default, threads: 1);
        (Socket stuckClient, Socket stuckServer) = ConnectPair(port: 80);
        stuckServer.Blocking = false;
        byte[] chunk = new byte[1 << 20];
        long sent = 0;
        for (int idle = 0; idle < 20;)
        {
            int count = stuckServer.Poll(10_000, SelectMode.SelectWrite) ? stuckServer.Send(chunk) : 0;
            sent += count;
            idle = count == 0 ? idle + 1 : 0;
        }

        RedirectPlan plan = RelayLab.Plan(RelayLab.Tcp(80, (IPEndPoint)stuckServer.LocalEndPoint!));
        (Socket client, Socket server) = ConnectPair(port: 81, plan);
        Echo(client, server, Hello);
        Echo(server, client, Hello);

        // The stuck one loses nothing either.
        ReadExactly(stuckClient, new byte[sent]);
    }

    [Fact]
    public void Flow_list_and_counters_tell_the_connection()
    {
        (Socket client, Socket server) = ConnectPair();
        Echo(client, server, Hello);
        Echo(server, client, [1, 2]);

        Eventually.True("bytes are counted", () => Relay.ListFlows().Single().BytesToClient == 2);
        RelayFlow flow = Relay.ListFlows().Single();
        Assert.Equal(client.LocalEndPoint, flow.Client);
        Assert.Equal(new IPEndPoint(RelayLab.Inside, 8080), flow.Inside);
        Assert.Equal(server.RemoteEndPoint, flow.Source);
        Assert.Equal(server.LocalEndPoint, flow.Destination);
        Assert.Equal(RelayFlowState.Established, flow.State);
        Assert.Equal(Hello.Length, flow.BytesToDestination);
        RelayCounters counters = Relay.ReadCounters().Single();
        Assert.Equal((1, Hello.Length, 2), (counters.Connections, counters.BytesToDestination, counters.BytesToClient));
    }
}
