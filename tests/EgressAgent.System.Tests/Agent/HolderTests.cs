using System.Diagnostics;
using System.Net.NetworkInformation;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>Who else has the reserved address: a copy of this node, the gateway, somebody who lets go of it.</summary>
public sealed class HolderTests : AgentTest
{
    private const string Mac = "02:00:5e:00:53:99";
    private const string Reserved6 = "2001:db8:12::99";
    private const string Gateway6 = "2001:db8:12::1";
    private const string Copy = $"is in use by another host ({Mac}), which has this router's own MAC: a copy of this node";
    private const string LateCopy = $"is also used by another host ({Mac}), which has this router's own MAC: a copy of this node";

    // Of the neighbour's, and asked for by nobody but the copy.
    private const string Unknown = "192.168.12.3";

    private static readonly PhysicalAddress OwnMac = PhysicalAddress.Parse(Mac.Replace(':', '-').ToUpperInvariant());
    private static readonly string Web = Annotated(EgressLab.ReservedAddress + "/24");

    [Theory]
    [InlineData("bridge")]
    [InlineData("private")]
    [InlineData("vepa")]
    public void Copy_of_this_node_that_runs_keeps_its_address_and_is_told(string mode)
    {
        MakeCopy(mode, EgressLab.ReservedAddress + "/24");
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        Files.Write("web.yaml", Web.Replace("mode: Bridge", mode switch { "private" => "mode: Private", "vepa" => "mode: VEPA", _ => "mode: Bridge" }));

        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog($"ERR default/web: {EgressLab.ReservedAddress} {Copy}");
        Assert.DoesNotContain(EgressLab.ReservedAddress, new ObservedRouter("web").Ip("address show dev net1"));

        // Nothing with its MAC teaches a switch that it is here: no frame of it left.
        Assert.DoesNotContain(capture.Packets, packet =>
            packet.Protocol == PacketProtocol.Arp && packet.SourceMac.Equals(OwnMac) && packet.Kind == 1);

        var clock = Stopwatch.StartNew();
        Lab.Neighbour.Ip("link delete net1");
        agent.WaitForLog("INF default/web: in force");
        TestContext.Current.TestOutputHelper?.WriteLine($"in force {clock.Elapsed} after the copy went");
    }

    [Fact]
    public void Copy_of_this_node_that_has_the_IPv6_address_keeps_it_and_is_told()
    {
        MakeCopy("bridge", Reserved6 + "/64");
        Files.Write("web.yaml", Annotated(Reserved6 + "/64"));

        AgentProcess agent = Scenario.StartAgent();

        agent.WaitForLog($"ERR default/web: {Reserved6} {Copy}");
        Assert.DoesNotContain(Reserved6, new ObservedRouter("web").Ip("address show dev net1"));
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("private")]
    public void Copy_of_this_node_that_comes_later_is_told_until_it_goes(string mode)
    {
        Lab.Gateway.Ip($"address add {Unknown}/32 dev lan");
        (AgentProcess agent, _, _) = StartWith(Web.Replace("mode: Bridge", mode == "private" ? "mode: Private" : "mode: Bridge"));

        MakeCopy(mode, EgressLab.ReservedAddress + "/24");
        Lab.Neighbour.ProbeUdp(Unknown, 9, TimeSpan.FromMilliseconds(300), from: EgressLab.ReservedAddress);

        agent.WaitForLog($"WRN default/web: {EgressLab.ReservedAddress} {LateCopy}");
        Eventually.True("the copy in the status", () => agent.Status.Contains(LateCopy), otherwise: () => agent.Status);
        Lab.Neighbour.Ip("link delete net1");
        agent.WaitForLog($"INF default/web: no other host uses {EgressLab.ReservedAddress} any more", TimeSpan.FromSeconds(40));
        Assert.Equal(1, agent.Log.Split(LateCopy).Length - 1);
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("private")]
    [InlineData("vepa")]
    public void Copy_of_this_node_that_comes_later_with_the_IPv6_address_is_told_until_it_goes(string mode)
    {
        Lab.Gateway.AddAddress("lan", Gateway6 + "/64");
        AgentProcess agent = StartIPv6(mode);

        MakeCopy(mode, Reserved6 + "/64");
        Lab.Neighbour.ProbeUdp(Gateway6, 9, TimeSpan.FromMilliseconds(300), from: Reserved6);

        agent.WaitForLog($"WRN default/web: {Reserved6} {LateCopy}");
        Eventually.True("the copy in the status", () => agent.Status.Contains(LateCopy), otherwise: () => agent.Status);
        Lab.Neighbour.Ip("link delete net1");
        agent.WaitForLog($"INF default/web: no other host uses {Reserved6} any more", TimeSpan.FromSeconds(40));
        Assert.Equal(1, agent.Log.Split(LateCopy).Length - 1);
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("private")]
    [InlineData("vepa")]
    public void Own_IPv6_voice_that_the_network_sends_back_is_no_other_host(string mode)
    {
        Lab.Lan.Reflect(Lab.Node, on: true);
        Lab.Gateway.AddAddress("lan", Gateway6 + "/64");
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        AgentProcess agent = StartIPv6(mode);

        new ObservedRouter("web").Ip("neighbour flush dev net1");
        Command.Check("nsenter", "--net=/run/netns/" + new ObservedRouter("web").NetworkNamespace, "--", "bash", "-c", $"echo >/dev/udp/{Gateway6}/9 || true");

        Eventually.True("its own announcements to come back", () => agent.Log.Split($"announce {Reserved6}").Length > 2
            && capture.Packets.Count(packet => packet is { Protocol: PacketProtocol.IcmpV6, Kind: 136 << 8 } && packet.SourceMac.Equals(OwnMac)) >= 4, otherwise: () => agent.Log);
        Thread.Sleep(1000);
        Assert.DoesNotContain("another host", agent.Log);
        Assert.StartsWith("1 router active", agent.Status);
    }

