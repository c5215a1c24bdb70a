using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Flows of rules that went or changed end at once; all others live on.</summary>
public abstract class CutFlowTests(DataPathTest.Fixture fixture) : DataPathTest(fixture)
{
    protected const string Kept = "{ destinationIP: 203.0.113.26, port: 80, protocol: TCP }";
    private const string Doomed = "{ destinationIP: 203.0.113.27, port: 8443, protocol: TCP }";

    public static TheoryData<string, string, string> Changes => new()
    {
        { "removed", Spec($"{Kept}, {Doomed}"), Spec(Kept) },
        { "led elsewhere", Spec($"{Kept}, {Doomed}"), Spec($"{Kept}, {Doomed.Replace("203.0.113.27", "203.0.113.26")}") },
        { "led to another port", Spec($"{Kept}, {Doomed}"), Spec($"{Kept}, {Doomed.Replace("port: 8443,", "port: 8443, targetPort: 80,")}") },
        { "taken from the fallback", Spec(Kept, "203.0.113.27"), Spec(Kept) },
        { "given to another fallback", Spec(Kept, "203.0.113.27"), Spec(Kept, "203.0.113.26") },
        { "taken from the fallback by a rule", Spec(Kept, "203.0.113.27"), Spec($"{Kept}, {Doomed.Replace("203.0.113.27", "203.0.113.26")}", "203.0.113.27") },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void Flow_of_a_port_that_was(string what, string before, string after)
    {
        _ = what;
        Lab.Apply("web", before);
        using EchoedTransfer kept = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);
        using EchoedTransfer cut = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 8443);
        using Socket idle = Lab.Client.OpenTcp(DataPathLab.Inside, 8443);
        kept.WaitForBlocks(10);
        cut.WaitForBlocks(10);

        Lab.Apply("web", after);

