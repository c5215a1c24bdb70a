using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Which packets go where, in every protocol and family: rules, fallback and rejection.</summary>
public abstract class ProtocolTests(DataPathTest.Fixture fixture) : DataPathTest(fixture)
{
    private const string DualStack = """
        addresses: [
          { ip: 192.168.12.99/24, gateway: 192.168.12.1 },
          { ip: "2001:db8:12::99/64", gateway: "2001:db8:12::1" } ],
        redirect: { redirectRules: [
          { destinationIP: 203.0.113.26, port: 80, protocol: TCP },
          { destinationIP: 203.0.113.27, port: 80, protocol: UDP },
          { destinationIP: 203.0.113.27, port: 8080, targetPort: 80, protocol: TCP },
          { destinationIP: "2001:db8:ff::26", port: 8086, targetPort: 80, protocol: TCP },
          { destinationIP: "2001:db8:ff::27", port: 8086, targetPort: 80, protocol: UDP } ]
        """;

    protected const string Fallbacks = $"{DualStack}, fallbackIP: {DataPathLab.OtherWeb} }}";
    protected const string NoFallback = $"{DualStack} }}";

    public static TheoryData<string, int, bool, string> Rules => new()
    {
        { DataPathLab.Inside, 80, true, "203.0.113.26:80" },
        { DataPathLab.Inside, 80, false, "203.0.113.27:80" },
        { DataPathLab.Inside, 8080, true, "203.0.113.27:80" },
        { DataPathLab.Inside6, 8086, true, "[2001:db8:ff::26]:80" },
        { DataPathLab.Inside6, 8086, false, "[2001:db8:ff::27]:80" },
    };

    /// <summary>A fallback takes what has no ports in the kernel alone.</summary>
    protected abstract ProbeOutcome PingToFallback { get; }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Rule_leads_to_its_destination_from_the_reserved_address_of_its_family(string inside, int port, bool isTcp, string target)
    {
        Lab.Apply("dual", NoFallback);
        using LanAudit lan = new(Lab);

        foreach (LabHost client in (LabHost[])[Lab.Node, Lab.Client])
        {
            AssertReached(
                isTcp ? client.ProbeTcp(inside, port) : client.ProbeUdp(inside, port),
                inside == DataPathLab.Inside ? "192.168.12.99" : "2001:db8:12::99",
                target);
        }

        lan.AssertRoutersSentOnly(
            ["192.168.12.99", "2001:db8:12::99"],
            [DataPathLab.Web, DataPathLab.OtherWeb, DataPathLab.Web6, DataPathLab.OtherWeb6]);
    }

