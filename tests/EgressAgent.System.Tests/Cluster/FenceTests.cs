using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Engine.Kernel;
using EgressAgent.Linux.Clocks;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model;
using EgressAgent.System.Tests.Bus;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>What the LAN sees of a router behind the fence, with the kernel datapath.</summary>
public sealed class KernelFenceTests() : FenceTests("kernel");

/// <summary>What the LAN sees of a router behind the fence, with the relay.</summary>
public sealed class RelayFenceTests() : FenceTests("relay");

/// <inheritdoc cref="KernelFenceTests"/>
public abstract class FenceTests : BusTest
{
    private const string Reserved6 = "2001:db8:12::99";
    private const string MldReports = "ff02::16";

    private static readonly RouterKey Key = new("default", "web");
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(200);
    private static readonly HashSet<string> AllKinds = ["ARP reply", "TCP", "UDP", "ICMP echo reply", "NA", "MLD report"];

    private readonly ObservedRouter _router = new("web");
    private readonly Fence _fence;
    private readonly EtcdCluster _etcd;
    private int _provocations;

    protected FenceTests(string datapath)
        : base(datapath)
    {
        Assert.SkipUnless(EtcdMember.IsInstalled, "needs etcd(1), of Debian's etcd-server");
        _etcd = EtcdCluster.Start(host: Lab.Gateway, address: EgressLab.GatewayAddress);
        Files.Configure($"cluster: {{name: edge, node: a, etcd: {{endpoints: ['{_etcd.Endpoints[0]}']}}}}");
        using NetworkNamespace node = NetworkNamespace.OpenPath(Lab.Node.NamespacePath);
        _fence = new Fence(AgentOwner.Of(Files.State), node);
        Lab.UseIPv6();
    }

    private AgentProcess StartedAgent { get; set; } = null!;

    public override void Dispose()
    {
        _fence.Dispose();
        base.Dispose();
        _etcd.Dispose();
    }

