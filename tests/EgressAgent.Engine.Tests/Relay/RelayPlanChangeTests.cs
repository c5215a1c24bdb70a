using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Relay;

public sealed class RelayPlanChangeTests(RelayLab.Fixture fixture) : RelayTestBase(fixture)
{
    private static readonly byte[] Hello = "hello"u8.ToArray();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Change_cuts_the_flows_of_rules_that_went_and_no_others(bool steering)
    {
        Start(new RelayOptions { UsesSteering = steering });
        (Socket kept, Socket keptServer) = ConnectPair(80);
        RedirectRuleSpec rule = RelayLab.Tcp(80, (IPEndPoint)keptServer.LocalEndPoint!);
        (Socket cut, Socket cutServer) = ConnectPair(81, RelayLab.Plan(rule));

        Assert.Empty(Apply(RelayLab.Plan(rule)));

        AssertReset(cut);
        AssertReset(cutServer);
        Echo(kept, keptServer, Hello);
        Echo(keptServer, kept, Hello);
        Assert.Throws<SocketException>(() => Lab.Connect(81));
    }

    [Fact]
    public void Rule_with_a_new_destination_serves_new_connections_there_at_once()
    {
        (Socket before, Socket _) = ConnectPair(80);
        Socket listener = Keep(Lab.Listen());

        Relay.Apply(RelayLab.Plan(RelayLab.Tcp(80, (IPEndPoint)listener.LocalEndPoint!)));

        AssertReset(before);
        Socket after = Keep(Lab.Connect(80));
        Echo(after, Keep(listener.Accept()), Hello);
    }

    [Fact]
    public void Rule_for_a_port_of_the_fallback_takes_it_over()
    {
        Socket fallback = Keep(Lab.Listen());
        ushort port = (ushort)((IPEndPoint)fallback.LocalEndPoint!).Port;
        Relay.Apply(RelayLab.PlanWithFallback());
        Socket listener = Keep(Lab.Listen());

        Relay.Apply(RelayLab.PlanWithFallback(RelayLab.Tcp(port, (IPEndPoint)listener.LocalEndPoint!)));

        Echo(Keep(Lab.Connect(port)), Keep(listener.Accept()), Hello);
        Relay.Apply(RelayLab.PlanWithFallback());
        Echo(Keep(Lab.Connect(port)), Keep(fallback.Accept()), Hello);
    }

    [Fact]
    public void Client_that_is_no_longer_admitted_is_cut()
    {
        (Socket client, Socket server) = ConnectPair(80);
        RedirectPlan plan = RelayLab.Plan(RelayLab.Tcp(80, (IPEndPoint)server.LocalEndPoint!));

        Relay.Apply(plan with { Clients = [IPNetwork.Parse("10.0.0.0/8")] });

        AssertReset(client);
        Assert.Throws<SocketException>(() => Lab.Connect(80));
        Relay.Apply(plan);
        Keep(Lab.Connect(80));
    }

    [Fact]
    public void Change_that_the_kernel_refuses_in_the_middle_loses_nothing_that_was_carried()
    {
        (Socket client, Socket server) = ConnectPair(80);
        Echo(client, server, Hello);
        Relay.ListFlows();
        RelayTotals carried = Relay.ReadTotals();
        Assert.Equal(Hello.Length, carried.BytesToDestination);
        RedirectPlan plan = RelayLab.Plan() with { Clients = [IPNetwork.Parse("198.18.0.0/16")] };

        Assert.Throws<LinuxException>(() => SystemCallFaults.Run(1, Errno.ENOMEM, () => Relay.Apply(plan)));

        Assert.Equal(carried, Relay.ReadTotals());
        AssertReset(client);
        Assert.Empty(Apply(plan));
        Assert.Equal(carried, Relay.ReadTotals());
    }