    // The kernel there says nothing of the address by itself, and asks for nobody from it.
    [Theory]
    [InlineData(EgressLab.ReservedAddress, 24, true)]
    [InlineData(EgressLab.ReservedAddress, 24, false)]
    [InlineData(Reserved6, 64, true)]
    [InlineData(Reserved6, 64, false)]
    public void Who_comes_later_with_the_address_and_says_nothing_is_asked_for_and_told_until_it_goes(string address, int length, bool isCopy)
    {
        AgentProcess agent = Start(address, length);
        string link = isCopy ? "net1" : "eth0";

        if (isCopy)
        {
            MakeCopy("bridge", $"{address}/{length}");
        }
        else
        {
            Lab.Neighbour.AddAddress("eth0", $"{address}/{length}");
        }

        string words = $"{address} is also used by another host ({ColonString(Lab.Neighbour.MacOf(link))})";
        agent.WaitForLog($"WRN default/web: {words}{(isCopy ? ", which has this router's own MAC: a copy of this node" : ";")}", TimeSpan.FromSeconds(60));
        Eventually.True("it in the status", () => agent.Status.Contains(words), otherwise: () => agent.Status);
        Lab.Neighbour.Ip($"address delete {address}/{length} dev {link}");
        agent.WaitForLog($"INF default/web: no other host uses {address} any more", TimeSpan.FromSeconds(60));
        Assert.Equal(1, agent.Log.Split(words).Length - 1);
        Assert.DoesNotContain("somebody", agent.Log);
    }

    [Fact]
    public void Nobody_is_asked_for_where_others_are_not_looked_for()
    {
        Files.Configure("addressConflictDetection: false");
        AgentProcess agent = Start(EgressLab.ReservedAddress, 24);
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);

        Thread.Sleep(TimeSpan.FromSeconds(15));

        Assert.DoesNotContain(capture.Packets, packet => packet is { Protocol: PacketProtocol.Arp, Kind: 1 } && $"{packet.Destination}" == EgressLab.ReservedAddress
            && !packet.SourceMac.Equals(OwnMac));
        Assert.StartsWith("1 router active", agent.Status);
    }

