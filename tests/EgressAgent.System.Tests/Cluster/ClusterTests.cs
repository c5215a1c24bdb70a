using System.Globalization;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Two nodes of a LAN and Debian's etcd: who holds a router, and that the other one is silent.</summary>
public sealed class ClusterTests() : TwoNodeTest(hearEachOther: false)
{
    [Fact]
    public void Router_is_held_by_one_node_and_taken_over_when_its_agent_is_killed()
    {
        StartBoth();
        AssertServes(A);
        Assert.False(B.IsUp);
        Assert.Equal(A.Mac, B.Mac);
        Assert.Contains("the node a holds it", B.Message);
        using PacketCapture fromA = Lab.Lan.CaptureFrom(A.Host);

        A.Agent.Kill();

        B.WaitFor("active");
        AssertSilent(fromA);
        A.StartAgent();
        A.WaitFor("standby");
        Assert.False(A.IsUp);
        Assert.Contains("the node b holds it", A.Message);
        B.Agent.WaitForLog("default/web: the cluster has this node, b, hold it from now on, with the fencing token ");
        Assert.Contains(", after the node a", B.Agent.Log);
    }

    [Fact]
    public void Stop_hands_the_router_over()
    {
        StartBoth();
        using PacketCapture fromA = Lab.Lan.CaptureFrom(A.Host);

        Assert.Equal(0, A.Agent.Stop());

        Assert.False(A.IsUp);
        B.WaitFor("active");
        AssertSilent(fromA);
    }

    [Fact]
    public void Release_hands_the_router_over_and_claim_is_refused_with_the_reason()
    {
        StartBoth();

        Assert.Equal(0, A.Call("Release").ExitCode);

        Assert.False(A.IsUp);
        B.WaitFor("active");
        A.WaitFor("standby");
        AssertServes(B);
        CommandResult claim = A.Call("Claim");
        Assert.Equal(1, claim.ExitCode);
        Assert.Contains("the nodes of the cluster agree who holds default/web, now b; release it there", claim.Errors);
    }

    [Fact]
    public void Etcd_that_is_away_silences_the_holder_which_says_so_and_goes_on_when_it_is_back()
    {
        A.Write(Web);
        A.StartAgent();
        A.WaitFor("active");

        Etcd.Members[0].Suspend();

        A.WaitFor("degraded");
        Assert.Contains($"\"ClusterUnreachable\" \"the router is silent on this node until the cluster renews its claim: etcd at {new Uri(Etcd.Endpoints[0]).Authority} does not answer", A.Message);
        Assert.NotEqual(ProbeOutcome.Answered, Lab.Gateway.Ping(EgressLab.ReservedAddress, TimeSpan.FromMilliseconds(300)).Outcome);
        Etcd.Members[0].Resume();
        A.WaitFor("active");
        AssertServes(A);
        A.Agent.WaitForLog("WRN etcd does not renew this node of the cluster: ");
        A.Agent.WaitForLog("over: etcd renews this node of the cluster again");
    }

    [Fact]
    public void Next_agent_takes_over_what_its_node_holds()
    {
        StartBoth();
        string token = A.Agent.Log.Split("with the fencing token ")[1].Split('\n')[0].Trim();

        // Where an agent takes longer to start than a lease lasts, the other node has the router by then.
        KeepLeases();
        A.Agent.Kill();
        A.StartAgent();

        A.WaitFor("active");
        AssertServes(A);
        A.Agent.WaitForLog($"with the fencing token {token}");
        Assert.DoesNotContain("set net1 down", A.Agent.Log);
        Assert.False(B.IsUp);
    }

    [Fact]
    public void Release_without_the_agent_hands_the_router_over_when_it_is_there()
    {
        StartBoth();
        A.Agent.Suspend();
        A.Ip("link set net1 down");
        A.Ip("link property del dev lo altname egress-claimed");

        A.Agent.Resume();

        B.WaitFor("active");
        A.WaitFor("standby");
        AssertServes(B);
    }

    [Fact]
    public void Holder_and_standbys_are_shown()
    {
        StartBoth();

        foreach (ClusterNode node in (ClusterNode[])[A, B])
        {
            Assert.Equal("s \"a\"", node.Property("Holder"));
            Eventually.True("b to be seen", () => node.Property("Standbys") == "as 1 \"b\"");
        }

        Eventually.True("b's metrics", () => B.Metrics.Contains("egress_cluster_failovers_total 0\n"));
        double remaining = double.Parse(A.Metrics.Split("\negress_cluster_lease_remaining_seconds ")[1].Split('\n')[0], CultureInfo.InvariantCulture);
        Assert.InRange(remaining, 0.001, 0.4);
        Assert.Contains("egress_router_holder{router_namespace=\"default\",router=\"web\"} 1", A.Metrics);
        Assert.Contains("egress_router_holder{router_namespace=\"default\",router=\"web\"} 0", B.Metrics);

        A.Agent.Stop();
        B.WaitFor("active");
        Eventually.True("b's count", () => B.Metrics.Contains("egress_cluster_failovers_total 1\n"), otherwise: () => B.Metrics);
        Assert.Equal(("s \"b\"", "as 0"), (B.Property("Holder"), B.Property("Standbys")));
    }

    // Those that there are, until the lab ends.
    private void KeepLeases()
    {
        string[] etcdctl = ["etcdctl", "--endpoints", Etcd.Endpoints[0], "lease"];
        string[] leases = [.. Lab.Gateway.Check([.. etcdctl, "list"]).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Skip(1)];
        Assert.Equal(2, leases.Length);
        foreach (string lease in leases)
        {
            Lab.Gateway.Start([.. etcdctl, "keep-alive", lease]);
        }
    }
}
