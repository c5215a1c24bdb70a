using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests;

/// <summary>
/// What clients, destinations and neighbours of the documented example observe, whoever built it. Runs against a router made by hand,
/// which proves the lab and the expectations, and against the agent.
/// </summary>
public abstract class RedirectContract
{
    // How long the absence of an answer is waited for.
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(300);

    protected abstract EgressLab Lab { get; }

    [Theory]
    [InlineData(8080, "203.0.113.26:80")]
    [InlineData(8443, "203.0.113.27:443")]
    public void Tcp_rule_reaches_its_destination_from_the_reserved_address(int port, string target)
    {
        ProbeResult result = Lab.Node.ProbeTcp(EgressLab.InsideAddress, port);

        Assert.Equal((ProbeOutcome.Answered, EgressLab.ReservedAddress, target), (result.Outcome, result.SeenSource, result.SeenTarget));
    }

    [Fact]
    public void Udp_rule_reaches_its_destination_from_the_reserved_address()
    {
        ProbeResult result = Lab.Node.ProbeUdp(EgressLab.InsideAddress, 80);

        Assert.Equal(
            (ProbeOutcome.Answered, EgressLab.ReservedAddress, "10.0.0.99:80"), (result.Outcome, result.SeenSource, result.SeenTarget));
    }

    [Fact]
    public void Destination_sees_the_nodes_own_address_without_the_router()
    {
        Assert.Equal(EgressLab.NodeAddress, Lab.Node.ProbeTcp("203.0.113.26", 80).SeenSource);
        Assert.Equal(EgressLab.NodeAddress, Lab.Node.ProbeUdp("10.0.0.99", 80).SeenSource);
    }

    [Fact]
    public void Undefined_tcp_port_is_refused_at_once() => AtOnce.AssertRefusesTcp(Lab.Node, EgressLab.InsideAddress, 9999);

    [Fact]
    public void Undefined_udp_port_is_refused_at_once() => AtOnce.AssertRefusesUdp(Lab.Node, EgressLab.InsideAddress, 9999);

    [Fact]
    public void Port_of_a_rule_is_undefined_in_the_other_protocol()
    {
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 80).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeUdp(EgressLab.InsideAddress, 8080).Outcome);
    }

    [Fact]
    public void Only_the_reserved_address_appears_on_the_lan()
    {
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);

        Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080);
        Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8443);
        Lab.Node.ProbeUdp(EgressLab.InsideAddress, 80);
        Lab.Node.ProbeTcp(EgressLab.InsideAddress, 9999);
        Lab.Node.ProbeUdp(EgressLab.InsideAddress, 9999);

        string[] destinations = ["10.0.0.99", "203.0.113.26", "203.0.113.27"];
        List<string> sources =
            [.. capture.Packets.Where(p => p.IsIPv4 && p.DestinationPort != 0).SelectMany(p => (string[])[$"{p.Source}", $"{p.Destination}"])];
        Assert.NotEmpty(sources);
        Assert.Equal([EgressLab.ReservedAddress], sources.Except(destinations).Distinct());
    }

    [Fact]
    public void Client_behind_the_node_is_served_and_answered_the_way_it_came()
    {
        ProbeResult tcp = Lab.Client.ProbeTcp(EgressLab.InsideAddress, 8080);
        ProbeResult udp = Lab.Client.ProbeUdp(EgressLab.InsideAddress, 80);

        Assert.Equal(EgressLab.ReservedAddress, tcp.SeenSource);
        Assert.Equal(EgressLab.ReservedAddress, udp.SeenSource);
    }

    [Fact]
    public void Connection_carries_bulk_data_both_ways_unharmed()
    {
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, EgressLab.InsideAddress, 8080);

        transfer.WaitForBlocks(500);
    }

    [Fact]
    public void Neighbour_finds_no_open_port_on_the_reserved_address()
    {
        Assert.Equal(ProbeOutcome.Refused, Lab.Neighbour.ProbeTcp(EgressLab.ReservedAddress, 8080).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Neighbour.ProbeUdp(EgressLab.ReservedAddress, 80).Outcome);
    }

    [Fact]
    public void Neighbour_cannot_use_the_router_as_a_relay_or_reach_clients_through_it()
    {
        Lab.Neighbour.Ip($"route add 198.18.0.0/16 via {EgressLab.ReservedAddress}");
        Lab.Neighbour.Ip($"route add 203.0.113.0/24 via {EgressLab.ReservedAddress}");
        try
        {
            Assert.NotEqual(ProbeOutcome.Answered, Lab.Neighbour.ProbeTcp("203.0.113.26", 80, Silence).Outcome);
            Assert.NotEqual(ProbeOutcome.Answered, Lab.Neighbour.ProbeTcp(EgressLab.InsideAddress, 8080, Silence).Outcome);
            Assert.NotEqual(ProbeOutcome.Answered, Lab.Neighbour.Ping("198.18.0.1", Silence).Outcome);
        }
        finally
        {
            Lab.Neighbour.Ip("route del 198.18.0.0/16");
            Lab.Neighbour.Ip("route del 203.0.113.0/24");
        }
    }
}
