using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using EgressAgent.System.Tests.DataPath;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.SecondKernel;

/// <summary>Established flows of a router with <c>egressagent.org/flow-offload: auto</c>, on a kernel that can be trusted with a flowtable.</summary>
public sealed partial class FlowOffloadTests : DataPathTest
{
    private const string Auto = "egressagent.org/flow-offload: auto";
    private const string Addresses = "addresses: [ { ip: 192.168.12.90/24 }, { ip: \"2001:db8:12::90/64\" } ]";
    private const string Kept = """
        { destinationIP: 203.0.113.26, port: 80, protocol: TCP }, { destinationIP: 203.0.113.26, port: 80, protocol: UDP },
        { destinationIP: "2001:db8:ff::26", port: 86, targetPort: 80, protocol: TCP }, { destinationIP: "2001:db8:ff::26", port: 86, targetPort: 80, protocol: UDP }
        """;

    private const string Doomed = """
        { destinationIP: 203.0.113.27, port: 8080, targetPort: 80, protocol: TCP }, { destinationIP: 203.0.113.27, port: 8080, targetPort: 80, protocol: UDP },
        { destinationIP: "2001:db8:ff::27", port: 8086, targetPort: 80, protocol: TCP }, { destinationIP: "2001:db8:ff::27", port: 8086, targetPort: 80, protocol: UDP }
        """;

    public FlowOffloadTests(DataPathTest.Fixture fixture)
        : base(fixture) => Requires.OwnKernel();

    [Fact]
    public void Established_flows_pass_by_the_chains_and_arrive_whole_with_the_reserved_address()
    {
        using LanAudit lan = new(Lab);
        ObservedRouter router = Lab.Apply("web", Spec(Kept), Auto);
        foreach ((string inside, int port, string reserved, string web) in ((string, int, string, string)[])
            [(DataPathLab.Inside, 80, "192.168.12.90", "203.0.113.26:80"), (DataPathLab.Inside6, 86, "2001:db8:12::90", "[2001:db8:ff::26]:80")])
        {
            using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, inside, port);
            transfer.WaitForBlocks(20);

            Assert.Equal(reserved, transfer.SeenSource);
            AssertOffloaded(router, "tcp", inside);
            AssertReached(Lab.Client.ProbeUdp(inside, port), reserved, web);
        }

        lan.AssertRoutersSentOnly(["192.168.12.90", "2001:db8:12::90"], [DataPathLab.Web, DataPathLab.Web6, "192.168.12.1", "2001:db8:12::1"]);

