using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Flows of rules that went or changed end at once; all others live on.</summary>
public abstract class CutFlowTests(DataPathTest.Fixture fixture) : DataPathTest(fixture)
{
    private const string Kept = "{ destinationIP: 203.0.113.26, port: 80, protocol: TCP }";
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

        Eventually.True("the cut flow to break", () => cut.Broke);
        Assert.Equal(SocketError.ConnectionReset, ErrorOf(idle));
        kept.WaitForBlocks(100);
    }

    // Connection tracking remembers those packets, and a pass has to end all the same, on a node whose own flows take long to go through.
    [Fact]
    public void Edit_is_in_force_at_once_while_clients_send_what_no_rule_takes()
    {
        Lab.Apply("web", Spec($"{Kept}, {Doomed}"));
        bool isStopping = false;
        Lab.Node.Check("nft", "add table inet tracked; add chain inet tracked input { type filter hook input priority 0; }; add rule inet tracked input ct state new");
        using Undo tracked = new(() => Lab.Node.Check("nft", "delete table inet tracked"));
        using (FrameSender sender = Lab.Client.SendFrames("eth0"))
        {
            PhysicalAddress node = Lab.Node.MacOf("client");
            for (int flow = 0; flow < 100_000; flow++)
            {
                sender.TrySend(Frame.Udp(
                    sender.Mac, node, IPAddress.Parse("10.88.0.2"), 1024 + (flow % 50_000), IPAddress.Parse("10.88.0.1"), 1 + (flow / 50_000)));
            }
        }

        Thread[] clients = [.. Enumerable.Range(200, 16).Select(protocol => new Thread(() => Send((byte)protocol)))];
        Array.ForEach(clients, client => client.Start());
        try
        {
            Stopwatch clock = Stopwatch.StartNew();
            Lab.Apply("web", Spec(Kept));
            Lab.Apply("web", Spec($"{Kept}, {Doomed}"));

            Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
            AssertRefusedAtOnce(Lab.Client.ProbeTcp(DataPathLab.Inside, 9));
        }
        finally
        {
            Volatile.Write(ref isStopping, true);
            Array.ForEach(clients, client => client.Join());
        }

        void Send(byte protocol)
        {
            using FrameSender sender = Lab.Client.SendFrames("eth0");
            byte[] frame = Frame.Other(
                sender.Mac, Lab.Node.MacOf("client"), IPAddress.Parse("10.88.0.2"), IPAddress.Parse(DataPathLab.Inside), protocol);
            while (!Volatile.Read(ref isStopping))
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

        Eventually.True("the cut flow to break", () => cut.Broke);
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

        Eventually.True("the cut flow to break", () => cut.Broke);
        Assert.DoesNotContain(
            lan.Packets,
            packet => packet is { Protocol: PacketProtocol.Tcp, DestinationPort: 8443 } && $"{packet.Destination}" == "203.0.113.26");
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

        Eventually.True("the cut flow to break", () => cut.Broke);
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

        Eventually.True("the cut flow to break", () => cut.Broke);
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

    private static string Spec(string rules, string? fallback = null) =>
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
