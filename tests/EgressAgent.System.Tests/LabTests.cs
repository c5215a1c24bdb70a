using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests;

/// <summary>The lab tells the outcomes apart and records what crosses a link.</summary>
public sealed class LabTests : IDisposable
{
    private readonly NetnsLab _lab = new();
    private readonly LabSegment _lan;
    private readonly LabHost _left;
    private readonly LabHost _right;

    public LabTests()
    {
        _lan = _lab.AddSegment("lan");
        _left = _lab.AddHost("left");
        _right = _lab.AddHost("right");
        _lan.Attach(_left, "eth0", "192.0.2.1/24", "2001:db8::1/64");
        _lan.Attach(_right, "eth0", "192.0.2.2/24", "2001:db8::2/64");
    }

    public void Dispose() => _lab.Dispose();

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.2", "192.0.2.2:7000")]
    [InlineData("2001:db8::1", "2001:db8::2", "[2001:db8::2]:7000")]
    public void Servers_say_whom_they_saw(string source, string server, string target)
    {
        _right.ServeTcp(server, 7000);
        _right.ServeUdp(server, 7000);

        Assert.Equal((source, target), Seen(_left.ProbeTcp(server, 7000)));
        Assert.Equal((source, target), Seen(_left.ProbeUdp(server, 7000)));
    }

    [Fact]
    public void Closed_ports_are_refused()
    {
        Assert.Equal(ProbeOutcome.Refused, _left.ProbeTcp("192.0.2.2", 9).Outcome);
        Assert.Equal(ProbeOutcome.Refused, _left.ProbeUdp("192.0.2.2", 9).Outcome);
        Assert.Equal(ProbeOutcome.Refused, _left.ProbeTcp("2001:db8::2", 9).Outcome);
        Assert.Equal(ProbeOutcome.Refused, _left.ProbeUdp("2001:db8::2", 9).Outcome);
    }

    [Fact]
    public void Silence_is_a_time_out_and_a_missing_route_unreachable()
    {
        _right.Check("nft", "table inet t { chain c { type filter hook input priority 0; meta l4proto { tcp, udp } drop; }; }");

        Assert.Equal(ProbeOutcome.TimedOut, _left.ProbeTcp("192.0.2.2", 9, TimeSpan.FromMilliseconds(200)).Outcome);
        Assert.Equal(ProbeOutcome.TimedOut, _left.ProbeUdp("192.0.2.2", 9, TimeSpan.FromMilliseconds(200)).Outcome);
        Assert.Equal(ProbeOutcome.Unreachable, _left.ProbeTcp("203.0.113.1", 9).Outcome);
    }

    [Fact]
    public void Ping_is_answered_by_a_host_that_is_there()
    {
        Assert.Equal(ProbeOutcome.Answered, _left.Ping("192.0.2.2").Outcome);
        Assert.Equal(ProbeOutcome.Unreachable, _left.Ping("203.0.113.1").Outcome);
    }

    [Fact]
    public void Capture_has_every_packet_of_an_exchange_that_is_over()
    {
        _right.ServeTcp("192.0.2.2", 7000);
        using PacketCapture capture = _lan.Capture(_left);

        _left.ProbeTcp("192.0.2.2", 7000);
        _left.ProbeTcp("192.0.2.2", 9);
        _left.ProbeUdp("192.0.2.2", 9);

        Assert.Contains(capture.Packets, p => p.Protocol == PacketProtocol.Arp && $"{p.Destination}" == "192.0.2.2");
        Assert.Contains(capture.Packets, p => p.Protocol == PacketProtocol.Tcp && p.DestinationPort == 7000);
        Assert.Contains(capture.Packets, p => p.IsReset && p.SourcePort == 9);
        Assert.Contains(capture.Packets, p => p is { Protocol: PacketProtocol.Icmp, Kind: 0x0303 });
    }

    [Fact]
    public void Link_without_carrier_carries_nothing()
    {
        _right.ServeTcp("192.0.2.2", 7000);
        _lan.SetCarrier(_right, on: false);
        Assert.NotEqual(ProbeOutcome.Answered, _left.ProbeTcp("192.0.2.2", 7000, TimeSpan.FromMilliseconds(200)).Outcome);

        _lan.SetCarrier(_right, on: true);

        Eventually.True(
            "the link to come back", () => _left.ProbeTcp("192.0.2.2", 7000, TimeSpan.FromMilliseconds(500)).Outcome == ProbeOutcome.Answered);
    }

    private static (string?, string?) Seen(ProbeResult result) => (result.SeenSource, result.SeenTarget);
}
