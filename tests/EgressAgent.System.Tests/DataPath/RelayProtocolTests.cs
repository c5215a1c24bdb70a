using System.Net;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>The relay carries what there are sockets for; the rest is refused, and a router that asks for it says so.</summary>
public sealed class RelayProtocolTests(DataPathTest.RelayFixture fixture) : ProtocolTests(fixture), IClassFixture<DataPathTest.RelayFixture>
{
    protected override ProbeOutcome PingToFallback => ProbeOutcome.Refused;

    [Theory]
    [InlineData(47)]
    [InlineData(50)]
    public void Fallback_refuses_protocols_that_have_no_ports(int protocol)
    {
        Lab.Apply("dual", Fallbacks);
        using LanAudit lan = new(Lab);
        using PacketCapture capture = Lab.Client.Capture("eth0");
        using Socket client = Lab.Client.CreateRawSocket(protocol);

        client.SendTo([0, 0, 8, 0, 0, 0, 0, 1, .. "hello"u8], new IPEndPoint(IPAddress.Parse(DataPathLab.Inside), 0));

        Eventually.True("the ICMP error", () => capture.Packets.Any(packet => packet is { Protocol: PacketProtocol.Icmp, Kind: 0x0303 }));
        lan.AssertRoutersSentOnly(["192.168.12.99", "2001:db8:12::99"], []);
    }

    [Fact]
    public void Sctp_rule_degrades_the_router_where_the_kernel_has_no_sctp_sockets_and_the_other_rules_work()
    {
        Assert.SkipWhen(HasSctpSockets(), "the kernel has SCTP sockets");
        Lab.Apply("web", """
            addresses: [ { ip: 192.168.12.99/24 } ], redirect: { redirectRules: [
              { destinationIP: 203.0.113.132, port: 7777, targetPort: 7, protocol: SCTP },
              { destinationIP: 203.0.113.26, port: 80, protocol: TCP } ] }
            """);
        using LanAudit lan = new(Lab);
        using PacketCapture capture = Lab.Client.Capture("eth0");
        using Socket client = Lab.Client.CreateRawSocket(132);

        client.SendTo(SctpInit.Packet(sourcePort: 4000, destinationPort: 7777), new IPEndPoint(IPAddress.Parse(DataPathLab.Inside), 0));

        Eventually.True("the ICMP error", () => capture.Packets.Any(packet => packet is { Protocol: PacketProtocol.Icmp, Kind: 0x0302 }));
        Eventually.True("the shortfall in the status", () => Lab.Agent.Status.Contains("7777/SCTP"), otherwise: () => Lab.Agent.Status);
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), "192.168.12.99", "203.0.113.26:80");
        lan.AssertRoutersSentOnly(["192.168.12.99"], [DataPathLab.Web]);
    }

    private static bool HasSctpSockets()
    {
        try
        {
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, (ProtocolType)132);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
