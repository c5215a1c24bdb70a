using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Two nodes that hear each other: what they go on with without etcd, and who is replaced.</summary>
public sealed class HeartbeatTests : IDisposable
{
    private static readonly RouterDocument Web = RouterDocument.Web("web") with { Failover = "cluster" };

    private readonly EgressLab _lab;
    private readonly EtcdCluster _etcd;
    private readonly ClusterNode _a;
    private readonly ClusterNode _b;

    public HeartbeatTests()
    {
        Requires.Agent();
        Assert.SkipUnless(PrivateBus.IsAvailable, "needs dbus-daemon(1) and busctl(1)");
        Assert.SkipUnless(EtcdMember.IsInstalled, "needs etcd(1), of Debian's etcd-server");
        _lab = new EgressLab();
        _etcd = EtcdCluster.Start(host: _lab.Gateway, address: EgressLab.GatewayAddress);
        _a = new ClusterNode(_lab, _lab.Node, "a", _etcd, $", heartbeat: {{address: {EgressLab.NodeAddress}}}, priority: 200");
        _b = new ClusterNode(_lab, _lab.Neighbour, "b", _etcd, $", heartbeat: {{address: {EgressLab.NeighbourAddress}}}");
    }

    public void Dispose()
    {
        _lab.Dispose();
        _a.Dispose();
        _b.Dispose();
        _etcd.Dispose();
    }

    [Fact]
    public void Etcd_that_is_away_moves_nothing_while_all_agents_are_there_and_it_is_said()
    {
        StartBoth();
        string said = _a.Agent.Log;

        _etcd.Members[0].Kill();

        Eventually.True("a to say so", () => _a.Message.Contains("etcd cannot be asked, and the other nodes renew the claim of this one: "), otherwise: () => _a.Message);
        Eventually.True("b to say so", () => _b.Message.Contains("the cluster cannot be asked, so that this node takes nothing over: "), otherwise: () => _b.Message);
        AssertServes(_a);
        _etcd.Members[0].Start();
        _a.WaitFor("active");
        _b.WaitFor("standby");
        AssertServes(_a);
        Assert.DoesNotContain("hold it from now on", _a.Agent.Log[said.Length..]);
    }

    [Fact]
    public void Etcd_and_an_agent_that_are_away_silence_the_holder_until_etcd_is_back()
    {
        StartBoth();
        _etcd.Members[0].Kill();
        Eventually.True("a to say so", () => _a.Message.Contains("the other nodes renew"), otherwise: () => _a.Message);

        _b.Agent.Kill();

        Eventually.True("the router to be silent", () => Ping() != ProbeOutcome.Answered);
        _etcd.Members[0].Start();
        _a.WaitFor("active");
        AssertServes(_a);
    }

    [Fact]
    public void Holder_that_stands_still_is_replaced_and_silent_when_it_goes_on()
    {
        StartBoth();
        using PacketCapture fromA = _lab.Lan.CaptureFrom(_a.Host);

        _a.Agent.Suspend();

        _b.WaitFor("active");
        fromA.Clear();
        AssertServes(_b);
        _a.Agent.Resume();
        _a.WaitFor("standby");
        AssertServes(_b);
        Assert.DoesNotContain(fromA.Packets, packet => $"{packet.Source}" == EgressLab.ReservedAddress || packet.SourceMac.Equals(_b.Mac));
    }

    [Fact]
    public void Node_that_preempts_gets_the_router_back_when_it_is_well()
    {
        _a.Configure("priority: 200", "priority: 200, preempt: true");
        StartBoth();
        _a.Agent.Kill();
        _b.WaitFor("active");

        _a.StartAgent();

        _a.WaitFor("active");
        _b.WaitFor("standby");
        AssertServes(_a);
        _a.Agent.WaitForLog(", after the node b");
    }

    [Fact]
    public void Holder_that_is_cut_off_from_etcd_is_replaced()
    {
        StartBoth();
        int port = new Uri(_etcd.Endpoints[0]).Port;

        Drop(_a, $"tcp dport {port}");

        _b.WaitFor("active");
        AssertServes(_b);
        Allow(_a);
        _a.WaitFor("standby");
    }

    [Fact]
    public void Agents_that_do_not_hear_each_other_move_nothing_and_say_so()
    {
        StartBoth();

        Drop(_a, "udp dport 9818");

        Eventually.True("b to say so", () => _b.Message.Contains("\"HeartbeatsMissing\""), otherwise: () => _b.Message);
        Assert.Equal("s \"active\"", _a.State);
        AssertServes(_a);
        Allow(_a);
        _b.WaitFor("standby");
        _b.Agent.WaitForLog("over, since the router is standby: heartbeats of a do not come");
        Assert.DoesNotContain("hold it from now on", _b.Agent.Log);
    }

    private static void Drop(ClusterNode node, string what) => node.Host.Check(
        "nft", $"add table inet cut; add chain inet cut output {{ type filter hook output priority 0; }}; add rule inet cut output {what} drop; add chain inet cut input {{ type filter hook input priority 0; }}; add rule inet cut input {what} drop");

    private static void Allow(ClusterNode node) => node.Host.Check("nft", "delete table inet cut");

    private void StartBoth()
    {
        _a.Write(Web);
        _b.Write(Web);
        _a.StartAgent();
        _a.WaitFor("active");
        _b.StartAgent();
        _b.WaitFor("standby");
        Eventually.True("b to know of a", () => _b.Message.Contains("the node a holds it"), otherwise: () => _b.Message);
    }

    private ProbeOutcome Ping() => _lab.Gateway.Ping(EgressLab.ReservedAddress, TimeSpan.FromMilliseconds(300)).Outcome;

    private void AssertServes(ClusterNode node)
    {
        Assert.Equal(EgressLab.ReservedAddress, node.Host.ProbeTcp(node.InsideAddress, 8080).SeenSource);
        Assert.Equal(ProbeOutcome.Answered, _lab.Gateway.Ping(EgressLab.ReservedAddress).Outcome);
    }
}
