using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Answers go back the way the client came, whatever network it is in, and packets of every size get through.</summary>
public abstract class ReturnPathTests(DataPathTest.Fixture fixture) : DataPathTest(fixture)
{
    private const string Spec = """
        addresses: [ { ip: 192.168.12.99/24 }, { ip: "2001:db8:12::99/64" } ],
        redirect: { redirectRules: [
          { destinationIP: 203.0.113.26, port: 80, protocol: TCP },
          { destinationIP: 203.0.113.26, port: 80, protocol: UDP },
          { destinationIP: "2001:db8:ff::26", port: 86, targetPort: 80, protocol: TCP } ] }
        """;

    /// <summary>How a client sees that the destination refuses: whether its handshake is with it, or before, is the difference.</summary>
    protected abstract ProbeOutcome RefusalOfDestination { get; }

    [Theory]
    [InlineData("node", null)]
    [InlineData("node", DataPathLab.NodeAddress)]
    [InlineData("client", null)]
    [InlineData("overlap", DataPathLab.OverlappingAddress)]
    public void Client_in_any_network_is_answered_and_refused(string from, string? address)
    {
        Lab.Apply("web", Spec);
        LabHost client = from switch { "node" => Lab.Node, "client" => Lab.Client, _ => Lab.Overlapping };
        using LanAudit lan = new(Lab);

        AssertReached(client.ProbeTcp(DataPathLab.Inside, 80, from: address), "192.168.12.99", "203.0.113.26:80");
        AssertReached(client.ProbeUdp(DataPathLab.Inside, 80, from: address), "192.168.12.99", "203.0.113.26:80");
        AtOnce.AssertRefusesTcp(client, DataPathLab.Inside, 9, from: address);
        AtOnce.AssertRefusesUdp(client, DataPathLab.Inside, 9, from: address);

        lan.AssertRoutersSentOnly(["192.168.12.99", "2001:db8:12::99"], [DataPathLab.Web]);
    }

    [Fact]
    public void Remote_host_that_is_routed_through_the_node_is_served()
    {
        Lab.Apply("web", Spec);
        Lab.Neighbour.Ip($"route add 198.18.0.0/16 via {DataPathLab.NodeAddress}");
        Lab.Neighbour.Ip($"-6 route add fd96:e9e5:a::/112 via {DataPathLab.NodeAddress6}");
        try
        {
            AssertReached(Lab.Neighbour.ProbeTcp(DataPathLab.Inside, 80), "192.168.12.99", "203.0.113.26:80");
            AssertReached(Lab.Neighbour.ProbeTcp(DataPathLab.Inside6, 86), "2001:db8:12::99", "[2001:db8:ff::26]:80");
            AtOnce.AssertRefusesUdp(Lab.Neighbour, DataPathLab.Inside, 9);
        }
        finally
        {
            Lab.Neighbour.Ip("route del 198.18.0.0/16");
            Lab.Neighbour.Ip("-6 route del fd96:e9e5:a::/112");
        }
    }

