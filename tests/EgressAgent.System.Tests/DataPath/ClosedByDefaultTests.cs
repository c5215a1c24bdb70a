using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>What clients and neighbours may not do.</summary>
public abstract class ClosedByDefaultTests(DataPathTest.Fixture fixture) : DataPathTest(fixture)
{
    private const string Reserved = "192.168.12.99";
    private const string Reserved6 = "2001:db8:12::99";

    private const string Spec = """
        addresses: [ { ip: 192.168.12.99/24 }, { ip: "2001:db8:12::99/64" } ],
        redirect: { redirectRules: [
          { destinationIP: 203.0.113.26, port: 80, protocol: TCP },
          { destinationIP: 203.0.113.26, port: 80, protocol: UDP },
          { destinationIP: "2001:db8:ff::26", port: 86, targetPort: 80, protocol: TCP } ] }
        """;

    [Theory]
    [InlineData(Reserved)]
    [InlineData(Reserved6)]
    public void Neighbour_finds_a_host_without_open_ports(string reserved)
    {
        Lab.Apply("web", Spec);

        foreach (int port in (int[])[1, 22, 80, 86, 8080, 65535])
        {
            AtOnce.AssertRefusesTcp(Lab.Neighbour, reserved, port);
            AtOnce.AssertRefusesUdp(Lab.Neighbour, reserved, port);
        }

        Assert.Equal(ProbeOutcome.Answered, Lab.Neighbour.Ping(reserved).Outcome);
    }

    [Theory]
    [InlineData(Reserved, "192.168.12.20", 1)]
    [InlineData(Reserved6, "2001:db8:12::20", 64)]
    public void Neighbour_is_refused_at_every_port(string reserved, string neighbour, int step)
    {
        const int Batch = 128;
        const int SynAck = 0x12;
        ObservedRouter router = Lab.Apply("web", Spec);
        IPAddress source = IPAddress.Parse(neighbour);
        IPAddress target = IPAddress.Parse(reserved);
        PhysicalAddress mac = PhysicalAddress.Parse(router.Ip("-oneline link show dev net1").Split("link/ether ")[1].Split(' ')[0]);
        Assert.Equal(ProbeOutcome.Answered, Lab.Neighbour.Ping(reserved).Outcome);
        using FrameSender sender = Lab.Neighbour.SendFrames("eth0");
        using PacketCapture capture = Lab.Neighbour.Capture("eth0");

        // A queue of the kernel holds a thousand packets, so each batch is answered before the next.
        foreach (int[] ports in Enumerable.Range(1, 65535).Where(port => port % step == 0).Chunk(Batch))
        {
            foreach (int port in ports)
            {
                Assert.True(sender.TrySend(Frame.Tcp(sender.Mac, mac, source, 40000, target, port)));
                Assert.True(sender.TrySend(Frame.Udp(sender.Mac, mac, source, 40000, target, port)));
            }

            HashSet<int> refused = [];
            int unreachable = 0;
            Eventually.True(
                $"{ports.Length} resets and port-unreachables from port {ports[0]} on",
                () =>
                {
                    foreach (CapturedPacket packet in capture.Take().Where(packet => target.Equals(packet.Source)))
                    {
                        Assert.False(packet is { Protocol: PacketProtocol.Tcp, Kind: SynAck }, $"{packet}");
                        unreachable += packet is { Protocol: PacketProtocol.Icmp, Kind: 0x0303 } or { Protocol: PacketProtocol.IcmpV6, Kind: 0x0104 } ? 1 : 0;
                        if (packet.IsReset)
                        {
                            refused.Add(packet.SourcePort);
                        }
                    }

                    return refused.SetEquals(ports) && unreachable == ports.Length;
                },
                otherwise: () => $"{refused.Count} resets, {unreachable} port-unreachables");
        }
    }