    // Its own answers come back too, which are no other host's: they are told apart by their number.
    [Theory]
    [InlineData(EgressLab.ReservedAddress, 24)]
    [InlineData(Reserved6, 64)]
    public void Copy_of_this_node_is_told_where_the_network_sends_back_what_is_sent(string address, int length)
    {
        Lab.Lan.Reflect(Lab.Node, on: true);
        AgentProcess agent = Start(address, length);
        agent.WaitForLog($"ask who else has {address}");
        Thread.Sleep(2000);
        Assert.DoesNotContain("another host", agent.Log);

        MakeCopy("bridge", $"{address}/{length}");
        string words = address.Contains(':') ? $"WRN default/web: {Reserved6} {LateCopy}" : $"WRN default/web: {EgressLab.ReservedAddress} {LateCopy}";
        Eventually.True(
            $"'{words}'",
            () =>
            {
                // As whoever uses an address does all the time.
                Lab.Neighbour.Ip("neighbour flush dev net1");
                Lab.Neighbour.ProbeUdp(address.Contains(':') ? Gateway6 : Unknown, 9, TimeSpan.FromMilliseconds(300), from: address);
                return agent.Log.Contains(words);
            },
            TimeSpan.FromSeconds(60),
            () => agent.Log);

        Lab.Neighbour.Ip("link delete net1");
        agent.WaitForLog($"INF default/web: no other host uses {address} any more", TimeSpan.FromSeconds(40));
    }

    [Fact]
    public void Copy_of_this_node_that_runs_when_the_cable_is_plugged_in_is_told()
    {
        Lab.Gateway.Ip($"address add {Unknown}/32 dev lan");
        MakeCopy("bridge", EgressLab.ReservedAddress + "/24");
        Lab.Lan.SetCarrier(Lab.Node, on: false);
        Files.Write("web.yaml", Web);
        AgentProcess agent = Scenario.StartAgent();
        agent.WaitForLog("the master eth0 has no carrier");

        Lab.Lan.SetCarrier(Lab.Node, on: true);
        agent.WaitForLog("over: the master eth0 has no carrier");
        Lab.Neighbour.Ip("neighbour flush dev net1");
        Lab.Neighbour.ProbeUdp(Unknown, 9, TimeSpan.FromMilliseconds(300), from: EgressLab.ReservedAddress);

        agent.WaitForLog($"WRN default/web: {EgressLab.ReservedAddress} {LateCopy}");
    }

    [Theory]
    [InlineData("Bridge")]
    [InlineData("Private")]
    [InlineData("VEPA")]
    public void Own_voice_that_the_network_sends_back_is_no_other_host(string mode)
    {
        Lab.Lan.Reflect(Lab.Node, on: true);
        Lab.Gateway.Ip($"address add {Unknown}/32 dev lan");
        (AgentProcess agent, ObservedRouter router, string inside) = StartWith(Web.Replace("mode: Bridge", $"mode: {mode}"));
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);

        Command.Check("nsenter", "--net=/run/netns/" + router.NetworkNamespace, "--", "bash", "-c", $"echo >/dev/udp/{Unknown}/9 || true");
        router.Ip("neighbour flush dev net1");
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");