    [Fact]
    public void Nothing_leaves_after_the_deadline_and_all_does_after_the_next()
    {
        string inside = StartHolder();
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        AssertAllKindsLeave(capture, inside);

        _etcd.Members[0].Suspend();
        AwaitTheEnd();
        AssertSilent(capture, inside);

        _etcd.Members[0].Resume();
        Eventually.True("the router to answer", () => Lab.Neighbour.Ping(EgressLab.ReservedAddress, Silence).Outcome == ProbeOutcome.Answered, otherwise: () => StartedAgent.Log);
        AssertAllKindsLeave(capture, inside);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_stands_while_the_agent_hangs_or_is_dead(bool isKilled)
    {
        string inside = StartHolder();
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        if (isKilled)
        {
            StartedAgent.Kill();
        }
        else
        {
            StartedAgent.Suspend();
        }

        AwaitTheEnd();
        AssertSilent(capture, inside);
        if (isKilled)
        {
            return;
        }

        StartedAgent.Resume();
        Eventually.True("the router to answer", () => Lab.Neighbour.Ping(EgressLab.ReservedAddress, Silence).Outcome == ProbeOutcome.Answered, otherwise: () => StartedAgent.Log);
    }

    [Fact]
    public void Next_agent_finds_it_and_goes_on()
    {
        string inside = StartHolder();
        string filter = Filter;
        StartedAgent.Kill();
        StartedAgent = StartAgent();
        WaitForState("web", "active");

        Assert.Equal(filter, Filter);
        Assert.DoesNotContain("behind the fence", StartedAgent.Log);
        Assert.True(_fence.IsOpen(Key));
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        AssertAllKindsLeave(capture, inside);
    }

    [Fact]
    public void Filter_that_somebody_removes_is_set_again()
    {
        string inside = StartHolder();
        Tc("qdisc delete dev net1 clsact");
        Eventually.True("the filter again", () => Filter != "", otherwise: () => StartedAgent.Log);
        StartedAgent.WaitForLog("put net1 behind the fence");
        Tc("filter delete dev net1 egress");
        Eventually.True("the filter again", () => Filter != "", otherwise: () => StartedAgent.Log);
        Tc("filter replace dev net1 egress pref 1 handle 1 bpf da bytecode", "1,6 0 0 4294967295");
        Eventually.True("the agent's program again", () => Filter.Contains("egf"), otherwise: () => StartedAgent.Log);

        StartedAgent.Suspend();
        AwaitTheEnd();
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        AssertSilent(capture, inside);
    }

    [Fact]
    public void Router_that_cannot_be_fenced_is_down_until_it_can()
    {
        StartHolder();

        // It would put its own there between the two.
        StartedAgent.Suspend();
        Tc("qdisc delete dev net1 clsact");
        Tc("qdisc add dev net1 ingress");
        StartedAgent.Resume();
        Eventually.True("net1 to be down", () => !IsUp, otherwise: () => StartedAgent.Log);
        WaitForState("web", "degraded");
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        Assert.NotEqual(ProbeOutcome.Answered, Lab.Neighbour.Ping(EgressLab.ReservedAddress, Silence).Outcome);

        Tc("qdisc delete dev net1 ingress");
        WaitForState("web", "active");
        Assert.True(IsUp);
        Assert.Contains("egf", Filter);
    }

    private bool IsUp => _router.Ip("link show dev net1").Contains("UP");

    private string Filter => Command.Run("tc", "-n", _router.NetworkNamespace, "filter", "show", "dev", "net1", "egress").Output;

    private string StartHolder()
    {
        string document = $"{RouterDocument.Web("web").Rule(8053, "10.0.0.99", 80, "UDP") with { Failover = "cluster" }}"
            .Replace("gateway: \"192.168.12.1\" }", $"gateway: \"192.168.12.1\" }}, {{ ip: '{Reserved6}/64', gateway: '{EgressLab.Web6}' }}");
        Files.Write("web.yaml", document);
        StartedAgent = StartAgent();
        WaitForState("web", "active");
        Assert.Contains("egf", Filter);
        return _router.WaitForInsideAddress(StartedAgent);
    }

    private void AwaitTheEnd() => Eventually.True("the deadline to have passed", () => BootClock.Nanoseconds > _fence.Deadline);

    private void AssertAllKindsLeave(PacketCapture capture, string inside)
    {
        PhysicalAddress mac = Mac;
        capture.Clear();
        Provoke(inside, TimeSpan.FromSeconds(2));
        HashSet<string> seen = [];
        Eventually.True(
            "frames of all kinds",
            () =>
            {
                seen.UnionWith(capture.Packets.Where(packet => packet.SourceMac.Equals(mac)).Select(KindOf).OfType<string>());
                return AllKinds.IsSubsetOf(seen);
            },
            otherwise: () => $"{string.Join(", ", seen)}\n{string.Join('\n', capture.Packets)}");
    }

    // No frame of any kind: neither with its MAC address, nor one in which another speaks for its addresses.
    private void AssertSilent(PacketCapture capture, string inside)
    {
        PhysicalAddress mac = Mac;
        IPAddress[] addresses = [.. new[] { EgressLab.ReservedAddress, Reserved6 }.Select(IPAddress.Parse)];
        capture.Clear();
        long discarded = DiscardedReports;
        Provoke(inside, Silence);
        Eventually.True("the report of MLD to be discarded", () => DiscardedReports > discarded);
        Assert.DoesNotContain(capture.Packets, packet => packet.SourceMac.Equals(mac) || addresses.Contains(packet.Source));
    }

    // What the kernel sent or would have sent by itself, and what comes of clients.
    private void Provoke(string inside, TimeSpan timeout)
    {
        Lab.Neighbour.Ip("neigh flush dev eth0");
        _router.Ip($"address add 2001:db8:12::5:{++_provocations:x}/128 dev net1 nodad");
        Lab.Node.ProbeTcp(inside, 8080, timeout);
        Lab.Node.ProbeUdp(inside, 8053, timeout);
        Lab.Neighbour.Ping(EgressLab.ReservedAddress, timeout);
        Lab.Neighbour.ProbeTcp(Reserved6, 80, timeout);
    }

    // Of a frame that is dropped at the link the kernel says no more.
    private long DiscardedReports => Command.Check("nsenter", $"--net=/run/netns/{_router.NetworkNamespace}", "cat", "/proc/net/snmp6")
        .Split('\n').Where(line => line.StartsWith("Ip6OutDiscards", StringComparison.Ordinal)).Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]));

    private static string? KindOf(CapturedPacket packet) => packet switch
    {
        { Protocol: PacketProtocol.Arp, Kind: 2 } => "ARP reply",
        { Protocol: PacketProtocol.Tcp } => "TCP",
        { Protocol: PacketProtocol.Udp } => "UDP",
        { Protocol: PacketProtocol.Icmp, Kind: 0 } => "ICMP echo reply",
        { Protocol: PacketProtocol.IcmpV6, Kind: 136 << 8 } => "NA",
        { Destination: { } group } when $"{group}" == MldReports => "MLD report",
        _ => null,
    };

    // Of a router whose agent may be dead.
    private PhysicalAddress Mac => PhysicalAddress.Parse(_router.Ip("-brief link show dev net1").Split(' ', StringSplitOptions.RemoveEmptyEntries)[2].ToUpperInvariant().Replace(':', '-'));

    private void Tc(string arguments, params string[] last) => Command.Check(["tc", "-n", _router.NetworkNamespace, .. arguments.Split(' '), .. last]);
}