        // Nothing of the trial stays.
        Lab.Agent.WaitForThreadsAtHome();
    }

    [Fact]
    public void Offloaded_datagrams_are_counted_to_the_byte()
    {
        const int Count = 50;
        const int Length = 1000;
        ObservedRouter router = Lab.Apply("web", Spec(Kept), Auto);
        foreach ((string inside, int port, int headers) in ((string, int, int)[])[(DataPathLab.Inside, 80, 20 + 8), (DataPathLab.Inside6, 86, 40 + 8)])
        {
            using Socket client = OpenUdp(inside, port);
            int answers = 0;
            for (int sent = 0; sent < Count; sent++)
            {
                client.Send(new byte[Length]);
                answers += client.Receive(new byte[65536]) + headers;
            }

            Assert.Equal(
                [$"packets={Count} bytes={Count * (Length + headers)}", $"packets={Count} bytes={answers}"],
                Counted().Matches(AssertOffloaded(router, "udp", inside)).Select(match => match.Value));
        }
    }

    [Fact]
    public void Offloaded_flow_of_a_rule_that_went_is_cut_and_others_go_on()
    {
        ObservedRouter router = Lab.Apply("web", Spec($"{Kept}, {Doomed}"), Auto);
        using EchoedTransfer kept = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);
        using EchoedTransfer kept6 = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside6, 86);
        using EchoedTransfer cut = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 8080);
        using EchoedTransfer cut6 = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside6, 8086);
        using Socket datagrams = OpenUdp(DataPathLab.Inside, 8080);
        using Socket datagrams6 = OpenUdp(DataPathLab.Inside6, 8086);
        foreach (Socket socket in (Socket[])[datagrams, datagrams6])
        {
            for (int round = 0; round < 5; round++)
            {
                Exchange(socket);
            }
        }

        foreach (EchoedTransfer transfer in (EchoedTransfer[])[kept, kept6, cut, cut6])
        {
            transfer.WaitForBlocks(10);
        }

        Assert.Equal((4, 2), (Offloaded(router, "tcp").Length, Offloaded(router, "udp").Length));

        Lab.Apply("web", Spec(Kept), Auto);

        cut.WaitForReset();
        cut6.WaitForReset();
        Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => Exchange(datagrams)).SocketErrorCode);
        Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => Exchange(datagrams6)).SocketErrorCode);
        kept.WaitForBlocks(50);
        kept6.WaitForBlocks(50);
    }

    [Fact]
    public void Node_as_a_destination_is_served_through_the_chains()
    {
        Lab.Node.ServeTcp(DataPathLab.NodeAddress, 8022);
        ObservedRouter router = Lab.Apply("web", Spec($"{{ destinationIP: {DataPathLab.NodeAddress}, port: 22, targetPort: 8022, protocol: TCP }}"), Auto);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 22);
        transfer.WaitForBlocks(50);

        Assert.Equal("192.168.12.90", transfer.SeenSource);
        Assert.Empty(Offloaded(router, "tcp"));
    }

    [Fact]
    public void Flow_of_a_Service_is_offloaded_and_one_of_an_external_address_goes_through_the_chains()
    {
        const string Cluster = "198.19.0.9";
        const string External = "192.168.12.95";
        ObservedRouter router = Lab.Apply("web", Spec(Kept), Auto);
        Lab.WriteUntil("service.yaml", $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: partner }
            spec: { clusterIP: {{Cluster}}, externalIPs: [ {{External}} ], selector: { app: egress-router-cni }, ports: [ { port: 80 } ] }
            """, $"{External} is at default/web");
        Eventually.True("the Service", () => Lab.Client.ProbeTcp(Cluster, 80).Outcome == ProbeOutcome.Answered, otherwise: () => Lab.Agent.Log);
        using EchoedTransfer byService = EchoedTransfer.Start(Lab.Client, Cluster, 80);
        using EchoedTransfer byAddress = EchoedTransfer.Start(Lab.Neighbour, External, 80);
        byService.WaitForBlocks(20);
        byAddress.WaitForBlocks(20);

        Assert.Equal(("192.168.12.90", "192.168.12.90"), (byService.SeenSource, byAddress.SeenSource));
        AssertOffloaded(router, "tcp");
        Assert.Single(Offloaded(router, "tcp"));

        Lab.Apply("web", Spec(Doomed), Auto);
        byService.WaitForReset();
        byAddress.WaitForReset();
    }

    [Theory]
    [InlineData("net1")]
    [InlineData("eth0")]
    public void Link_that_is_made_anew_is_offloaded_again(string link)
    {
        ObservedRouter router = Lab.Apply("web", Spec(Kept), Auto);
        int before = Lab.CountInLog($"default/web: offload established flows of {link}");

        router.Ip($"link delete {link}");

        Eventually.True("the link in the flowtable", () => Lab.CountInLog($"default/web: offload established flows of {link}") > before, otherwise: () => Lab.Agent.Log);
        Eventually.True("the router", () => Lab.Client.ProbeTcp(DataPathLab.Inside, 80).Outcome == ProbeOutcome.Answered, otherwise: () => Lab.Agent.Log);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);
        transfer.WaitForBlocks(20);
        AssertOffloaded(router, "tcp");
    }

    [Fact]
    public void Next_agent_takes_the_flowtable_over_and_flows_outlive_the_offload_itself()
    {
        ObservedRouter router = Lab.Apply("web", Spec(Kept), Auto);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);
        transfer.WaitForBlocks(20);
        string ruleset = router.Ruleset;

        Lab.EndAgent(isKilled: true);
        Assert.Contains("flow offload: this kernel passed the trial", Lab.Agent.Log);
        Eventually.True("the router", () => Lab.CountInLog("default/web: in force") > 0, otherwise: () => Lab.Agent.Log);

        Assert.Equal(ruleset, router.Ruleset);
        Assert.Equal(0, Lab.CountInLog("default/web: offload established flows"));
        transfer.WaitForBlocks(20);
        AssertOffloaded(router, "tcp");

        Lab.Apply("web", Spec(Kept), "egressagent.org/flow-offload: \"off\"");

        transfer.WaitForBlocks(20);
        Assert.DoesNotContain("flowtable", router.Ruleset);
        Assert.Empty(Offloaded(router, "tcp"));
    }

    [Fact]
    public void Nothing_that_is_offloaded_goes_on_without_the_ruleset()
    {
        ObservedRouter router = Lab.Apply("web", Spec(Kept), Auto);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);
        transfer.WaitForBlocks(20);
        Lab.EndAgent(isKilled: true);

        Command.Check("nsenter", $"--net=/run/netns/{router.NetworkNamespace}", "--", "nft", "flush", "ruleset");
        using PacketCapture lan = Lab.Gateway.Capture("lan");
        long blocks = transfer.Blocks;
        Thread.Sleep(Silence);

        Assert.InRange(transfer.Blocks, blocks, blocks + 1);
        Assert.DoesNotContain(lan.Packets, packet => $"{packet.Source}" == "192.168.12.90" && $"{packet.Destination}" == DataPathLab.Web);
        _ = Lab.Agent;
        Eventually.True("the next agent", () => Lab.Client.ProbeTcp(DataPathLab.Inside, 80, Silence).Outcome == ProbeOutcome.Answered, otherwise: () => Lab.Agent.Log);
    }

    private static string Spec(string rules) => $"{Addresses}, redirect: {{ redirectRules: [ {rules} ] }}";

    private Socket OpenUdp(string inside, int port)
    {
        IPEndPoint remote = new(IPAddress.Parse(inside), port);
        Socket socket = Lab.Client.CreateSocket(remote.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(remote);
        socket.ReceiveTimeout = 10_000;
        return socket;
    }

    private static void Exchange(Socket datagrams)
    {
        datagrams.Send(new byte[10]);
        datagrams.Receive(new byte[100]);
    }

    private static string AssertOffloaded(ObservedRouter router, string protocol, string inside = DataPathLab.Inside) =>
        Assert.Single(Offloaded(router, protocol), flow => flow.Contains($"dst={inside} "));

    private static string[] Offloaded(ObservedRouter router, string protocol) =>
    [
        .. ((string[])["ipv4", "ipv6"]).SelectMany(family => Command.Check(
            "nsenter", $"--net=/run/netns/{router.NetworkNamespace}", "--", "conntrack", "-L", "-p", protocol, "-f", family).Split('\n'))
            .Where(flow => flow.Contains("[OFFLOAD]")),
    ];

    [GeneratedRegex("packets=[0-9]+ bytes=[0-9]+")]
    private static partial Regex Counted();
}
