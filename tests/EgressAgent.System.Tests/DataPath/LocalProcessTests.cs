using System.Net;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Processes that root puts into a router's netns: <c>egressagent.org/local-processes</c>.</summary>
public abstract class LocalProcessTests(DataPathTest.Fixture fixture) : DataPathTest(fixture)
{
    private const string Reserved = "192.168.12.99";
    private const string Reserved6 = "2001:db8:12::99";
    private const string Deny = "egressagent.org/local-processes: deny";

    // By send(2), or by the ICMP error that comes as well.
    private static readonly ProbeOutcome[] Told = [ProbeOutcome.Refused, ProbeOutcome.Unreachable];

    // IPPROTO_IP and IP_TRANSPARENT, ip(7).
    private const int IPProtocolIP = 0;
    private const int Transparent = 19;

    private const string Spec = """
        addresses: [ { ip: 192.168.12.99/24 }, { ip: "2001:db8:12::99/64" } ],
        redirect: { redirectRules: [
          { destinationIP: 203.0.113.26, port: 80, protocol: TCP },
          { destinationIP: 203.0.113.26, port: 80, protocol: UDP },
          { destinationIP: 203.0.113.26, port: 4712, protocol: UDP },
          { destinationIP: 192.168.12.10, port: 22, protocol: TCP },
          { destinationIP: "2001:db8:ff::26", port: 86, targetPort: 80, protocol: TCP },
          { destinationIP: "2001:db8:ff::26", port: 86, targetPort: 80, protocol: UDP } ] }
        """;

    public static TheoryData<string, string> Destinations => new()
    {
        { DataPathLab.Web, Reserved },
        { DataPathLab.OtherWeb, Reserved },
        { "10.0.0.99", Reserved },
        { DataPathLab.Web6, Reserved6 },
        { DataPathLab.OtherWeb6, Reserved6 },
    };

    [Theory]
    [MemberData(nameof(Destinations))]
    public void Process_reaches_whom_it_will_as_the_reserved_address(string destination, string source)
    {
        LabHost process = Lab.Node.In(Lab.Apply("web", Spec));
        using EchoServer server = Lab.Server.ServeTcp(destination, 4711);
        using EchoServer datagrams = Lab.Server.ServeUdp(destination, 4711);
        string target = $"{new IPEndPoint(IPAddress.Parse(destination), 4711)}";

        AssertReached(process.ProbeTcp(destination, 4711), source, target);
        AssertReached(process.ProbeUdp(destination, 4711), source, target);
        Assert.Equal(ProbeOutcome.Answered, process.Ping(destination).Outcome);
    }

    [Fact]
    public void Process_reaches_the_node_and_the_routers_rules_with_the_relay_alone()
    {
        LabHost process = Lab.Node.In(Lab.Apply("web", Spec));
        using EchoServer node = Lab.Node.ServeTcp(DataPathLab.NodeAddress, 22);
        bool isRelay = this is RelayLocalProcessTests;

        Assert.Equal(isRelay, process.ProbeTcp(DataPathLab.NodeAddress, 22, isRelay ? null : Silence).Outcome == ProbeOutcome.Answered);
        Assert.Equal(isRelay, process.ProbeTcp(DataPathLab.Inside, 80, isRelay ? null : Silence).Outcome == ProbeOutcome.Answered);
    }