    [Fact]
    public void What_the_kernel_refused_in_the_middle_is_what_is_tried_again()
    {
        Socket listener = Keep(Lab.Listen());
        var destination = (IPEndPoint)listener.LocalEndPoint!;
        var unserved = new RedirectRuleSpec(TransportProtocol.SCTP, 80, destination.Address, 80);
        Assert.Single(Apply(RelayLab.Plan(unserved, RelayLab.Tcp(80, destination))));
        RedirectPlan plan = RelayLab.Plan(unserved, RelayLab.Tcp(81, destination)) with { Clients = [IPNetwork.Parse("198.18.0.0/16")] };

        // The first call asks whether there is SCTP.
        Assert.Throws<LinuxException>(() => SystemCallFaults.Run(2, Errno.ENOMEM, () => Relay.Apply(plan)));

        Relay.Retry();

        Echo(Keep(Lab.Connect(81)), Keep(listener.Accept()), Hello);
        Assert.Throws<SocketException>(() => Lab.Connect(80));
    }

    [Fact]
    public void Ten_thousand_rules_are_served_by_one_listener()
    {
        Socket listener = Keep(Lab.Listen());
        var destination = (IPEndPoint)listener.LocalEndPoint!;
        RedirectRuleSpec[] rules = [.. Enumerable.Range(1, 10_000).Select(port => RelayLab.Tcp((ushort)port, destination))];
        int before = Directory.GetFiles("/proc/self/fd").Length;

        Assert.Empty(Apply(RelayLab.Plan(rules)));

        // What earlier tests left to the garbage collector may be closed meanwhile.
        Assert.InRange(Directory.GetFiles("/proc/self/fd").Length - before, int.MinValue, 50);
        Echo(Keep(Lab.Connect(9_999)), Keep(listener.Accept()), Hello);
        Assert.Throws<SocketException>(() => Lab.Connect(10_001));
    }

    [Fact]
    public void Rule_that_cannot_be_served_is_reported_and_the_others_work()
    {
        Socket listener = Keep(Lab.Listen());
        var destination = (IPEndPoint)listener.LocalEndPoint!;
        var sctp = new RedirectRuleSpec(TransportProtocol.SCTP, 80, destination.Address, 80);

        ValueList<PlanProblem> shortfalls = Apply(RelayLab.Plan(sctp, RelayLab.Tcp(80, destination)));

        PlanProblem shortfall = Assert.Single(shortfalls);
        Assert.Equal(
            NativeSocket.ProbeSctp().IsSuccess ? PlanReasons.PortInUse : PlanReasons.NotSupportedByDatapath, shortfall.Reason);
        Assert.StartsWith("80/SCTP is not served: ", shortfall.Message);
        Echo(Keep(Lab.Connect(80)), Keep(listener.Accept()), Hello);
    }

    [Fact]
    public void Port_that_somebody_held_is_served_once_it_is_free()
    {
        Socket listener = Keep(Lab.Listen());
        Start(new RelayOptions { UsesSteering = false });
        Socket other = Keep(RelayLab.TcpSocket(Lab.Router, RelayLab.Inside));
        other.Bind(new IPEndPoint(RelayLab.Inside, 80));
        other.Listen();
        PlanProblem shortfall = Assert.Single(Apply(RelayLab.Plan(RelayLab.Tcp(80, (IPEndPoint)listener.LocalEndPoint!))));
        Assert.Equal(PlanReasons.PortInUse, shortfall.Reason);
        Assert.StartsWith("80/TCP is not served: ", shortfall.Message);
        Assert.False(Relay.Retry());

        other.Dispose();

        Assert.True(Relay.Retry());
        Assert.Empty(Relay.Shortfalls);
        Echo(Keep(Lab.Connect(80)), Keep(listener.Accept()), Hello);
    }

    [Fact]
    public async Task Drain_refuses_new_connections_and_waits_for_the_established()
    {
        (Socket client, Socket server) = ConnectPair(80);

        Assert.False(await Relay.DrainAsync(TimeSpan.FromMilliseconds(50), isSucceeded: false, TestContext.Current.CancellationToken));
        Assert.Throws<SocketException>(() => Lab.Connect(80));
        Echo(client, server, Hello);

        Task<bool> drained = Relay.DrainAsync(TimeSpan.FromSeconds(10), isSucceeded: false, TestContext.Current.CancellationToken);
        client.Close();
        Assert.Equal(0, server.Receive(new byte[1]));
        server.Close();
        Assert.True(await drained);
    }

    [Fact]
    public void Dispose_cuts_what_is_left()
    {
        (Socket client, Socket server) = ConnectPair(80);

        Relay.Dispose();

        AssertReset(client);
        AssertReset(server);
    }
}
