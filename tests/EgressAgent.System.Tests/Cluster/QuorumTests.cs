using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Two nodes and three members of etcd, of which two are lost.</summary>
public sealed class QuorumTests() : TwoNodeTest(hearEachOther: true, members: 3)
{
    [Fact]
    public void Members_without_a_leader_move_nothing_while_the_agents_hear_each_other_and_silence_the_holder_when_they_do_not()
    {
        StartBoth();
        string said = A.Agent.Log;
        string noLeader = $"the members of etcd have no leader, says {new Uri(Etcd.Endpoints[2]).Authority}: ";

        Etcd.Members[0].Kill();
        Etcd.Members[1].Kill();

        A.WaitForWords($"etcd cannot be asked, and the other nodes renew the claim of this one: {noLeader}");
        B.WaitForWords($"the cluster cannot be asked, so that this node takes nothing over: {noLeader}");
        AssertServes(A);

        Drop(A, "udp dport 9818");
        A.WaitForWords($"the router is silent on this node until the cluster renews its claim: {noLeader}");
        Eventually.True("the router to be silent", () => Ping() != ProbeOutcome.Answered);
        Allow(A);
        Eventually.True("a to serve by heartbeats again", () => Ping() == ProbeOutcome.Answered);

        Etcd.Members[0].Start();
        A.WaitFor("active");
        B.WaitFor("standby");
        AssertServes(A);
        Assert.DoesNotContain("hold it from now on", A.Agent.Log[said.Length..]);
    }
}