        cut.WaitForReset();
        Assert.Equal(SocketError.ConnectionReset, ErrorOf(idle));
        kept.WaitForBlocks(100);
    }

    // Connection tracking would remember those packets, and a pass has to end all the same, on a node whose own flows take long to go
    // through. What hangs is seen as the service manager sees it: the watchdog hears nothing any more.
    [Fact]
    public void Edits_are_in_force_and_passes_end_while_clients_send_what_no_rule_takes_beside_many_flows_of_the_node()
    {
        const int Flows = 150_000;
        const int Clients = 16;
        using Undo ended = new(() => Lab.EndAgent(isKilled: false));
        string timeout = Lab.Node.Check("sysctl", "--values", "net.netfilter.nf_conntrack_udp_timeout").Trim();
        using Undo forgotten = new(() =>
        {
            Lab.Node.Check("nft", "delete table inet tracked");
            Lab.Node.Check("sysctl", "--write", $"net.netfilter.nf_conntrack_udp_timeout={timeout}");
            Lab.Node.Check("conntrack", "--flush");
        });
        Lab.Node.Check("nft", "add table inet tracked; add chain inet tracked input { type filter hook input priority 0; }; add rule inet tracked input ct state new");

        // The flows outlive the test. The router takes the setting over.
        Lab.Node.Check("sysctl", "--write", "net.netfilter.nf_conntrack_udp_timeout=600");
        AgentProcess agent = Lab.RestartAgent("env", "WATCHDOG_USEC=3000000", "DEBUG_INVOCATION=1");
        ObservedRouter router = Lab.Apply("web", Spec($"{Kept}, {Doomed}"));
        using Process cut = Process.Start(
            new ProcessStartInfo("nsenter", [$"--net=/run/netns/{router.NetworkNamespace}", "--", "conntrack", "-E", "-e", "DESTROY"]) { RedirectStandardOutput = true })!;
        using (FrameSender sender = Lab.Client.SendFrames("eth0"))
        {
            PhysicalAddress node = Lab.Node.MacOf("client");
            for (int flow = 0; flow < 4 * Flows && (flow % 1000 != 0 || FlowsOfTheNode() < Flows); flow++)
            {
                sender.TrySend(Frame.Udp(
                    sender.Mac, node, IPAddress.Parse("10.88.0.2"), 1024 + (flow % 50_000), IPAddress.Parse("10.88.0.1"), 1 + (flow / 50_000)));
            }
        }

        bool isStopping = false;
        Thread[] clients = [.. Enumerable.Range(200, Clients).Select(protocol => new Thread(() => Send((byte)protocol)))];
        Array.ForEach(clients, client => client.Start());
        try
        {
            Lab.Apply("web", Spec(Kept));
            Lab.Apply("web", Spec($"{Kept}, {Doomed}"));
            (int beats, int passes) = (agent.Beats, Passes());

            // A pass that takes as long as the watchdog waits silences it. A change of the status brings along one beat.
            Eventually.True("the watchdog to hear of the agent", () => agent.Beats >= beats + 5, otherwise: () => agent.Log);

            // Announcements are repeated, and the kernel tells of some of the agent's own changes a moment later.
            Assert.InRange(Passes() - passes, 0, 10);

            // Not how soon: among so many packets one may be lost, and is sent again after a second.
            Assert.Equal(ProbeOutcome.Refused, Lab.Client.ProbeTcp(DataPathLab.Inside, 9).Outcome);
            Eventually.True("the status", () => agent.Status.StartsWith("1 router active"), otherwise: () => $"{agent.Status}\n{agent.Log}");
            Assert.InRange(FlowsOfTheNode(), Flows, int.MaxValue);
            Assert.All(clients, client => Assert.True(client.IsAlive, "a client had sent all that it sends at most"));
        }
        finally
        {
            Volatile.Write(ref isStopping, true);
            Array.ForEach(clients, client => client.Join());
            cut.Kill();
        }

        // Each edit looks twice at most for flows to cut, however soon there are others.
        Assert.InRange(cut.StandardOutput.ReadToEnd().Split('\n').Count(flow => flow.Contains("unknown")), 0, 2 * 2 * Clients);
        AtOnce.AssertRefusesTcp(Lab.Client, DataPathLab.Inside, 9);

        int FlowsOfTheNode() => int.Parse(Lab.Node.Check("sysctl", "--values", "net.netfilter.nf_conntrack_count"), CultureInfo.InvariantCulture);

        int Passes() => agent.Log.Split("a pass over it begins").Length - 1;

        // Without a pause, but not for ever.
        void Send(byte protocol)
        {
            const int Most = 20_000_000;
            long start = Stopwatch.GetTimestamp();
            using FrameSender sender = Lab.Client.SendFrames("eth0");
            byte[] frame = Frame.Other(
                sender.Mac, Lab.Node.MacOf("client"), IPAddress.Parse("10.88.0.2"), IPAddress.Parse(DataPathLab.Inside), protocol);
            for (int i = 0; i < Most && Stopwatch.GetElapsedTime(start) < 4 * Eventually.DefaultDeadline && !Volatile.Read(ref isStopping); i++)
            {
                sender.TrySend(frame);
            }
        }
    }

    [Fact]
    public void Ipv6_flow_of_a_removed_rule_is_cut()
    {
        const string kept = "{ destinationIP: \"2001:db8:ff::26\", port: 80, protocol: TCP }";
        const string doomed = "{ destinationIP: \"2001:db8:ff::27\", port: 8443, protocol: TCP }";
        static string Ipv6(string rules) => $"addresses: [ {{ ip: \"2001:db8:12::99/64\" }} ], redirect: {{ redirectRules: [ {rules} ] }}";
        Lab.Apply("six", Ipv6($"{kept}, {doomed}"));
        using EchoedTransfer living = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside6, 80);
        using EchoedTransfer cut = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside6, 8443);
        living.WaitForBlocks(10);
        cut.WaitForBlocks(10);

        Lab.Apply("six", Ipv6(kept));

        cut.WaitForReset();
        living.WaitForBlocks(100);
    }

    [Fact]
    public void Cut_flow_sends_nothing_to_the_new_destination()
    {
        Lab.Apply("web", Spec(Doomed));
        using EchoedTransfer cut = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 8443);
        cut.WaitForBlocks(10);
        using LanAudit lan = new(Lab);

        Lab.Apply("web", Spec(Doomed.Replace("203.0.113.27", "203.0.113.26")));

        cut.WaitForReset();
        Assert.DoesNotContain(
            lan.Packets,
            packet => packet is { Protocol: PacketProtocol.Tcp, DestinationPort: 8443 } && $"{packet.Destination}" == "203.0.113.26");
    }

    // The kernel keeps packets, translated already, for as long as it asks for the MAC of their next hop.
    [Theory]
    [InlineData("rule", false)]
    [InlineData("rule", true)]
    [InlineData("address", false)]
    [InlineData("address", true)]
    public void What_waits_for_a_gateway_that_is_asked_for_never_leaves_when_its_flow_is_cut(string cutWith, bool isV6)
    {
        (string reserved, string other, string gateway, int length) = isV6
            ? ("2001:db8:12::99", "2001:db8:12::98", "2001:db8:12::77", 64)
            : ("192.168.12.99", "192.168.12.98", "192.168.12.77", 24);
        (string inside, string kept, string doomed) = isV6
            ? (DataPathLab.Inside6, DataPathLab.Web6, DataPathLab.OtherWeb6)
            : (DataPathLab.Inside, DataPathLab.Web, DataPathLab.OtherWeb);
        string one = $$"""{ destinationIP: "{{kept}}", port: 80, protocol: TCP }""";
        string both = $$"""{{one}}, { destinationIP: "{{doomed}}", port: 8443, protocol: TCP }""";
        string By(string address, string rules) =>
            $$"""addresses: [ { ip: "{{address}}/{{length}}", gateway: "{{gateway}}" } ], redirect: { redirectRules: [ {{rules}} ] }""";
        ObservedRouter router = Lab.Apply("web", By(reserved, both));

        // Nobody has that address yet, and it is asked for until somebody has.
        string questions = $"/proc/sys/net/{(isV6 ? "ipv6" : "ipv4")}/neigh/net1/mcast_solicit";
        Run(router, "sh", "-c", $"echo 1000 >{questions}; ip neigh flush dev net1");
        using Socket client = Lab.Client.CreateSocket(IPAddress.Parse(inside).AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        client.Blocking = false;
        Assert.Throws<SocketException>(() => client.Connect(IPAddress.Parse(inside), 8443));
        Eventually.True(
            "a packet that waits",
            () => Run(router, "conntrack", "-L", "-f", isV6 ? "ipv6" : "ipv4").Contains($"={doomed} ")
                && router.Ip($"neigh show {gateway} dev net1").Contains("INCOMPLETE"));
        using LanAudit lan = new(Lab);

        Lab.Apply("web", cutWith == "rule" ? By(reserved, one) : By(other, both));
        Lab.Neighbour.AddAddress("eth0", $"{gateway}/{length}");
        using (new Undo(() => Lab.Neighbour.Ip($"address del {gateway}/{length} dev eth0")))
        {
            Eventually.True("packets that leave", () =>
            {
                Lab.Client.ProbeTcp(inside, 80, Silence);
                return lan.Packets.Any(packet => packet.Protocol == PacketProtocol.Tcp && $"{packet.Destination}" == kept);
            });
        }

        Assert.DoesNotContain(
            lan.Packets, packet => packet is { Protocol: PacketProtocol.Tcp, DestinationPort: 8443 } && $"{packet.Source}" == reserved);
    }

    [Fact]
    public void Server_of_a_cut_flow_is_reset_when_it_speaks()
    {
        Lab.Apply("web", Spec(Doomed));
        using Socket listener = Lab.Server.CreateSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp, socket =>
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse("203.0.113.27"), 9443));
            socket.Listen();
        });
        Lab.Apply("web", Spec($"{Doomed}, {{ destinationIP: 203.0.113.27, port: 9443, protocol: TCP }}"));
        using Socket client = Lab.Client.OpenTcp(DataPathLab.Inside, 9443);
        using Socket server = listener.Accept();

        Lab.Apply("web", Spec(Doomed));

        Eventually.Holds(() =>
        {
            Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() =>
            {
                server.Send("hello"u8);
                server.Send("hello"u8);
                Assert.False(server.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectError));
            }).SocketErrorCode);
        });
    }

    [Fact]
    public void Udp_flow_of_a_removed_rule_is_refused_from_then_on()
    {
        Lab.Apply("web", Spec($"{Kept}, {{ destinationIP: 203.0.113.26, port: 80, protocol: UDP }}"));
        using Socket client = Lab.Client.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        client.Connect(IPAddress.Parse(DataPathLab.Inside), 80);
        client.ReceiveTimeout = 2000;
        client.Send("one"u8);
        Assert.True(client.Receive(new byte[256]) > 0);

        Lab.Apply("web", Spec(Kept));

        client.Send("two"u8);
        Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => client.Receive(new byte[256])).SocketErrorCode);
    }

    [Fact]
    public void Flows_of_clients_that_are_shut_out_are_cut()
    {
        Lab.Apply("web", Spec(Kept));
        using EchoedTransfer kept = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);
        using EchoedTransfer cut = EchoedTransfer.Start(Lab.Overlapping, DataPathLab.Inside, 80);

        Lab.Apply("web", Spec(Kept), "egressagent.org/clients: 10.88.0.0/24");

        cut.WaitForReset();
        kept.WaitForBlocks(100);
    }

    [Fact]
    public void Flows_of_a_given_up_address_are_cut()
    {
        Lab.Apply("web", Spec(Kept));
        using EchoedTransfer cut = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);
        cut.WaitForBlocks(10);
        using LanAudit lan = new(Lab);

        Lab.Apply("web", Spec(Kept).Replace("192.168.12.99", "192.168.12.98"));

        cut.WaitForReset();
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), "192.168.12.98", "203.0.113.26:80");
        lan.AssertRoutersSentOnly(["192.168.12.99", "192.168.12.98"], [DataPathLab.Web, "192.168.12.98", "192.168.12.99"]);
    }

    [Fact]
    public void Flows_live_on_when_an_address_is_added()
    {
        Lab.Apply("web", Spec(Kept));
        using EchoedTransfer kept = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);

        Lab.Apply("web", Spec(Kept).Replace("addresses: [", "addresses: [ { ip: 192.168.12.98/24 },"));

        kept.WaitForBlocks(100);
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), "192.168.12.98", "203.0.113.26:80");
    }

    protected static string Run(ObservedRouter router, params IReadOnlyList<string> words) =>
        Command.Check(["nsenter", $"--net=/run/netns/{router.NetworkNamespace}", "--", .. words]);

    protected static string Spec(string rules, string? fallback = null) =>
        $"addresses: [ {{ ip: 192.168.12.99/24 }} ], redirect: {{ redirectRules: [ {rules} ]{(fallback is null ? "" : $", fallbackIP: {fallback}")} }}";

    // What the next use of an idle connection says.
    private static SocketError ErrorOf(Socket socket)
    {
        try
        {
            byte[] buffer = new byte[4096];
            socket.Send("hello"u8);
            while (socket.Receive(buffer) > 0)
            {
            }

            return SocketError.Disconnecting;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode;
        }
    }
}
