using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>Clients reach routers by the address of a Service.</summary>
public sealed class KernelServiceTrafficTests() : ServiceTrafficTests("kernel")
{
    [Fact]
    public void Connections_of_the_other_router_live_on_while_one_is_lost_and_the_agent_killed() => LoseARouter(kills: true);

    private protected override Func<bool> WatchForRetransmission(EchoedTransfer transfer)
    {
        long before = transfer.Retransmissions;
        return () => transfer.Retransmissions > before;
    }
}

/// <inheritdoc cref="KernelServiceTrafficTests"/>
public sealed class RelayServiceTrafficTests() : ServiceTrafficTests("relay")
{
    // What the client sent is with the relay.
    private protected override Func<bool> WatchForRetransmission(EchoedTransfer transfer)
    {
        long before = Retransmissions();
        return () => Retransmissions() > before;

        static long Retransmissions()
        {
            string[][] tcp = [.. Command.Check("nsenter", "--net=/run/netns/egress.default.b", "--", "grep", "^Tcp:", "/proc/net/snmp").TrimEnd().Split('\n').Select(line => line.Split(' '))];
            return long.Parse(tcp[1][Array.IndexOf(tcp[0], "RetransSegs")]);
        }
    }
}

/// <inheritdoc cref="KernelServiceTrafficTests"/>
public abstract partial class ServiceTrafficTests(string datapath) : AgentTest(datapath)
{
    private const string Address = "198.19.0.9";
    private const string Address6 = "fd96:e9e5:b::9";
    private const string Reserved6 = "2001:db8:12::99";
    private const string SecondReserved = "192.168.12.98";

    // None of ten connections failed.
    private static readonly Dictionary<string, int> TenByTheOther = new() { [EgressLab.ReservedAddress] = 10 };
    private static readonly Dictionary<string, int> TenByBoth = new() { [EgressLab.ReservedAddress] = 5, [SecondReserved] = 5 };

    [Fact]
    public void Service_answers_on_its_ports_alone_and_leaves_as_the_reserved_address()
    {
        FilterStrictly();
        string host = DescribeNode();
        StartWithService(Router("a", EgressLab.ReservedAddress));

        foreach (LabHost client in (LabHost[])[Lab.Node, Lab.Client])
        {
            WaitForTcp(client, Address, 80, "203.0.113.26:80");
            Assert.Equal(EgressLab.ReservedAddress, client.ProbeTcp(Address, 80).SeenSource);
            ProbeResult datagram = client.ProbeUdp(Address, 53);
            Assert.Equal((EgressLab.ReservedAddress, "10.0.0.99:80"), (datagram.SeenSource, datagram.SeenTarget));
            Assert.Equal(ProbeOutcome.Refused, client.ProbeTcp(Address, 8080).Outcome);
            Assert.Equal(ProbeOutcome.Refused, client.ProbeTcp(Address, 99).Outcome);
            Assert.Equal(ProbeOutcome.Refused, client.ProbeTcp("198.19.77.77", 80).Outcome);
            Assert.Equal(ProbeOutcome.Refused, client.ProbeUdp(Address, 54).Outcome);
        }

        Assert.Equal(host, DescribeNode());
    }