    [Theory]
    [InlineData(DataPathLab.Inside, 80)]
    [InlineData(DataPathLab.Inside6, 86)]
    public void Bulk_data_gets_through_where_links_are_narrower(string inside, int port)
    {
        Lab.Apply("web", Spec);
        foreach ((LabHost host, string link, int mtu) in ((LabHost, string, int)[])
            [(Lab.Node, "client", 1300), (Lab.Client, "eth0", 1300), (Lab.Gateway, "server", 1400), (Lab.Server, "eth0", 1400)])
        {
            host.Ip($"link set {link} mtu {mtu}");
        }

        try
        {
            using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, inside, port);
            transfer.WaitForBlocks(300);
        }
        finally
        {
            foreach ((LabHost host, string link) in ((LabHost, string)[])
                [(Lab.Node, "client"), (Lab.Client, "eth0"), (Lab.Gateway, "server"), (Lab.Server, "eth0")])
            {
                host.Ip($"link set {link} mtu 1500");
            }
        }
    }

    [Theory]
    [InlineData(DataPathLab.Inside, 80, "10.88.0.2")]
    [InlineData(DataPathLab.Inside6, 86, "fd88::2")]
    public void Narrow_hop_that_no_end_knows_of_is_found_by_path_mtu_discovery(string inside, int port, string client)
    {
        Lab.Apply("web", Spec);

        // Only the node's way to the client is narrow: the client offers segments of 1460 bytes, and the node must tell the server
        // otherwise. A link that is narrower at one end than at the other would swallow what the client itself sends. Locked, as
        // what forwards IPv6 goes by the link's MTU otherwise (ip6_dst_mtu_maybe_forward).
        Lab.Node.Ip($"route add {client} dev client mtu lock 1350");
        try
        {
            using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, inside, port);
            transfer.WaitForBlocks(100);
        }
        finally
        {
            Lab.Node.Ip($"route delete {client} dev client mtu lock 1350");
        }
    }

    [Theory]
    [InlineData(DataPathLab.Inside, 80, DataPathLab.Web, "via 10.0.0.99", "192.168.12.99", PacketProtocol.Icmp, (3 << 8) | 4)]
    [InlineData(DataPathLab.Inside6, 86, DataPathLab.Web6, "via 2001:db8:aa::99", "2001:db8:12::99", PacketProtocol.IcmpV6, 2 << 8)]
    public void Narrow_hop_behind_the_gateway_is_told_to_whoever_sends_too_much(
        string inside, int port, string destination, string route, string reserved, PacketProtocol protocol, int tooBig)
    {
        Lab.Apply("web", Spec);
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);

        // Other tests let the ends learn what path they have.
        foreach (LabHost end in (LabHost[])[Lab.Client, Lab.Server])
        {
            end.Ip("-4 route flush cache");
            end.Ip("-6 route flush cache");
        }

        Lab.Gateway.Ip($"route change {destination} {route} mtu lock 1350");
        try
        {
            using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, inside, port);
            transfer.WaitForBlocks(100);
        }
        finally
        {
            Lab.Gateway.Ip($"route change {destination} {route}");
        }

        // Told to the reserved address, and by then to who is behind it: otherwise nothing would have come through.
        Eventually.True("the message of the narrow hop", () => capture.Packets.Any(packet =>
            packet.Protocol == protocol && packet.Kind == tooBig && $"{packet.Destination}" == reserved));
    }

    [Theory]
    [InlineData("192.168.12.10", "addresses: [ { ip: 192.168.12.99/24 } ]", DataPathLab.Inside, "192.168.12.99", "192.168.12.10:8022")]
    [InlineData("2001:db8:12::10", "addresses: [ { ip: \"2001:db8:12::99/64\" } ]", DataPathLab.Inside6, "2001:db8:12::99", "[2001:db8:12::10]:8022")]
    public void Destination_that_is_the_node_itself_sees_the_reserved_address(
        string destination, string addresses, string inside, string source, string target)
    {
        using EchoServer tcp = Lab.Node.ServeTcp(destination, 8022);
        using EchoServer udp = Lab.Node.ServeUdp(destination, 8022);
        Lab.Apply("self", $$"""
            {{addresses}}, redirect: { redirectRules: [
              { destinationIP: "{{destination}}", port: 22, targetPort: 8022, protocol: TCP },
              { destinationIP: "{{destination}}", port: 22, targetPort: 8022, protocol: UDP } ] }
            """);
        using LanAudit lan = new(Lab);

        foreach (LabHost client in (LabHost[])[Lab.Node, Lab.Client])
        {
            AssertReached(client.ProbeTcp(inside, 22), source, target);
            AssertReached(client.ProbeUdp(inside, 22), source, target);
        }

        // As any host would, once the server on the node is gone.
        tcp.Dispose();
        Assert.Equal(RefusalOfDestination, Lab.Client.ProbeTcp(inside, 22).Outcome);
        lan.AssertRoutersSentOnly([source], []);
    }
}
