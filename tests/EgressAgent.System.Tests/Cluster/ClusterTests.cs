using System.Globalization;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Two nodes of a LAN and Debian's etcd: who holds a router, and that the other one is silent.</summary>
public sealed class ClusterTests : IDisposable
{
    private static readonly RouterDocument Web = RouterDocument.Web("web") with { Failover = "cluster" };

    private readonly EgressLab _lab;
    private readonly EtcdCluster _etcd;
    private readonly ClusterNode _a;
    private readonly ClusterNode _b;

    public ClusterTests()
    {
        Requires.Agent();
        Assert.SkipUnless(PrivateBus.IsAvailable, "needs dbus-daemon(1) and busctl(1)");
        Assert.SkipUnless(EtcdMember.IsInstalled, "needs etcd(1), of Debian's etcd-server");
        _lab = new EgressLab();
        _etcd = EtcdCluster.Start(host: _lab.Gateway, address: EgressLab.GatewayAddress);
        _a = new ClusterNode(_lab, _lab.Node, "a", _etcd, ", priority: 200");
        _b = new ClusterNode(_lab, _lab.Neighbour, "b", _etcd);
    }

    public void Dispose()
    {
        _lab.Dispose();
        _a.Dispose();
        _b.Dispose();
        _etcd.Dispose();
    }

    [Fact]
    public void Router_is_held_by_one_node_and_taken_over_when_its_agent_is_killed()
    {
        StartBoth();
        AssertServes(_a);
        Assert.False(_b.IsUp);
        Assert.Equal(_a.Mac, _b.Mac);
        Assert.Contains("the node a holds it", _b.Message);
        using PacketCapture fromA = _lab.Lan.CaptureFrom(_a.Host);

        _a.Agent.Kill();

        _b.WaitFor("active");
        AssertSilent(fromA);
        _a.StartAgent();
        _a.WaitFor("standby");
        Assert.False(_a.IsUp);
        Assert.Contains("the node b holds it", _a.Message);
        _b.Agent.WaitForLog("default/web: the cluster has this node, b, hold it from now on, with the fencing token ");
        Assert.Contains(", after the node a", _b.Agent.Log);
    }

    [Fact]
    public void Stop_hands_the_router_over()
    {
        StartBoth();
        using PacketCapture fromA = _lab.Lan.CaptureFrom(_a.Host);

        Assert.Equal(0, _a.Agent.Stop());

        Assert.False(_a.IsUp);
        _b.WaitFor("active");
        AssertSilent(fromA);
    }

    [Fact]
    public void Release_hands_the_router_over_and_claim_is_refused_with_the_reason()
    {
        StartBoth();

        Assert.Equal(0, _a.Call("Release").ExitCode);

        Assert.False(_a.IsUp);
        _b.WaitFor("active");
        _a.WaitFor("standby");
        AssertServes(_b);
        CommandResult claim = _a.Call("Claim");
        Assert.Equal(1, claim.ExitCode);
        Assert.Contains("the nodes of the cluster agree who holds default/web, now b; release it there", claim.Errors);
    }

    [Fact]
    public void Etcd_that_is_away_silences_the_holder_which_says_so_and_goes_on_when_it_is_back()
    {
        _a.Write(Web);
        _a.StartAgent();
        _a.WaitFor("active");

        _etcd.Members[0].Suspend();

        _a.WaitFor("degraded");
        Assert.Contains($"\"ClusterUnreachable\" \"the router is silent on this node until the cluster renews its claim: etcd at {new Uri(_etcd.Endpoints[0]).Authority} does not answer", _a.Message);
        Assert.NotEqual(ProbeOutcome.Answered, _lab.Gateway.Ping(EgressLab.ReservedAddress, TimeSpan.FromMilliseconds(300)).Outcome);
        _etcd.Members[0].Resume();
        _a.WaitFor("active");
        AssertServes(_a);
        _a.Agent.WaitForLog("WRN etcd does not renew this node of the cluster: ");
        _a.Agent.WaitForLog("over: etcd renews this node of the cluster again");
    }

    [Fact]
    public void Next_agent_takes_over_what_its_node_holds()
    {
        StartBoth();
        string token = _a.Agent.Log.Split("with the fencing token ")[1].Split('\n')[0].Trim();

        _a.Agent.Kill();
        _a.StartAgent();

        _a.WaitFor("active");
        AssertServes(_a);
        _a.Agent.WaitForLog($"with the fencing token {token}");
        Assert.DoesNotContain("set net1 down", _a.Agent.Log);
        Assert.False(_b.IsUp);
    }

    [Fact]
    public void Release_without_the_agent_hands_the_router_over_when_it_is_there()
    {
        StartBoth();
        _a.Agent.Suspend();
        _a.Ip("link set net1 down");
        _a.Ip("link property del dev lo altname egress-claimed");

        _a.Agent.Resume();

        _b.WaitFor("active");
        _a.WaitFor("standby");
        AssertServes(_b);
    }

    [Fact]
    public void Holder_and_standbys_are_shown()
    {
        StartBoth();

        foreach (ClusterNode node in (ClusterNode[])[_a, _b])
        {
            Assert.Equal("s \"a\"", node.Property("Holder"));
            Eventually.True("b to be seen", () => node.Property("Standbys") == "as 1 \"b\"");
        }

        Eventually.True("b's metrics", () => _b.Metrics.Contains("egress_cluster_failovers_total 0\n"));
        double remaining = double.Parse(_a.Metrics.Split("\negress_cluster_lease_remaining_seconds ")[1].Split('\n')[0], CultureInfo.InvariantCulture);
        Assert.InRange(remaining, 0.001, 0.4);
        Assert.Contains("egress_router_holder{router_namespace=\"default\",router=\"web\"} 1", _a.Metrics);
        Assert.Contains("egress_router_holder{router_namespace=\"default\",router=\"web\"} 0", _b.Metrics);

        _a.Agent.Stop();
        _b.WaitFor("active");
        Eventually.True("b's count", () => _b.Metrics.Contains("egress_cluster_failovers_total 1\n"), otherwise: () => _b.Metrics);
        Assert.Equal(("s \"b\"", "as 0"), (_b.Property("Holder"), _b.Property("Standbys")));
    }

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

    private void AssertServes(ClusterNode node)
    {
        Assert.Equal(EgressLab.ReservedAddress, node.Host.ProbeTcp(node.InsideAddress, 8080).SeenSource);
        Assert.Equal(ProbeOutcome.Answered, _lab.Gateway.Ping(EgressLab.ReservedAddress).Outcome);
    }

    // While the other node serves.
    private void AssertSilent(PacketCapture fromA)
    {
        fromA.Clear();
        AssertServes(_b);
        Assert.DoesNotContain(fromA.Packets, packet => $"{packet.Source}" == EgressLab.ReservedAddress || packet.SourceMac.Equals(_b.Mac));
    }
}