    [Fact]
    public void Router_with_IPv6_alone_serves_IPv6_and_has_no_IPv4()
    {
        ObservedRouter router = Lab.Apply("six", """
            addresses: [ { ip: "2001:db8:12::66/64" } ],
            redirect: { redirectRules: [ { destinationIP: "2001:db8:ff::26", port: 80, protocol: TCP } ] }
            """);
        using LanAudit lan = new(Lab);

        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 80), "2001:db8:12::66", "[2001:db8:ff::26]:80");

        Assert.DoesNotContain("inet ", router.Ip("-4 address show dev net1"));
        Assert.Empty(router.Ip("-4 route"));
        lan.AssertRoutersSentOnly(["2001:db8:12::66"], [DataPathLab.Web6]);
    }

    [Fact]
    public void Forwarded_IPv6_does_not_wait_for_duplicate_address_detection_on_the_veth_pair()
    {
        SetDadTransmits(10);
        try
        {
            Lab.Apply("six", """
                addresses: [ { ip: "2001:db8:12::66/64" } ],
                redirect: { redirectRules: [ { destinationIP: "2001:db8:ff::26", port: 80, protocol: TCP } ] }
                """);

            AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 80), "2001:db8:12::66", "[2001:db8:ff::26]:80");
        }
        finally
        {
            SetDadTransmits(1);
        }

        void SetDadTransmits(int count) => Lab.Node.Check("sh", "-c", $"echo {count} >/proc/sys/net/ipv6/conf/default/dad_transmits");
    }

    [Fact]
    public void What_no_rule_takes_goes_to_the_fallback_of_its_family()
    {
        Lab.Apply("dual", Fallbacks);
        using LanAudit lan = new(Lab);

        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 8443), "192.168.12.99", "203.0.113.27:8443");
        AssertReached(Lab.Client.ProbeUdp(DataPathLab.Inside, 80), "192.168.12.99", "203.0.113.27:80");
        Assert.Equal(PingToFallback, Lab.Client.Ping(DataPathLab.Inside).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Client.ProbeTcp(DataPathLab.Inside6, 8443).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Client.Ping(DataPathLab.Inside6).Outcome);

        lan.AssertRoutersSentOnly(["192.168.12.99", "2001:db8:12::99"], [DataPathLab.OtherWeb]);
    }

    [Fact]
    public void Ipv6_fallback_takes_every_port()
    {
        Lab.Apply("six", """addresses: [ { ip: "2001:db8:12::66/64" } ], redirect: { fallbackIP: "2001:db8:ff::27" }""");
        using LanAudit lan = new(Lab);

        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 8443), "2001:db8:12::66", "[2001:db8:ff::27]:8443");
        Assert.Equal(PingToFallback, Lab.Client.Ping(DataPathLab.Inside6).Outcome);

        lan.AssertRoutersSentOnly(["2001:db8:12::66"], [DataPathLab.OtherWeb6]);
    }

    [Theory]
    [InlineData(DataPathLab.Inside)]
    [InlineData(DataPathLab.Inside6)]
    public void What_nothing_takes_is_refused_at_once_each_time(string inside)
    {
        Lab.Apply("dual", NoFallback);
        using LanAudit lan = new(Lab);
        using PacketCapture capture = Lab.Client.Capture("eth0");

        for (int i = 0; i < 30; i++)
        {
            AtOnce.AssertRefusesTcp(Lab.Client, inside, 9);
            AtOnce.AssertRefusesUdp(Lab.Client, inside, 9);
            Assert.Equal(ProbeOutcome.Refused, Lab.Client.Ping(inside).Outcome);
            AtOnce.AssertRefusesUdp(Lab.Node, inside, 9);
        }

        bool isV6 = inside == DataPathLab.Inside6;
        Assert.Equal(30, capture.Packets.Count(packet => packet.IsReset && $"{packet.Source}" == inside));
        Assert.Equal(60, capture.Packets.Count(packet => $"{packet.Source}" == inside
            && packet.Protocol == (isV6 ? PacketProtocol.IcmpV6 : PacketProtocol.Icmp)
            && packet.Kind == (isV6 ? 0x0104 : 0x0303)));
        lan.AssertRoutersSentOnly(["192.168.12.99", "2001:db8:12::99"], []);
    }

    [Fact]
    public void Rejection_of_many_is_not_limited()
    {
        Lab.Apply("dual", NoFallback);
        using PacketCapture capture = Lab.Client.Capture("eth0");
        using Socket client = Lab.Client.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        long unsent = UnsentIcmp.Count();
        for (int sent = 0; sent < 3000;)
        {
            // A link holds no more than a thousand that wait for a processor.
            for (int end = sent + 500; sent < end; sent++)
            {
                client.SendTo("x"u8, new IPEndPoint(IPAddress.Parse(DataPathLab.Inside), 10000 + sent));
            }

            Eventually.Holds(() => Assert.Equal(
                sent, capture.Packets.Count(packet => packet is { Protocol: PacketProtocol.Icmp, Kind: 0x0303 }) + UnsentIcmp.Count() - unsent));
        }
    }

    [Fact]
    public void Sctp_port_that_nothing_takes_is_refused_with_port_unreachable()
    {
        Lab.Apply("dual", NoFallback);
        using PacketCapture capture = Lab.Client.Capture("eth0");
        using Socket client = Lab.Client.CreateRawSocket(132);

        client.SendTo(SctpInit.Packet(sourcePort: 4000, destinationPort: 7), new IPEndPoint(IPAddress.Parse(DataPathLab.Inside), 0));

        Eventually.True("the ICMP error", () => capture.Packets.Any(packet => packet is { Protocol: PacketProtocol.Icmp, Kind: 0x0303 }));
    }

    // Port-unreachable where `reject` knows how to check the packet, else what a host says that does not know the protocol.
    [Theory]
    [InlineData(47, 0x0303, 0x0104)]
    [InlineData(253, 0x0302, 0x0401)]
    public void Protocol_without_ports_is_refused_to_clients_and_neighbours(int protocol, int error, int error6)
    {
        Lab.Apply("dual", NoFallback);
        using LanAudit lan = new(Lab);

        AssertRefused(Lab.Client, DataPathLab.Inside, error, "egress.default.dual");
        AssertRefused(Lab.Client, DataPathLab.Inside6, error6, "egress.default.dual");
        AssertRefused(Lab.Neighbour, "192.168.12.99", error, "eth0");
        AssertRefused(Lab.Neighbour, "2001:db8:12::99", error6, "eth0");

        lan.AssertRoutersSentOnly(["192.168.12.99", "2001:db8:12::99"], ["192.168.12.20", "2001:db8:12::20"]);

        void AssertRefused(LabHost host, string address, int kind, string linkOfNode)
        {
            var router = IPAddress.Parse(address);
            using PacketCapture capture = host.Capture("eth0");
            using PacketCapture arriving = Lab.Node.Capture(linkOfNode);
            using Socket socket = host.CreateRawSocket(protocol, router.AddressFamily);
            long unsent = UnsentIcmp.Count();
            Eventually.True($"the refusal by {router}", () =>
            {
                // It may be lost on the way, on a busy machine, and so may the refusal, which the kernel counts.
                if (Arrived() == Refused() + UnsentIcmp.Count() - unsent)
                {
                    socket.SendTo([0, 0, 8, 0, 0, 0, 0, 1, .. "hello"u8], new IPEndPoint(router, 0));
                }

                return Refused() > 0;
            });
            Eventually.Holds(() => Assert.Equal((router, Arrived()), (router, Refused() + UnsentIcmp.Count() - unsent)));

            int Refused() => capture.Packets.Count(packet => router.Equals(packet.Source) && packet.Protocol is PacketProtocol.Icmp or PacketProtocol.IcmpV6 && packet.Kind == kind);

            int Arrived() => arriving.Packets.Count(packet => packet.Protocol == PacketProtocol.Other && router.Equals(packet.Destination));
        }
    }

    // Each sender would have one for minutes, and any number of them is easily made up.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Protocol_that_nothing_takes_leaves_no_flow_behind(bool hasFallback)
    {
        ObservedRouter router = Lab.Apply("dual", hasFallback ? Fallbacks : NoFallback, "egressagent.org/clients: \"10.89.0.0/24\"");
        using PacketCapture capture = Lab.Client.Capture("eth0");
        foreach ((LabHost host, string address) in (ReadOnlySpan<(LabHost, string)>)
            [(Lab.Client, DataPathLab.Inside), (Lab.Client, DataPathLab.Inside6), (Lab.Neighbour, "192.168.12.99"), (Lab.Neighbour, "2001:db8:12::99")])
        {
            var to = IPAddress.Parse(address);
            using Socket socket = host.CreateRawSocket(253, to.AddressFamily);
            socket.SendTo("hello"u8, new IPEndPoint(to, 0));
        }

        Eventually.True("the refusals", () => capture.Packets.Count(packet => packet.Protocol is PacketProtocol.Icmp or PacketProtocol.IcmpV6 && packet.Kind is 0x0302 or 0x0401) == 2);
        using NetworkNamespace netns = NetworkNamespace.TryOpen(router.NetworkNamespace)!;
        using ConntrackTable table = ConntrackTable.Open(netns);
        Assert.DoesNotContain(table.GetFlows(), flow => flow.Original.Protocol == 253);
    }

    [Theory]
    [InlineData(DataPathLab.Inside, 8000)]
    [InlineData(DataPathLab.Inside, 65000)]
    [InlineData(DataPathLab.Inside6, 8000)]
    public void Fragmented_datagrams_arrive_whole_both_ways(string inside, int size)
    {
        Lab.Apply("dual", NoFallback);
        IPEndPoint at = new(IPAddress.Parse(inside == DataPathLab.Inside ? DataPathLab.OtherWeb : DataPathLab.OtherWeb6), 5353);
        Lab.Apply("dual", NoFallback.Replace("redirectRules: [", $"redirectRules: [ {{ destinationIP: \"{at.Address}\", port: 5353, protocol: UDP }},"));
        using Socket server = Lab.Server.CreateSocket(at.AddressFamily, SocketType.Dgram, ProtocolType.Udp, socket => socket.Bind(at));
        using Socket client = Lab.Client.CreateSocket(at.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        server.ReceiveTimeout = client.ReceiveTimeout = 3000;
        byte[] sent = new byte[size];
        Random.Shared.NextBytes(sent);

        client.SendTo(sent, new IPEndPoint(IPAddress.Parse(inside), 5353));

        byte[] received = new byte[65536];
        EndPoint peer = new IPEndPoint(at.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        Assert.Equal(size, server.ReceiveFrom(received, ref peer));
        server.SendTo(sent, peer);
        Assert.Equal(size, client.Receive(received));
        Assert.Equal(sent, received.AsSpan(0, size));
    }
}
