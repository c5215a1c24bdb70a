using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>Other machines of the LAN reach a Service without a route of their own.</summary>
public sealed class KernelExternalAddressTests() : ExternalAddressTests("kernel");

/// <inheritdoc cref="KernelExternalAddressTests"/>
public sealed class RelayExternalAddressTests() : ExternalAddressTests("relay")
{
    // An hour it may take, of which connection tracking waits a minute.
    [Fact]
    public void Connection_to_the_inside_address_that_its_client_half_closed_is_answered_when_connection_tracking_has_forgotten_it()
    {
        using Socket listener = Lab.Web.CreateSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp, socket =>
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse("203.0.113.26"), 90));
            socket.Listen();
        });
        Write(Service("partner", External), Router("a", EgressLab.ReservedAddress).Replace("port: 8080, targetPort: 80", "port: 8080, targetPort: 90"));
        AgentProcess agent = Scenario.StartAgent();
        Eventually.Holds(() => Assert.Contains($"{External} is at default/a", agent.Log));
        IPAddress inside = IPAddress.Parse(new ObservedRouter("a").WaitForInsideAddress(agent));
        using Socket client = Lab.Client.CreateSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp, socket => socket.Connect(inside, 8080));
        client.ReceiveTimeout = 5000;
        client.Send("question"u8);
        client.Shutdown(SocketShutdown.Send);
        using Socket partner = listener.Accept();
        for (byte[] question = new byte[64]; partner.Receive(question) > 0;)
        {
        }

        using NetworkNamespace netns = NetworkNamespace.TryOpen("egress.default.a")!;
        using ConntrackTable table = ConntrackTable.Open(netns);
        Assert.All(table.GetFlows().Where(flow => flow.Original.Destination.Equals(inside) && flow.Original.Protocol == 6), flow => Assert.True(table.Remove(flow)));

        partner.Send("answer"u8);

        Assert.Equal("answer".Length, client.Receive(new byte[64]));
    }
}

/// <inheritdoc cref="KernelExternalAddressTests"/>
public abstract class ExternalAddressTests : AgentTest
{
    private protected const string External = "192.168.12.97";
    private const string External6 = "2001:db8:12::97";
    private const string Reserved6 = "2001:db8:12::99";
    private const string Web6 = EgressLab.Web6;
    private const string SecondReserved = "192.168.12.98";

    // 8080 and 53 lead somewhere inside, 22 and 179 are often open, 33434 and more are what traceroute asks.
    private static readonly int[] ClosedPorts = [1, 22, 53, 79, 81, 179, 443, 1023, 8080, 9090, 32768, 33434, 50000, 65535];

    protected ExternalAddressTests(string datapath)
        : base(datapath)
    {
        Lab.Neighbour.Ip("route del default");
    }

    [Fact]
    public void Machine_without_a_route_uses_the_router_and_is_seen_as_the_reserved_address()
    {
        Lab.UseIPv6();
        using PacketCapture wire = Lab.Lan.Capture(Lab.Gateway);
        Write(Service("partner", $"{External}, '{External6}'"), Router("a", EgressLab.ReservedAddress, with6: true));
        AgentProcess agent = Scenario.StartAgent();

        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        Assert.Equal(EgressLab.ReservedAddress, Lab.Neighbour.ProbeTcp(External, 80).SeenSource);
        ProbeResult datagram = Lab.Neighbour.ProbeUdp(External, 5353);
        Assert.Equal((EgressLab.ReservedAddress, "10.0.0.99:80"), (datagram.SeenSource, datagram.SeenTarget));
        WaitForTcp(Lab.Neighbour, External6, 86, $"[{Web6}]:80");
        Assert.Equal(Reserved6, Lab.Neighbour.ProbeTcp(External6, 86).SeenSource);
        datagram = Lab.Neighbour.ProbeUdp(External6, 5356);
        Assert.Equal((Reserved6, $"[{Web6}]:53"), (datagram.SeenSource, datagram.SeenTarget));

        // Towards the partner nothing bears another source.
        string[] own = [External, External6, EgressLab.NeighbourAddress, "2001:db8:12::20"];
        string[] partners = ["203.0.113.26", "10.0.0.99", Web6];
        Assert.DoesNotContain(wire.Packets, packet => own.Contains($"{packet.Source}") && partners.Contains($"{packet.Destination}"));
        Eventually.Holds(() => Assert.Contains($"{External} is at default/a; {External6} is at default/a", agent.Log));
    }