    [Theory]
    [InlineData("203.0.113.27", Reserved)]
    [InlineData("198.18.0.0/16", Reserved)]
    [InlineData("10.88.0.0/24", Reserved)]
    [InlineData("2001:db8:ff::27", Reserved6)]
    [InlineData("fd96:e9e5:a::/112", Reserved6)]
    [InlineData("fd88::/64", Reserved6)]
    public void Neighbour_that_routes_through_the_router_gets_no_answer_and_reaches_nobody(string network, string router)
    {
        Lab.Apply("web", Spec);
        string family = network.Contains(':') ? "-6 " : "";
        string target = network switch
        {
            "198.18.0.0/16" => DataPathLab.Inside,
            "fd96:e9e5:a::/112" => DataPathLab.Inside6,
            "10.88.0.0/24" => "10.88.0.2",
            "fd88::/64" => "fd88::2",
            _ => network,
        };
        Lab.Neighbour.Ip($"{family}route add {network} via {router}");
        try
        {
            using PacketCapture client = Lab.Client.Capture("eth0");
            using PacketCapture server = Lab.Server.Capture("eth0");

            Assert.Equal(ProbeOutcome.TimedOut, Lab.Neighbour.ProbeTcp(target, 80, Silence).Outcome);
            Assert.Equal(ProbeOutcome.TimedOut, Lab.Neighbour.ProbeUdp(target, 80, Silence).Outcome);
            Assert.Equal(ProbeOutcome.TimedOut, Lab.Neighbour.Ping(target, Silence).Outcome);

            Assert.DoesNotContain(client.Packets.Concat(server.Packets), packet =>
                packet.Protocol is PacketProtocol.Tcp or PacketProtocol.Udp or PacketProtocol.Icmp || packet is { Kind: 0x8000 });
        }
        finally
        {
            Lab.Neighbour.Ip($"{family}route del {network}");
        }
    }

    [Theory]
    [InlineData("198.18.0.1")]
    [InlineData("198.18.0.2")]
    [InlineData("192.168.12.99")]
    [InlineData("fd96:e9e5:a::1")]
    [InlineData("fd96:e9e5:a::2")]
    [InlineData("2001:db8:12::99")]
    public void Neighbour_that_spoofs_makes_the_router_send_nothing_to_clients(string source)
    {
        ObservedRouter router = Lab.Apply("web", Spec);
        bool isV6 = source.Contains(':');
        string reserved = isV6 ? Reserved6 : Reserved;
        string mac = router.Ip("-oneline link show dev net1").Split("link/ether ")[1].Split(' ')[0];
        Lab.Neighbour.Ip($"address add {source}/{(isV6 ? "128 nodad" : "32")} dev lo");
        Lab.Neighbour.Ip($"neighbour replace {reserved} lladdr {mac} dev eth0");
        try
        {
            using PacketCapture capture = Lab.Node.Capture("egress.default.web");

            Lab.Neighbour.ProbeTcp(reserved, 80, Silence, from: source);
            Lab.Neighbour.ProbeUdp(reserved, 80, Silence, from: source);

            Assert.DoesNotContain(capture.Packets, packet => packet.Protocol is PacketProtocol.Tcp or PacketProtocol.Udp or PacketProtocol.Icmp
                || packet is { Protocol: PacketProtocol.IcmpV6, Kind: < 0x8000 });
        }
        finally
        {
            Lab.Neighbour.Ip($"address del {source}/{(isV6 ? "128" : "32")} dev lo");
            Lab.Neighbour.Ip($"neighbour del {reserved} dev eth0");
        }
    }

    [Fact]
    public void Client_that_spoofs_the_reserved_address_is_ignored()
    {
        Lab.Apply("web", Spec);
        Lab.Client.Ip($"address add {Reserved}/32 dev lo");
        try
        {
            using LanAudit lan = new(Lab);

            Assert.Equal(ProbeOutcome.TimedOut, Lab.Client.ProbeTcp(DataPathLab.Inside, 80, Silence, from: Reserved).Outcome);
            Assert.Equal(ProbeOutcome.TimedOut, Lab.Client.ProbeUdp(DataPathLab.Inside, 80, Silence, from: Reserved).Outcome);

            lan.AssertRoutersSentOnly([Reserved, Reserved6], []);
        }
        finally
        {
            Lab.Client.Ip($"address del {Reserved}/32 dev lo");
        }
    }