    [Fact]
    public void Denied_process_reaches_nobody_and_is_told_at_once_while_clients_are_served()
    {
        ObservedRouter router = Lab.Apply("web", Spec, Deny);
        LabHost process = Lab.Node.In(router);
        using LanAudit lan = new(Lab);
        using PacketCapture node = Lab.Node.Capture("egress.default.web");

        foreach (string destination in Destinations.Select(row => row.Data.Item1).Append("192.168.12.20"))
        {
            Assert.Equal(ProbeOutcome.Refused, process.ProbeTcp(destination, 80).Outcome);
            Assert.Contains(process.ProbeUdp(destination, 80).Outcome, Told);
            Assert.Contains(process.Ping(destination).Outcome, Told);
        }

        // As that address it does not get to the node either.
        Assert.NotEqual(ProbeOutcome.Answered, process.ProbeUdp(DataPathLab.NodeAddress, 22, Silence, from: Reserved).Outcome);
        Assert.DoesNotContain(node.Packets, packet => $"{packet.Source}" is Reserved or Reserved6);
        lan.AssertRoutersSentOnly([Reserved, Reserved6], []);

        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), Reserved, "203.0.113.26:80");
        AssertReached(Lab.Client.ProbeUdp(DataPathLab.Inside, 80), Reserved, "203.0.113.26:80");
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 86), Reserved6, "[2001:db8:ff::26]:80");
        AssertReached(Lab.Client.ProbeUdp(DataPathLab.Inside6, 86), Reserved6, "[2001:db8:ff::26]:80");
        using EchoServer own = Lab.Node.ServeTcp(DataPathLab.NodeAddress, 22);
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 22), Reserved, "192.168.12.10:22");
        AtOnce.AssertRefusesTcp(Lab.Client, DataPathLab.Inside, 9999);
        AtOnce.AssertRefusesTcp(Lab.Neighbour, Reserved, 80);
        Assert.Equal(ProbeOutcome.Answered, Lab.Neighbour.Ping(Reserved).Outcome);
        Assert.Equal(ProbeOutcome.Answered, Lab.Neighbour.Ping(Reserved6).Outcome);
    }

    // What no flow begins with is let out for the kernel's own answers.
    [Theory]
    [InlineData("192.168.12.20", AddressFamily.InterNetwork, 1, "0000FFFD00010001")]
    [InlineData("2001:db8:12::20", AddressFamily.InterNetworkV6, 58, "8100000000010001")]
    [InlineData("192.168.12.20", AddressFamily.InterNetwork, 253, "00")]
    [InlineData("192.168.12.20", AddressFamily.InterNetwork, 6, "0016001600000000000000005004000000000000")]
    public void Denied_process_sends_no_raw_packets(string destination, AddressFamily family, int protocol, string payload)
    {
        LabHost process = Lab.Node.In(Lab.Apply("web", Spec, Deny));
        using LanAudit lan = new(Lab);
        using Socket raw = process.CreateRawSocket(protocol, family);

        SocketException refused = Assert.Throws<SocketException>(
            () => raw.SendTo(Convert.FromHexString(payload), new IPEndPoint(IPAddress.Parse(destination), 0)));

        Assert.Equal(SocketError.AccessDenied, refused.SocketErrorCode);
        lan.AssertRoutersSentOnly([Reserved, Reserved6], []);
    }

    [Fact]
    public void Flow_of_a_process_ends_when_it_is_denied_and_those_of_clients_go_on()
    {
        LabHost process = Lab.Node.In(Lab.Apply("web", Spec));
        using EchoedTransfer denied = EchoedTransfer.Start(process, DataPathLab.OtherWeb, 80);
        using EchoedTransfer client = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);
        using EchoedTransfer client6 = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside6, 86);
        using EchoedDatagrams datagrams = EchoedDatagrams.Start(Lab.Client, DataPathLab.Inside, 4712, Lab.Server, DataPathLab.Web, 4712);
        denied.WaitForBlocks(10);
        client.WaitForBlocks(10);
        client6.WaitForBlocks(10);

        ObservedRouter router = Lab.Apply("web", Spec, Deny);

        denied.WaitForReset();
        client.WaitForBlocks(100);
        client6.WaitForBlocks(100);
        long answered = datagrams.Answered;
        Eventually.True("more answered datagrams", () => datagrams.Answered > answered + 10);
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), Reserved, "203.0.113.26:80");
        Eventually.True(
            "no flow of the process", () => !Command.Check("ip", "netns", "exec", router.NetworkNamespace, "conntrack", "-L").Contains(DataPathLab.OtherWeb));

        Lab.Apply("web", Spec);

        AssertReached(process.ProbeTcp(DataPathLab.OtherWeb, 80), Reserved, "203.0.113.27:80");
        client.WaitForBlocks(100);
        client6.WaitForBlocks(100);
    }

    // A process may use an address that is on no interface of its own, if it asks for that.
    [Theory]
    [InlineData("")]
    [InlineData(Deny)]
    public void Process_sends_nothing_from_an_address_that_is_not_in_force(string annotations)
    {
        Lab.Write("web", Spec, $"egressagent.org/failover: manual, {annotations}");
        ObservedRouter router = new("web");
        router.WaitForInsideAddress(Lab.Agent);
        LabHost process = Lab.Node.In(router);
        using LanAudit lan = new(Lab);
        using PacketCapture node = Lab.Node.Capture("egress.default.web");
        using Socket socket = process.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket =>
        {
            socket.SetRawSocketOption(IPProtocolIP, Transparent, BitConverter.GetBytes(1));
            socket.Bind(new IPEndPoint(IPAddress.Parse(Reserved), 0));
        });

        foreach (string destination in (string[])["198.18.0.1", DataPathLab.NodeAddress, DataPathLab.Web])
        {
            Assert.ThrowsAny<SocketException>(() => socket.SendTo("who am I"u8, new IPEndPoint(IPAddress.Parse(destination), 80)));
        }

        Assert.NotEqual(ProbeOutcome.Answered, process.ProbeTcp(DataPathLab.Web, 80, Silence).Outcome);
        Assert.DoesNotContain(node.Packets, packet => $"{packet.Source}" == Reserved);
        lan.AssertRoutersSentOnly([], []);
    }
}