    [Fact]
    public void All_other_ports_are_refused_at_once()
    {
        Lab.UseIPv6();
        Write(Service("partner", $"{External}, '{External6}'"), Router("a", EgressLab.ReservedAddress, with6: true));
        Scenario.StartAgent();
        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        WaitForTcp(Lab.Neighbour, External6, 86, $"[{Web6}]:80");
        foreach (string address in (string[])[External, External6])
        {
            foreach (int port in ClosedPorts)
            {
                AtOnce.AssertRefusesTcp(Lab.Neighbour, address, port);
                AtOnce.AssertRefusesUdp(Lab.Neighbour, address, port);
            }

            Assert.Equal(ProbeOutcome.Answered, Lab.Neighbour.Ping(address).Outcome);
        }

        // Nor does the reserved address answer now.
        Assert.Equal(ProbeOutcome.Refused, Lab.Neighbour.ProbeTcp(EgressLab.ReservedAddress, 80).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Neighbour.ProbeTcp(EgressLab.ReservedAddress, 8080).Outcome);
    }

    // 47 is GRE, of which connection tracking knows something.
    [Theory]
    [InlineData(253)]
    [InlineData(47)]
    public void Protocol_that_nothing_takes_is_refused_as_by_any_host(int protocol)
    {
        Write(Service("partner", External), Router("a", EgressLab.ReservedAddress));
        Scenario.StartAgent();
        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        using PacketCapture capture = Lab.Neighbour.Capture("eth0");
        using Socket client = Lab.Neighbour.CreateRawSocket(protocol);

        client.SendTo([0, 0, 8, 0, 0, 0, 0, 1, .. "hello"u8], new IPEndPoint(IPAddress.Parse(External), 0));

        Eventually.True(
            "the ICMP error", () => capture.Packets.Any(packet => packet is { Protocol: PacketProtocol.Icmp, Kind: 0x0302 or 0x0303 } && $"{packet.Source}" == External));
    }

    [Fact]
    public void Clients_are_respected_and_those_that_are_taken_out_are_cut_off()
    {
        Write(Service("partner", External), Router("a", EgressLab.ReservedAddress, $"egressagent.org/clients: {EgressLab.NeighbourAddress}/32"));
        Scenario.StartAgent();
        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        Assert.Equal(ProbeOutcome.Refused, Lab.Gateway.ProbeTcp(External, 80).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Gateway.ProbeUdp(External, 5353).Outcome);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Neighbour, External, 80);

        Write(Router("a", EgressLab.ReservedAddress, "egressagent.org/clients: node"));