    [Theory]
    [InlineData(DataPathLab.OtherWeb, DataPathLab.Inside)]
    [InlineData(DataPathLab.OtherWeb6, DataPathLab.Inside6)]
    public void Client_that_routes_past_the_redirect_is_refused(string destination, string inside)
    {
        Lab.Apply("web", Spec);
        using LanAudit lan = new(Lab);
        using Undo route = RouteOfTheNode(destination, $"via {inside}");

        // An ICMP error that arrives while the SYN is being sent, as on one machine it may, is noted when the next one is (tcp_v4_err).
        Assert.Equal(ProbeOutcome.Unreachable, Lab.Client.ProbeTcp(destination, 80).Outcome);
        AtOnce.AssertProhibitsUdp(Lab.Client, destination, 80);
        Assert.Equal(ProbeOutcome.Unreachable, Lab.Client.Ping(destination).Outcome);

        lan.AssertRoutersSentOnly([Reserved, Reserved6], []);
    }

    [Theory]
    [InlineData(DataPathLab.Inside, Reserved, "32")]
    [InlineData(DataPathLab.Inside6, Reserved6, "128")]
    public void Neither_side_is_answered_for_an_address_of_the_other(string inside, string reserved, string length)
    {
        Lab.Apply("web", Spec);
        Lab.Neighbour.Ip($"route add {inside}/{length} dev eth0");
        using Undo route = RouteOfTheNode(reserved, "dev egress.default.web");
        try
        {
            Assert.NotEqual(ProbeOutcome.Answered, Lab.Neighbour.Ping(inside, Silence).Outcome);
            Assert.NotEqual(ProbeOutcome.Answered, Lab.Node.Ping(reserved, Silence).Outcome);
            Assert.DoesNotContain("lladdr", Lab.Neighbour.Ip($"neighbour show {inside} dev eth0"));
            Assert.DoesNotContain("lladdr", Lab.Node.Ip($"neighbour show {reserved} dev egress.default.web"));
        }
        finally
        {
            Lab.Neighbour.Ip($"route del {inside}/{length} dev eth0");
        }
    }

