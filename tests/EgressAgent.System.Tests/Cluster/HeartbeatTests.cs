using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Two nodes that hear each other: what they go on with without etcd, and who is replaced.</summary>
public sealed class HeartbeatTests() : TwoNodeTest(hearEachOther: true)
{
    [Fact]
    public void Etcd_that_is_away_moves_nothing_while_all_agents_are_there_and_it_is_said()
    {
        StartBoth();
        string said = A.Agent.Log;

        Etcd.Members[0].Kill();

        Eventually.True("a to say so", () => A.Message.Contains("etcd cannot be asked, and the other nodes renew the claim of this one: "), otherwise: () => A.Message);
        Eventually.True("b to say so", () => B.Message.Contains("the cluster cannot be asked, so that this node takes nothing over: "), otherwise: () => B.Message);
        AssertServes(A);
        Etcd.Members[0].Start();
        A.WaitFor("active");
        B.WaitFor("standby");
        AssertServes(A);
        Assert.DoesNotContain("hold it from now on", A.Agent.Log[said.Length..]);
    }

    [Fact]
    public void Etcd_and_an_agent_that_are_away_silence_the_holder_until_etcd_is_back()
    {
        StartBoth();
        Etcd.Members[0].Kill();
        Eventually.True("a to say so", () => A.Message.Contains("the other nodes renew"), otherwise: () => A.Message);

        B.Agent.Kill();

        Eventually.True("the router to be silent", () => Ping() != ProbeOutcome.Answered);
        Etcd.Members[0].Start();
        A.WaitFor("active");
        AssertServes(A);
    }

    [Fact]
    public void Etcd_and_an_agent_that_are_away_silence_the_holder_until_the_agent_is_back()
    {
        StartBoth();
        Etcd.Members[0].Kill();
        A.WaitForWords("the other nodes renew");
        B.Agent.Kill();
        A.WaitForWords("the router is silent on this node until the cluster renews its claim: ");

        // It knows of the others by what the one before has noted.
        B.StartAgent();

        A.WaitForWords("the other nodes renew");
        AssertServes(A);
        B.WaitForWords("the cluster cannot be asked, so that this node takes nothing over: ");
        Etcd.Members[0].Start();
        A.WaitFor("active");
        B.WaitFor("standby");
        AssertServes(A);
    }

    [Fact]
    public void Holder_that_stands_still_is_replaced_and_silent_when_it_goes_on()
    {
        StartBoth();
        using PacketCapture fromA = Lab.Lan.CaptureFrom(A.Host);

        A.Agent.Suspend();

        B.WaitFor("active");
        fromA.Clear();
        AssertServes(B);
        A.Agent.Resume();
        A.WaitFor("standby");
        AssertServes(B);
        AssertNothingOfTheRouter(fromA);
    }

    [Fact]
    public void Node_that_preempts_gets_the_router_back_when_it_is_well()
    {
        A.Configure("priority: 200", "priority: 200, preempt: true");
        StartBoth();
        A.Agent.Kill();
        B.WaitFor("active");

        A.StartAgent();

        A.WaitFor("active");
        B.WaitFor("standby");
        AssertServes(A);
        A.Agent.WaitForLog(", after the node b");
    }

    [Fact]
    public void Holder_that_is_cut_off_from_etcd_is_replaced()
    {
        StartBoth();
        int port = new Uri(Etcd.Endpoints[0]).Port;

        Drop(A, $"tcp dport {port}");

        B.WaitFor("active");
        AssertServes(B);
        Allow(A);
        A.WaitFor("standby");
    }

    [Fact]
    public void Agents_that_do_not_hear_each_other_move_nothing_and_say_so()
    {
        StartBoth();

        Drop(A, "udp dport 9818");

        Eventually.True("b to say so", () => B.Message.Contains("\"HeartbeatsMissing\""), otherwise: () => B.Message);
        Assert.Equal("s \"active\"", A.State);
        AssertServes(A);
        Allow(A);
        B.WaitFor("standby");
        B.Agent.WaitForLog("over, since the router is standby: heartbeats of a do not come");
        Assert.DoesNotContain("hold it from now on", B.Agent.Log);
    }
}
