using System.Net;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>What is the relay's own: it lives and ends with the agent, and not every protocol has sockets.</summary>
public sealed class RelayTests() : AgentTest("relay")
{
    [Fact]
    public void Rule_that_the_relay_cannot_serve_degrades_the_router_and_the_others_work()
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter(RouterDocument.Web("web").Rule(9000, "203.0.113.27", 9000, "SCTP"));

        Eventually.True("the shortfall in the status", () => agent.Status.Contains("9000/SCTP"), otherwise: () => agent.Status);
        Assert.Contains("degraded", agent.Status);
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);

        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");

        Eventually.True("the router to be whole", () => agent.Status.StartsWith("1 router active at ", StringComparison.Ordinal), otherwise: () => agent.Status);
    }

    [Fact]
    public void Port_that_another_program_holds_is_told_and_served_once_it_is_free()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        using (Socket other = router.CreateSocket())
        {
            other.Bind(new IPEndPoint(IPAddress.Parse(inside), 5353));
            Files.Write("web.yaml", $"{RouterDocument.Web("web").Rule(5353, "10.0.0.99", 80, "UDP")}");
            agent.WaitForLog("WRN default/web: in force, but 5353/UDP is not served: ");
        }

        agent.WaitForLog("INF default/web: over: 5353/UDP is not served: ");
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeUdp(inside, 5353).SeenSource);
        Eventually.True("the status", () => agent.Status.StartsWith("1 router active at ", StringComparison.Ordinal), otherwise: () => agent.Status);
    }

    [Fact]
    public async Task Stop_lets_connections_end_and_takes_new_ones_meanwhile()
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter();
        Task<int> stopped;
        using (EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080))
        {
            stopped = Task.Run(agent.Stop, TestContext.Current.CancellationToken);
            transfer.WaitForBlocks(100);
            Assert.Equal(ProbeOutcome.Answered, Lab.Node.ProbeTcp(inside, 8080).Outcome);
            Assert.False(stopped.IsCompleted);
        }

        Assert.Equal(0, await stopped);
    }

    [Fact]
    public void Stop_cuts_connections_that_do_not_end_in_time()
    {
        // Longer than the two seconds that System.CommandLine would give it.
        Files.Configure("drainTimeout: 3s");
        (AgentProcess agent, _, string inside) = StartWithWebRouter();
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);

        Assert.Equal(0, agent.Stop());

        transfer.WaitForReset();
        agent.WaitForLog("1 relayed connections are cut");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Restart_adopts_the_router_and_serves_again(bool killed)
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        (string identity, IReadOnlyList<string> links) = (router.Identity, router.Links);
        if (killed)
        {
            agent.Kill();
        }
        else
        {
            agent.Stop();
        }

        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(inside, 8080).Outcome);
        Scenario.StartAgent();

        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.Equal(identity, router.Identity);
        Assert.Equal(links, router.Links);
    }

    [Fact]
    public void Interface_that_somebody_deletes_is_made_anew_and_served()
    {
        (_, ObservedRouter router, string inside) = StartWithWebRouter();

        router.Ip("link delete eth0");

        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
    }

    [Fact]
    public void Destination_that_is_the_node_itself_is_reached()
    {
        Lab.Node.ServeTcp(EgressLab.NodeAddress, 7000);
        (_, _, string inside) = StartWithWebRouter(RouterDocument.Web("web").Tcp(7000, EgressLab.NodeAddress, 7000));

        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Client.ProbeTcp(inside, 7000).SeenSource));
    }

    [Fact]
    public void Client_that_is_not_admitted_is_refused()
    {
        string document = $"{RouterDocument.Web("web").Rule(80, "10.0.0.99", 80, "UDP")}".Replace(
            "  name: web", "  name: web\n  annotations: { egressagent.org/clients: \"10.88.0.0/24\" }");
        Files.Write("web.yaml", document);
        string inside = new ObservedRouter("web").WaitForInsideAddress(Scenario.StartAgent());
        WaitForTcp(Lab.Client, inside, 8080, "203.0.113.26:80");

        Assert.Equal(ProbeOutcome.Answered, Lab.Client.ProbeUdp(inside, 80).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(inside, 8080).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeUdp(inside, 80).Outcome);
    }
}