        Eventually.True("its own question to come back", () => capture.Packets.Count(packet =>
            packet is { Protocol: PacketProtocol.Arp, Kind: 1 } && packet.SourceMac.Equals(OwnMac)) >= 2);
        Eventually.True("announcements to come back", () => agent.Log.Split($"announce {EgressLab.ReservedAddress}").Length > 2, otherwise: () => agent.Log);
        Thread.Sleep(1000);
        Assert.DoesNotContain("another host", agent.Log);
        Assert.StartsWith("1 router active", agent.Status);
    }

    [Fact]
    public void Gateway_that_answers_for_every_address_is_named_with_what_helps()
    {
        using PacketCapture asked = Lab.Lan.Capture(Lab.Gateway);
        using FrameSender answers = Lab.Gateway.SendFrames("lan");
        using var isOver = new ManualResetEventSlim();
        var proxy = new Thread(() =>
        {
            while (!isOver.Wait(5))
            {
                foreach (CapturedPacket question in asked.Take().Where(packet => packet is { Protocol: PacketProtocol.Arp, Kind: 1 } && !packet.SourceMac.Equals(answers.Mac)))
                {
                    answers.TrySend(ArpReply(answers.Mac, question));
                }
            }
        });
        proxy.Start();
        try
        {
            Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
            AgentProcess agent = Scenario.StartAgent();

            string expected = $"ERR default/web: {EgressLab.ReservedAddress} is in use by another host ({ColonString(answers.Mac)}), and that is the gateway: "
                + "either it has the address itself, or it answers ARP for every address (proxy ARP); switch proxy ARP off there";
            agent.WaitForLog(expected);
            agent.WaitForLog("addressConflictDetection: false in /etc/egress-agentd/agentd.yaml");
            agent.Stop();

            Files.Configure("addressConflictDetection: false");
            agent = Scenario.StartAgent();
            agent.WaitForLog("INF default/web: in force");
        }
        finally
        {
            isOver.Set();
            proxy.Join();
        }
    }

    [Fact]
    public void Address_is_taken_soon_after_its_holder_let_go_however_long_that_took()
    {
        Lab.Neighbour.AddAddress("eth0", EgressLab.ReservedAddress + "/24");
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
        AgentProcess agent = Scenario.StartAgent();
        agent.WaitForLog("is in use by another host");
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);

        // With pauses that double it would be asked for 15.5 s and 31.5 s after the start, and be taken 14 s after it is free.
        Thread.Sleep(TimeSpan.FromSeconds(17));

        // One question for it every two seconds, and the router's own MAC is not among who asks.
        int questions = capture.Packets.Count(packet => packet is { Protocol: PacketProtocol.Arp, Kind: 1 } && $"{packet.Destination}" == EgressLab.ReservedAddress);
        Assert.InRange(questions, 5, 10);
        Lab.Neighbour.Ip($"address del {EgressLab.ReservedAddress}/24 dev eth0");
        var clock = Stopwatch.StartNew();
        agent.WaitForLog("INF default/web: in force", TimeSpan.FromSeconds(60));
        TestContext.Current.TestOutputHelper?.WriteLine($"in force {clock.Elapsed} after it let go, {questions} questions");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(8), $"in force {clock.Elapsed} after the holder let go\n{agent.Log}");
        Assert.Equal(1, agent.Log.Split("ERR default/web").Length - 1);
    }

    private AgentProcess Start(string address, int length)
    {
        Lab.Gateway.AddAddress("lan", Gateway6 + "/64");
        Lab.Gateway.Ip($"address add {Unknown}/32 dev lan");
        Files.Write("web.yaml", Annotated($"{address}/{length}"));
        AgentProcess agent = Scenario.StartAgent();
        agent.WaitForLog("INF default/web: in force");
        return agent;
    }

    private AgentProcess StartIPv6(string mode)
    {
        Files.Write("web.yaml", Annotated(Reserved6 + "/64").Replace("mode: Bridge", mode switch { "private" => "mode: Private", "vepa" => "mode: VEPA", _ => "mode: Bridge" }));
        AgentProcess agent = Scenario.StartAgent();
        agent.WaitForLog("INF default/web: in force");
        return agent;
    }

    private (AgentProcess Agent, ObservedRouter Router, string Inside) StartWith(string document)
    {
        Files.Write("web.yaml", document);
        AgentProcess agent = Scenario.StartAgent();
        ObservedRouter router = new("web");
        string inside = router.WaitForInsideAddress(agent);
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        return (agent, router, inside);
    }

    // Another machine with the same router: the kernel does there what it does here.
    private void MakeCopy(string mode, string address)
    {
        Lab.Neighbour.Check("sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce");
        Lab.Neighbour.Ip($"link add net1 link eth0 address {Mac} type macvlan mode {mode}");
        Lab.Neighbour.Check("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/net1/accept_dad");
        Lab.Neighbour.Ip("link set net1 up");
        Lab.Neighbour.AddAddress("net1", address);
        if (!address.Contains(':'))
        {
            Lab.Neighbour.Ip($"route add {Unknown}/32 dev net1 src {address.Split('/')[0]}");
        }
    }

    private static string Annotated(string address) => $"{RouterDocument.Web("web", address)}"
        .Replace("  name: web", $"  name: web\n  annotations: {{ egressagent.org/mac-address: \"{Mac}\" }}")
        .Replace("spec:", "spec:\n  networkInterface: { macvlan: { mode: Bridge, master: eth0 } }")
        .Replace(address.Contains(':') ? "192.168.12.1\"" : "§", Gateway6 + "\"")
        .Replace(address.Contains(':') ? "203.0.113.26" : "§", "2001:db8:ff::26");

    private static byte[] ArpReply(PhysicalAddress mac, CapturedPacket question) =>
    [
        .. question.SourceMac.GetAddressBytes(), .. mac.GetAddressBytes(), 0x08, 0x06,
        0, 1, 8, 0, 6, 4, 0, 2,
        .. mac.GetAddressBytes(), .. question.Destination!.GetAddressBytes(),
        .. question.SourceMac.GetAddressBytes(), .. question.Source!.GetAddressBytes(),
    ];

    private static string ColonString(PhysicalAddress mac) => string.Join(':', mac.GetAddressBytes().Select(part => $"{part:x2}"));
}