    [Fact]
    public void Others_than_the_named_clients_are_refused()
    {
        Lab.Apply("web", Spec, "egressagent.org/clients: \"10.88.0.0/24, fd88::/64\"");
        using LanAudit lan = new(Lab);

        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), Reserved, "203.0.113.26:80");
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 86), Reserved6, "[2001:db8:ff::26]:80");
        foreach (LabHost stranger in (LabHost[])[Lab.Node, Lab.Overlapping])
        {
            AtOnce.AssertRefusesTcp(stranger, DataPathLab.Inside, 80);
            AtOnce.AssertRefusesUdp(stranger, DataPathLab.Inside, 80);
            AtOnce.AssertRefusesTcp(stranger, DataPathLab.Inside6, 86);
        }

        lan.AssertRoutersSentOnly([Reserved, Reserved6], [DataPathLab.Web, DataPathLab.Web6]);
    }

    [Fact]
    public void Word_node_admits_the_node_and_whom_it_masquerades()
    {
        Lab.Apply("web", Spec, "egressagent.org/clients: node");
        using LanAudit lan = new(Lab);

        AssertReached(Lab.Node.ProbeTcp(DataPathLab.Inside, 80), Reserved, "203.0.113.26:80");
        AssertReached(Lab.Node.ProbeTcp(DataPathLab.Inside6, 86), Reserved6, "[2001:db8:ff::26]:80");
        AtOnce.AssertRefusesTcp(Lab.Client, DataPathLab.Inside, 80);
        AtOnce.AssertRefusesTcp(Lab.Client, DataPathLab.Inside6, 86);

        Lab.Node.Check("nft", "add table inet lab; add chain inet lab out { type nat hook postrouting priority srcnat; }; "
            + "add rule inet lab out oifname \"egr-*\" masquerade");
        try
        {
            AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), Reserved, "203.0.113.26:80");
            AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 86), Reserved6, "[2001:db8:ff::26]:80");
        }
        finally
        {
            Lab.Node.Check("nft", "delete table inet lab");
        }

        lan.AssertRoutersSentOnly([Reserved, Reserved6], [DataPathLab.Web, DataPathLab.Web6]);
    }

    // The node speaks to its routers with an address that it has in their network. It takes nobody's packets with that address over IPv4; over
    // IPv6 it has no such check, and forwards them. What comes of it goes to the node.
    [Theory]
    [InlineData("198.18.0.1", DataPathLab.Inside, Reserved, false, false)]
    [InlineData("fd96:e9e5:a::1", DataPathLab.Inside6, Reserved6, true, false)]
    [InlineData("fd96:e9e5:a::1", DataPathLab.Inside6, Reserved6, false, true)]
    public void Neighbour_that_forges_the_nodes_address_through_the_node_sends_blindly_over_IPv6_alone_and_not_past_the_rule_of_the_README(
        string forged, string inside, string reserved, bool passes, bool isFiltered)
    {
        const int Port = 86;
        const int LastPort = 87;
        Lab.Apply(
            "web",
            Spec.Replace("] }", $$""", { destinationIP: "2001:db8:ff::26", port: {{Port}}, protocol: UDP }, { destinationIP: "2001:db8:ff::26", port: {{LastPort}}, protocol: UDP } ] }""")
                .Replace("port: 80, protocol: UDP", $$"""port: {{Port + 100}}, protocol: UDP }, { destinationIP: 203.0.113.26, port: {{LastPort + 100}}, protocol: UDP"""),
            "egressagent.org/clients: node");
        using Undo filter = isFiltered
            ? Filter("add table inet lab; add chain inet lab forged { type filter hook prerouting priority raw; }; add rule inet lab forged iifname eth0 ip6 saddr fd96:e9e5:a::/112 drop")
            : new Undo(() => { });
        bool isV6 = forged.Contains(':');
        int port = isV6 ? Port : Port + 100;
        int lastPort = isV6 ? LastPort : LastPort + 100;
        using FrameSender sender = Lab.Neighbour.SendFrames("eth0");
        using PacketCapture server = Lab.Server.Capture("eth0");
        using PacketCapture lan = Lab.Neighbour.Capture("eth0");
        PhysicalAddress node = Lab.Node.MacOf("eth0");

        Assert.True(sender.TrySend(Frame.Udp(sender.Mac, node, IPAddress.Parse(forged), 4000, IPAddress.Parse(inside), port)));

        // What comes later and from the node itself arrives.
        Eventually.True("the datagram of the node", () =>
        {
            Lab.Node.ProbeUdp(inside, lastPort, Silence);
            return server.Packets.Any(packet => packet.DestinationPort == lastPort);
        });
        if (passes)
        {
            Eventually.True("the forged datagram", () => server.Packets.Any(packet => packet.DestinationPort == port));
        }

        Assert.Equal(passes, server.Packets.Any(packet => packet.DestinationPort == port));
        Assert.All(server.Packets.Where(packet => packet.DestinationPort == port), packet => Assert.Equal(reserved, $"{packet.Source}"));
        Assert.DoesNotContain(lan.Packets, packet => $"{packet.Destination}" == forged && !packet.SourceMac.Equals(sender.Mac));
    }

    [Fact]
    public void Clients_are_refused_when_the_router_is_gone_and_nothing_takes_the_default_route()
    {
        Lab.Apply("web", Spec);
        Lab.Remove("web");
        using LanAudit lan = new(Lab);

        Assert.Equal(ProbeOutcome.Unreachable, Lab.Node.ProbeTcp(DataPathLab.Inside, 80).Outcome);
        Assert.Equal(ProbeOutcome.Unreachable, Lab.Client.ProbeTcp(DataPathLab.Inside, 80).Outcome);
        Assert.Equal(ProbeOutcome.Unreachable, Lab.Client.ProbeTcp(DataPathLab.Inside6, 86).Outcome);

        lan.AssertRoutersSentOnly([], []);
    }

    private Undo Filter(string commands)
    {
        Lab.Node.Check("nft", commands);
        return new Undo(() => Lab.Node.Check("nft", "delete table inet lab"));
    }

    // In a table of its own: in the main one the agent takes away what is not its own on its link.
    private Undo RouteOfTheNode(string destination, string way)
    {
        string family = destination.Contains(':') ? "-6" : "-4";
        Lab.Node.Ip($"{family} route add {destination} {way} table 77");
        Lab.Node.Ip($"{family} rule add to {destination} lookup 77");
        return new Undo(() =>
        {
            Lab.Node.Ip($"{family} rule del to {destination} lookup 77");
            Lab.Node.Ip($"{family} route flush table 77");
        });
    }
}