    [Fact]
    public void Service_over_IPv6_answers_on_its_ports_alone_and_leaves_as_the_reserved_address()
    {
        Lab.UseIPv6();
        Lab.Node.AddAddress("client", "fd88::1/64");
        Lab.Client.AddAddress("eth0", "fd88::2/64");
        Lab.Client.Ip("route add default via fd88::1");
        Files.Write("a.yaml", $$"""
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata: { name: a }
            spec:
              addresses: [ { ip: "{{Reserved6}}/64" } ]
              redirect:
                redirectRules:
                - { destinationIP: "{{EgressLab.Web6}}", port: 8086, targetPort: 80, protocol: TCP }
                - { destinationIP: "{{EgressLab.Web6}}", port: 8053, targetPort: 53, protocol: UDP }
            """);
        Files.Write("service.yaml", $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: partner }
            spec:
              clusterIP: "{{Address6}}"
              ipFamilies: [IPv6]
              selector: { app: egress-router-cni }
              ports:
              - { name: web, port: 80, targetPort: 8086 }
              - { name: dns, port: 53, protocol: UDP, targetPort: 8053 }
            """);
        Scenario.StartAgent();

        foreach (LabHost client in (LabHost[])[Lab.Node, Lab.Client])
        {
            WaitForTcp(client, Address6, 80, $"[{EgressLab.Web6}]:80");
            Assert.Equal(Reserved6, client.ProbeTcp(Address6, 80).SeenSource);
            ProbeResult datagram = client.ProbeUdp(Address6, 53);
            Assert.Equal((Reserved6, $"[{EgressLab.Web6}]:53"), (datagram.SeenSource, datagram.SeenTarget));
            Assert.Equal(ProbeOutcome.Refused, client.ProbeTcp(Address6, 8086).Outcome);
            Assert.Equal(ProbeOutcome.Refused, client.ProbeTcp(Address6, 99).Outcome);
            Assert.Equal(ProbeOutcome.Refused, client.ProbeTcp("fd96:e9e5:b::77", 80).Outcome);
            Assert.Equal(ProbeOutcome.Refused, client.ProbeUdp(Address6, 54).Outcome);
        }
    }

    // 47 is GRE, of which connection tracking knows something.
    [Theory]
    [InlineData(253, 0x0302)]
    [InlineData(47, 0x0303)]
    public void Protocol_that_no_Service_takes_is_refused_and_leaves_no_entry(int protocol, int refusal)
    {
        StartWithService(Router("a", EgressLab.ReservedAddress));
        WaitForTcp(Lab.Client, Address, 80, "203.0.113.26:80");
        using NetworkNamespace services = NetworkNamespace.TryOpen("egress-services")!;
        using ConntrackTable table = ConntrackTable.Open(services);
        using PacketCapture capture = Lab.Client.Capture("eth0");
        using Socket client = Lab.Client.CreateRawSocket(protocol);

        client.SendTo([0, 0, 8, 0, 0, 0, 0, 1, .. "hello"u8], new IPEndPoint(IPAddress.Parse(Address), 0));

        Eventually.True("the ICMP error", () => capture.Packets.Any(packet => packet is { Protocol: PacketProtocol.Icmp } && packet.Kind == refusal));
        Assert.DoesNotContain(table.GetFlows(), flow => flow.Original.Protocol == protocol);
    }

    [Fact]
    public void Router_sees_the_address_of_the_client_itself()
    {
        StartWithService(Router("a", EgressLab.ReservedAddress, "egressagent.org/clients: 10.88.0.2/32"));

        WaitForTcp(Lab.Client, Address, 80, "203.0.113.26:80");
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(Address, 80).Outcome);
    }

    [Fact]
    public void Two_routers_share_what_one_client_opens_and_a_lost_one_is_left_out()
    {
        Lab.Lan.Attach(Lab.Node, "eth1", port: 2);
        StartWithService(Router("a", EgressLab.ReservedAddress), Router("b", SecondReserved, master: "eth1"));
        Eventually.Holds(() => Assert.Equal(2, Sources(10).Count));

        Dictionary<string, int> shares = Sources(400);
        Assert.Equal(400, shares.Values.Sum());
        Assert.All(shares.Values, share => Assert.InRange(share, 160, 240));

        Lab.Node.Ip("link set eth1 down");
        Eventually.Holds(() => Assert.Equal([EgressLab.ReservedAddress], Sources(10).Keys), TimeSpan.FromSeconds(2));
        Lab.Node.Ip("link set eth1 up");
        Eventually.Holds(() => Assert.Equal(2, Sources(10).Count));
    }

    [Fact]
    public void Router_whose_gateway_does_not_answer_is_left_out_while_there_is_another()
    {
        AgentProcess agent = StartWithService(
            Router("a", EgressLab.ReservedAddress), Router("b", SecondReserved).Replace("192.168.12.1\"", "192.168.12.7\"", StringComparison.Ordinal));
        agent.WaitForLog("the IPv4 gateway 192.168.12.7 does not answer", TimeSpan.FromSeconds(20));
        Eventually.Holds(() => Assert.Equal(TenByTheOther, Sources(10)));

        Lab.Gateway.AddAddress("lan", "192.168.12.7/24");
        agent.WaitForLog("the IPv4 gateway 192.168.12.7 answers", TimeSpan.FromSeconds(20));
        Eventually.Holds(() => Assert.Equal(2, Sources(10).Count));
    }

    [Fact]
    public void Connections_of_the_other_router_live_on_while_one_is_lost() => LoseARouter(kills: false);

    protected void LoseARouter(bool kills)
    {
        Lab.Lan.Attach(Lab.Node, "eth1", port: 2);
        AgentProcess agent = StartWithService(Router("a", EgressLab.ReservedAddress), Router("b", SecondReserved, master: "eth1"));
        Eventually.Holds(() => Assert.Equal(TenByBoth, Sources(10)));
        LabHost[] clients = [Lab.Node, Lab.Client];
        List<EchoedTransfer> atA = [.. clients.Select(client => TransferBy(client, EgressLab.ReservedAddress))];
        List<EchoedTransfer> atB = [.. clients.Select(client => TransferBy(client, SecondReserved))];
        List<Socket> datagrams = [.. clients.Select(client => DatagramsBy(client, SecondReserved))];

        // What a client sends while the router is lost has to be sent again. Of what it sent before, the answer alone may be missing.
        atB.ForEach(transfer => transfer.Suspend());
        Lab.Node.Ip("link set eth1 down");
        Func<bool>[] haveSentAgain = [.. atB.Select(WatchForRetransmission)];
        atB.ForEach(transfer => transfer.Resume());
        Eventually.Holds(() => Assert.Equal(TenByTheOther, Sources(10)));

        // All in turn: one that is silent for half a minute would be a new flow, cut or not.
        Eventually.Holds(() => Assert.All(datagrams, socket => Assert.Equal(EgressLab.ReservedAddress, SourceOf(socket))));
        Assert.All(haveSentAgain, hasSentAgain => Eventually.True("a block to be sent again", hasSentAgain));
        GoOn(atA);
        if (kills)
        {
            agent.Kill();
            Assert.Equal(TenByTheOther, Sources(10));
            agent = Scenario.StartAgent();
            Assert.Equal(TenByTheOther, Sources(10));
        }

        Lab.Node.Ip("link set eth1 up");
        Eventually.Holds(() => Assert.Equal(TenByBoth, Sources(10)));
        GoOn([.. atA, .. atB]);
        Assert.All(datagrams, socket => Assert.Equal(EgressLab.ReservedAddress, NextSourceOf(socket)));
        if (kills)
        {
            agent.Kill();
            Assert.Equal(TenByBoth, Sources(10));
            Scenario.StartAgent();
            Lab.Node.Ip("link set eth1 down");
            Eventually.Holds(() => Assert.Equal(TenByTheOther, Sources(10)));
            GoOn(atA);
        }
    }

    /// <summary>Says, from now on, whether what is on its way to a partner by the second router was sent again.</summary>
    private protected abstract Func<bool> WatchForRetransmission(EchoedTransfer transfer);

    [Fact]
    public void Client_affinity_keeps_a_client_at_one_router()
    {
        StartWith("sessionAffinity: ClientIP", Router("a", EgressLab.ReservedAddress), Router("b", SecondReserved));
        WaitForTcp(Lab.Client, Address, 80, "203.0.113.26:80");

        Eventually.Holds(() => Assert.Single(Sources(20)));
    }

    [Fact]
    public void Without_an_available_router_clients_are_refused_at_once_and_told_why()
    {
        AgentProcess agent = StartWithService(Router("a", EgressLab.ReservedAddress));
        WaitForTcp(Lab.Node, Address, 80, "203.0.113.26:80");

        Files.Delete("a.yaml");

        WaitForRefusal(Lab.Node, Address, 80);
        Eventually.Holds(() => Assert.Contains("the selector app=egress-router-cni matches no router of the namespace default", agent.Log));
    }

    [Fact]
    public void Removed_Service_takes_its_connections_with_it_and_leaves_nothing()
    {
        StartWithService(Router("a", EgressLab.ReservedAddress));
        WaitForTcp(Lab.Node, Address, 80, "203.0.113.26:80");

        Files.Delete("service.yaml");

        Eventually.Holds(() => Assert.Empty(Directory.GetFiles("/run/netns", "egress-services")));
        Assert.DoesNotContain("egr-services", Lab.Node.Ip("link show"), StringComparison.Ordinal);
        Eventually.Holds(() => Assert.DoesNotContain("eth1", Command.Check("ip", "-n", "egress.default.a", "link"), StringComparison.Ordinal));
        Assert.NotEqual(ProbeOutcome.Answered, Lab.Node.ProbeTcp(Address, 80).Outcome);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Flow_of_a_removed_Service_ends_at_the_partner_too_and_nothing_of_it_comes_by_another_link(bool isLast)
    {
        string router = Router("a", EgressLab.ReservedAddress)
            .Replace("targetPort: 80,", "targetPort: 90,", StringComparison.Ordinal)
            .Replace("port: 80, protocol: UDP", "port: 80, targetPort: 90, protocol: UDP", StringComparison.Ordinal);
        if (!isLast)
        {
            Files.Write("other.yaml", """
                apiVersion: v1
                kind: Service
                metadata: { name: other }
                spec: { selector: { app: egress-router-cni }, ports: [ { port: 80, targetPort: 8080 } ] }
                """);
        }

        AgentProcess agent = StartWithService(router);
        string inside = new ObservedRouter("a").WaitForInsideAddress(agent);
        agent.WaitForLog("Service default/partner: leads to default/a");
        using CutFlows flows = new(Lab, cut: new(Lab.Client, Address, 80, 53), living: new(Lab.Client, inside, 8080, 80));
        using PacketCapture client = Lab.Client.Capture("eth0");

        Files.Delete("service.yaml");

        flows.WaitForEnd();
        Assert.DoesNotContain(client.Packets, packet => $"{packet.Source}" == inside && flows.CutPorts.Contains(packet.DestinationPort));
    }

    [Fact]
    public void Damage_by_hand_is_repaired()
    {
        StartWithService(Router("a", EgressLab.ReservedAddress));
        foreach (Action damage in (Action[])
        [
            () => Lab.Node.Check("ip", "netns", "exec", "egress-services", "nft", "flush", "ruleset"),
            () => Lab.Node.Ip("link delete egr-services"),
            () => NamedNetns.Delete("egress-services"),

            // What is served still goes through the namespace that lost its name, whose links the kernel deletes at some time.
            () => Eventually.True(
                "eth1 to be deleted", () => Lab.Node.Run("ip", "-n", "egress.default.a", "link", "delete", "eth1").ExitCode == 0),
        ])
        {
            WaitForTcp(Lab.Node, Address, 80, "203.0.113.26:80");
            damage();
            WaitForTcp(Lab.Node, Address, 80, "203.0.113.26:80");
        }
    }

    private static string Router(string name, string address, string annotations = "", string? master = null) => $$"""
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata: { name: {{name}}, annotations: { {{annotations}} } }
        spec:
          networkInterface: { macvlan: { {{(master is null ? "" : $"master: {master}")}} } }
          addresses: [ { ip: "{{address}}/24", gateway: "192.168.12.1" } ]
          redirect:
            redirectRules:
            - { destinationIP: "203.0.113.26", port: 8080, targetPort: 80, protocol: TCP }
            - { destinationIP: "10.0.0.99", port: 80, protocol: UDP }
        """;

    private AgentProcess StartWithService(params string[] routers) => StartWith("", routers);

    private AgentProcess StartWith(string fields, params string[] routers)
    {
        foreach (string router in routers)
        {
            Files.Write($"{NameOf().Match(router).Groups[1].Value}.yaml", router);
        }

        Files.Write("service.yaml", $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: partner }
            spec:
              {{fields}}
              clusterIP: {{Address}}
              selector: { app: egress-router-cni }
              ports:
              - { name: web, port: 80, targetPort: 8080 }
              - { name: dns, port: 53, protocol: UDP, targetPort: 80 }
            """);
        return Scenario.StartAgent();
    }

    // As distributions and firewalld do.
    private void FilterStrictly()
    {
        Lab.Node.Check("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1");
        Lab.Node.Check("nft", "table inet strict { chain reverse { type filter hook prerouting priority -290; policy accept; fib saddr . iif oif missing drop; }; }");
    }

    // Without what belongs to links of the agent.
    private string DescribeNode() => string.Join('\n', Lab.Node.Check("nft", "list", "ruleset").Split('\n')
        .Concat(Lab.Node.Check("sh", "-c", "sysctl -a 2>/dev/null").Split('\n')
            .Where(line => line.StartsWith("net.", StringComparison.Ordinal) && !line.Contains("egr-", StringComparison.Ordinal) && !Counting().IsMatch(line))));

    private Dictionary<string, int> Sources(int count) => Enumerable.Range(0, count)
        .Select(_ => Lab.Node.ProbeTcp(Address, 80))
        .Where(probe => probe.Outcome == ProbeOutcome.Answered)
        .GroupBy(probe => probe.SeenSource!)
        .ToDictionary(group => group.Key, group => group.Count());

    // Each connection goes to one of the routers, whichever it is.
    private EchoedTransfer TransferBy(LabHost client, string source)
    {
        EchoedTransfer? transfer = null;
        Eventually.True($"a connection by {source}", () =>
        {
            transfer?.Dispose();
            transfer = Lab.Own(EchoedTransfer.Start(client, Address, 80, TimeSpan.FromMilliseconds(1)));
            return transfer.SeenSource == source;
        });
        return transfer!;
    }

    private Socket DatagramsBy(LabHost client, string source)
    {
        Socket? socket = null;
        Eventually.True($"an association by {source}", () =>
        {
            socket?.Dispose();
            socket = Lab.Own(client.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket => socket.Connect(IPAddress.Parse(Address), 53)));
            return SourceOf(socket) == source;
        });
        return socket!;
    }

    // Of the next datagram; null if it is lost or refused.
    private static string? SourceOf(Socket socket)
    {
        byte[] answer = new byte[256];
        socket.ReceiveTimeout = 1000;
        socket.Send("who am I"u8, SocketFlags.None, out SocketError error);
        int length = error == SocketError.Success ? socket.Receive(answer, SocketFlags.None, out error) : 0;
        return error == SocketError.Success ? Encoding.ASCII.GetString(answer, 0, length).Split(':')[0] : null;
    }

    private static string NextSourceOf(Socket socket)
    {
        string? source = null;
        Eventually.True("an answer", () => (source = SourceOf(socket)) is not null);
        return source!;
    }

    private static void GoOn(List<EchoedTransfer> transfers) => transfers.ForEach(transfer => transfer.WaitForBlocks(10));

    [GeneratedRegex("name: (\\w+),")]
    private static partial Regex NameOf();

    [GeneratedRegex("_count|random|_nr |stat")]
    private static partial Regex Counting();
}