        WaitForRefusal(Lab.Neighbour, External, 80);
        Assert.Equal(ProbeOutcome.Refused, Lab.Neighbour.ProbeUdp(External, 5353).Outcome);
        transfer.WaitForReset();
    }

    [Fact]
    public void Client_to_which_the_way_back_is_another_one_is_refused()
    {
        Write(Service("partner", External), Router("a", EgressLab.ReservedAddress));
        Scenario.StartAgent();
        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        using PacketCapture node = Lab.Node.Capture("egress.default.a");
        Lab.Neighbour.Ip("address add 198.18.0.77/32 dev lo");

        Assert.NotEqual(ProbeOutcome.Answered, Lab.Neighbour.ProbeTcp(External, 80, TimeSpan.FromMilliseconds(500), from: "198.18.0.77").Outcome);
        Assert.DoesNotContain(node.Packets, packet => $"{packet.Destination}" == "198.18.0.77");
    }

    [Fact]
    public void Reserved_address_of_the_router_may_be_the_external_one()
    {
        Write(Service("partner", EgressLab.ReservedAddress), Router("a", EgressLab.ReservedAddress));
        Scenario.StartAgent();

        WaitForTcp(Lab.Neighbour, EgressLab.ReservedAddress, 80, "203.0.113.26:80");
        Assert.Equal(EgressLab.ReservedAddress, Lab.Neighbour.ProbeTcp(EgressLab.ReservedAddress, 80).SeenSource);
        Assert.Equal(EgressLab.ReservedAddress, Lab.Neighbour.ProbeUdp(EgressLab.ReservedAddress, 5353).SeenSource);
        Assert.All(ClosedPorts, port => Assert.Equal(ProbeOutcome.Refused, Lab.Neighbour.ProbeTcp(EgressLab.ReservedAddress, port).Outcome));

        Files.Delete("partner.yaml");
        WaitForRefusal(Lab.Neighbour, EgressLab.ReservedAddress, 80);
        Assert.Contains($"{EgressLab.ReservedAddress}/24", new ObservedRouter("a").Ip("address show dev net1"));
    }

    [Fact]
    public void Two_Services_share_an_address_if_their_ports_differ()
    {
        Write(Service("partner", External), Service("second", External, port: 81), Service("third", External, port: 81), Router("a", EgressLab.ReservedAddress));
        AgentProcess agent = Scenario.StartAgent();

        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        WaitForTcp(Lab.Neighbour, External, 81, "203.0.113.26:80");
        agent.WaitForLog(
            $"third.yaml:5:17: spec.externalIPs[0]: 81/TCP at {External} already belongs to the Service default/second in {Files.Routers}/second.yaml, line 3");

        Files.Delete("second.yaml");
        WaitForTcp(Lab.Neighbour, External, 81, "203.0.113.26:80");
        Files.Delete("third.yaml");
        WaitForRefusal(Lab.Neighbour, External, 81);
        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
    }

    [Fact]
    public void Fallback_takes_what_a_Service_opens_and_nothing_else()
    {
        string router = Router("a", EgressLab.ReservedAddress).Replace("  redirect:", "  redirect:\n    fallbackIP: 203.0.113.26");
        Write(Service("partner", External).Replace("targetPort: 8080", "targetPort: 80"), router);
        Scenario.StartAgent();

        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        Assert.Equal(EgressLab.ReservedAddress, Lab.Neighbour.ProbeTcp(External, 80).SeenSource);
        Assert.All(ClosedPorts, port => Assert.Equal(
            (port, ProbeOutcome.Refused, ProbeOutcome.Refused), (port, Lab.Neighbour.ProbeTcp(External, port).Outcome, Lab.Neighbour.ProbeUdp(External, port).Outcome)));
    }

    [Fact]
    public void Destination_that_is_the_node_itself_is_reached_too()
    {
        Lab.Node.ServeTcp(EgressLab.NodeAddress, 9000);
        string router = Router("a", EgressLab.ReservedAddress)
            .Replace("\"203.0.113.26\", port: 8080, targetPort: 80", $"\"{EgressLab.NodeAddress}\", port: 8080, targetPort: 9000");
        Write(Service("partner", External), router);
        Scenario.StartAgent();

        WaitForTcp(Lab.Neighbour, External, 80, $"{EgressLab.NodeAddress}:9000");
        Assert.Equal(EgressLab.ReservedAddress, Lab.Neighbour.ProbeTcp(External, 80).SeenSource);
    }

    [Theory]
    [InlineData(External)]
    [InlineData(External6)]
    public void Address_that_another_host_has_is_told_and_taken_when_it_lets_go(string external)
    {
        Lab.UseIPv6();
        string held = external + (external == External6 ? "/64" : "/24");
        Lab.Gateway.AddAddress("lan", held);
        Write(Service("partner", $"'{external}'"), Router("a", EgressLab.ReservedAddress, with6: true));
        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog($"ERR default/a: without {external}: {external} is in use by another host");
        agent.WaitForLog($"WRN Service default/partner: without {external}: {external} is in use by another host");
        Assert.DoesNotContain(external, new ObservedRouter("a").Ip("address show dev net1"));
        WaitForTcp(Lab.Client, new ObservedRouter("a").InsideAddress!, 8080, "203.0.113.26:80");

        Lab.Gateway.Ip($"address del {held} dev lan");
        WaitForTcp(Lab.Neighbour, external, external == External6 ? 86 : 80, external == External6 ? $"[{Web6}]:80" : "203.0.113.26:80");
        agent.WaitForLog($"{external} works now; over:");
        agent.WaitForLog($"Service default/partner: over: without {external}");
    }

    [Fact]
    public void Other_host_that_comes_later_is_told_until_it_goes()
    {
        Write(Service("partner", External), Router("a", EgressLab.ReservedAddress));
        AgentProcess agent = Scenario.StartAgent();
        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");

        Lab.Gateway.AddAddress("lan", External + "/24");
        Lab.Gateway.ProbeUdp("192.168.12.3", 9, TimeSpan.FromMilliseconds(300), from: External);

        agent.WaitForLog($"WRN default/a: {External} is also used by another host");
        agent.WaitForLog($"WRN Service default/partner: {External} is also used by another host");
        Assert.Contains(External, new ObservedRouter("a").Ip("address show dev net1"));
        Lab.Gateway.Ip($"address del {External}/24 dev lan");
        agent.WaitForLog($"INF default/a: no other host uses {External} any more");
        agent.WaitForLog($"INF Service default/partner: over: {External} is also used");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void First_available_router_by_name_holds_the_address_and_gives_it_back(bool losesCarrier)
    {
        Lab.Lan.Attach(Lab.Node, "eth1", port: 2);
        Write(
            Service("partner", External),
            Router("a", EgressLab.ReservedAddress, master: "eth1"),
            Router("b", SecondReserved, master: "eth0"));
        AgentProcess agent = Scenario.StartAgent();
        WaitForHolder(EgressLab.ReservedAddress);

        SetMaster(isUp: false);
        WaitForHolder(SecondReserved);
        Assert.DoesNotContain(External, new ObservedRouter("a").Ip("address show dev net1"));

        SetMaster(isUp: true);
        WaitForHolder(EgressLab.ReservedAddress);
        Assert.DoesNotContain(External, new ObservedRouter("b").Ip("address show dev net1"));
        Assert.DoesNotContain("in use by another host", agent.Log);

        void SetMaster(bool isUp)
        {
            if (losesCarrier)
            {
                Lab.Lan.SetCarrier(Lab.Node, isUp, port: 2);
            }
            else
            {
                Lab.Node.Ip($"link set eth1 {(isUp ? "up" : "down")}");
            }
        }
    }

    [Fact]
    public void Router_that_is_removed_leaves_the_address_to_the_next_one()
    {
        Write(Service("partner", External), Router("a", EgressLab.ReservedAddress), Router("b", SecondReserved));
        AgentProcess agent = Scenario.StartAgent();
        WaitForHolder(EgressLab.ReservedAddress);

        Files.Delete("a.yaml");

        WaitForHolder(SecondReserved);
        Assert.DoesNotContain("in use by another host", agent.Log);
        Eventually.Holds(() => Assert.Contains($"leads to default/b; {External} is at default/b", agent.Log));
    }

    [Fact]
    public void Removed_Service_takes_its_address_and_its_flows_with_it()
    {
        Write(Service("partner", External), Router("a", EgressLab.ReservedAddress));
        AgentProcess agent = Scenario.StartAgent();
        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Neighbour, External, 80);

        Files.Delete("partner.yaml");

        Eventually.Holds(() => Assert.DoesNotContain(External, new ObservedRouter("a").Ip("address show dev net1")));
        Eventually.Holds(() => Assert.NotEqual(ProbeOutcome.Answered, Lab.Neighbour.ProbeTcp(External, 80, TimeSpan.FromMilliseconds(300)).Outcome));
        using NetworkNamespace netns = NetworkNamespace.TryOpen("egress.default.a")!;
        using ConntrackTable table = ConntrackTable.Open(netns);
        Eventually.Holds(() => Assert.DoesNotContain(table.GetFlows(), flow => flow.Original.Destination.Equals(IPAddress.Parse(External))));
        long blocks = transfer.Blocks;
        Assert.NotEqual(ProbeOutcome.Answered, Lab.Neighbour.ProbeTcp(External, 80, TimeSpan.FromMilliseconds(300)).Outcome);
        Assert.Equal(blocks, transfer.Blocks);
        WaitForTcp(Lab.Client, new ObservedRouter("a").InsideAddress!, 8080, "203.0.113.26:80");
    }

    [Theory]
    [InlineData("Service")]
    [InlineData("port")]
    [InlineData("client")]
    public void Cut_flow_ends_at_the_partner_too_and_nothing_of_it_leaves_with_the_inside_address(string removed)
    {
        const int ServicePort = 90;
        const int InsidePort = 8090;
        string service = Service("partner", External).Replace(
            "  - { name: dns",
            $$"""
              - { name: cut, port: {{ServicePort}}, targetPort: {{InsidePort}} }
              - { name: cutdns, port: {{ServicePort}}, targetPort: {{InsidePort}}, protocol: UDP }
              - { name: dns
            """);
        string router = Router("a", EgressLab.ReservedAddress).TrimEnd() + $$"""

                - { destinationIP: "203.0.113.26", port: {{InsidePort}}, targetPort: 90, protocol: TCP }
                - { destinationIP: "10.0.0.99", port: {{InsidePort}}, targetPort: 90, protocol: UDP }
            """;
        Write(service, router);
        AgentProcess agent = Scenario.StartAgent();
        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        string inside = new ObservedRouter("a").WaitForInsideAddress(agent);
        Lab.Neighbour.Ip($"route add {inside} via {EgressLab.NodeAddress}");
        LabHost living = removed == "client" ? Lab.Client : Lab.Neighbour;
        using CutFlows flows = new(Lab, cut: new(Lab.Neighbour, External, ServicePort, ServicePort), living: new(living, inside, InsidePort, InsidePort));
        using PacketCapture node = Lab.Node.Capture("egress.default.a");
        using PacketCapture client = Lab.Neighbour.Capture("eth0");

        if (removed == "client")
        {
            Write(router.Replace("annotations: { ", "annotations: { egressagent.org/clients: 10.88.0.0/24"));
        }
        else if (removed == "port")
        {
            Write(Service("partner", External));
        }
        else
        {
            Files.Delete("partner.yaml");
        }

        flows.WaitForEnd();
        Assert.DoesNotContain(
            node.Packets.Concat(client.Packets),
            packet => $"{packet.Source}" == inside && $"{packet.Destination}" == EgressLab.NeighbourAddress && flows.CutPorts.Contains(packet.DestinationPort));
        if (removed != "Service" && this is RelayExternalAddressTests)
        {
            Eventually.True("the reset at the client", () => client.Packets.Any(packet => packet.IsReset && $"{packet.Source}" == External && packet.DestinationPort == flows.CutPorts[0]));
        }
    }

    [Fact]
    public void Flow_that_connection_tracking_has_forgotten_does_not_leave_with_the_inside_address()
    {
        Write(
            Service("partner", External),
            Router("a", EgressLab.ReservedAddress).Replace("port: 53, targetPort: 80", "port: 53, targetPort: 90"));
        AgentProcess agent = Scenario.StartAgent();
        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        string inside = new ObservedRouter("a").WaitForInsideAddress(agent);
        using SendingPartner partner = new(Lab.Mainframe, "10.0.0.99", 90, ProtocolType.Udp);
        using Socket client = partner.Connect(Lab.Neighbour, External, 5353, out SendingPartner.Peer atPartner);
        using PacketCapture node = Lab.Node.Capture("egress.default.a");
        using NetworkNamespace netns = NetworkNamespace.TryOpen("egress.default.a")!;
        using ConntrackTable table = ConntrackTable.Open(netns);

        Assert.All(table.GetFlows().Where(flow => flow.Original.Destination.Equals(IPAddress.Parse(External))), flow => table.Remove(flow));

        Eventually.True("the end of the association at the partner", () => atPartner.HasEnded);
        Assert.DoesNotContain(node.Packets, packet => $"{packet.Source}" == inside && $"{packet.Destination}" == EgressLab.NeighbourAddress);
    }

    [Fact]
    public void Restart_of_the_agent_keeps_the_address_and_the_flows_of_the_kernel()
    {
        Write(Service("partner", External), Router("a", EgressLab.ReservedAddress));
        AgentProcess agent = Scenario.StartAgent();
        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        using EchoedTransfer? transfer = this is KernelExternalAddressTests ? EchoedTransfer.Start(Lab.Neighbour, External, 80) : null;
        string before = new ObservedRouter("a").Ip("-oneline address show dev net1");

        agent.Stop();
        transfer?.WaitForBlocks(10);
        agent = Scenario.StartAgent();

        Eventually.Holds(() => Assert.Contains($"{External} is at default/a", agent.Log));
        WaitForTcp(Lab.Neighbour, External, 80, "203.0.113.26:80");
        Assert.Equal(before, new ObservedRouter("a").Ip("-oneline address show dev net1"));
        Assert.DoesNotContain($"claim address {External}", agent.Log);
        transfer?.WaitForBlocks(10);
    }

    [Fact]
    public void Address_of_another_network_is_not_claimed_and_told()
    {
        Write(Service("partner", "10.9.9.9"), Router("a", EgressLab.ReservedAddress));
        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog("Service default/partner: the external address 10.9.9.9 belongs to no network of eth0 (192.168.12.0/24)");
        Assert.DoesNotContain("10.9.9.9", new ObservedRouter("a").Ip("address show dev net1"));
    }

    // It is the one that has this reserved address.
    private void WaitForHolder(string reserved)
    {
        Stopwatch clock = Stopwatch.StartNew();
        Eventually.Holds(() => Assert.Equal(reserved, Lab.Neighbour.ProbeTcp(External, 80, TimeSpan.FromMilliseconds(300)).SeenSource));
        TestContext.Current.TestOutputHelper?.WriteLine($"at {reserved} after {clock.Elapsed.TotalMilliseconds:0} ms");
    }

    private protected void Write(params string[] documents)
    {
        foreach (string document in documents)
        {
            Files.Write($"{document.Split("name: ")[1].Split(',')[0].Trim()}.yaml", document);
        }
    }

    // The tests know the line of the addresses.
    private protected static string Service(string name, string external, int port = 80) => $$"""
        apiVersion: v1
        kind: Service
        metadata: { name: {{name}}, namespace: default }
        spec:
          externalIPs: [{{external}}]
          selector: { app: egress-router-cni }
          ports:
          - { name: web, port: {{port}}, targetPort: 8080 }
          - { name: dns, port: {{5273 + port}}, protocol: UDP, targetPort: 53 }
        {{(external.Contains(':') ? "  - { name: web6, port: 86, targetPort: 8086 }\n  - { name: dns6, port: 5356, protocol: UDP, targetPort: 8053 }" : "")}}
        """;

    private protected static string Router(string name, string address, string annotations = "", bool with6 = false, string? master = null) => $$"""
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata: { name: {{name}}, annotations: { {{annotations}} } }
        spec:
          networkInterface: { macvlan: { {{(master is null ? "" : $"master: {master}")}} } }
          addresses: [ { ip: "{{address}}/24", gateway: "192.168.12.1" }{{(with6 ? $", {{ ip: '{Reserved6}/64' }}" : "")}} ]
          redirect:
            redirectRules:
            - { destinationIP: "203.0.113.26", port: 8080, targetPort: 80, protocol: TCP }
            - { destinationIP: "10.0.0.99", port: 53, targetPort: 80, protocol: UDP }
        {{(with6 ? $"    - {{ destinationIP: '{Web6}', port: 8086, targetPort: 80, protocol: TCP }}\n    - {{ destinationIP: '{Web6}', port: 8053, targetPort: 53, protocol: UDP }}" : "")}}
        """;
}
