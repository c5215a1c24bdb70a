using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>A router changes its datapath under running traffic.</summary>
public sealed class DatapathSwitchTests : AgentTest
{
    [Theory]
    [InlineData("kernel", "relay")]
    [InlineData("relay", "kernel")]
    public void Edited_annotation_changes_the_datapath_and_cuts_what_the_other_carried(string before, string after)
    {
        (_, ObservedRouter router, string inside) = StartWithWebRouter(RouterDocument.Web("web") with { Datapath = before });
        (string identity, IReadOnlyList<string> links) = (router.Identity, router.Links);
        using EchoedTransfer cut = EchoedTransfer.Start(Lab.Node, inside, 8080);
        cut.WaitForBlocks(10);

        Files.Write("web.yaml", $"{RouterDocument.Web("web") with { Datapath = after }}");

        Eventually.Holds(() => Assert.Equal(after == "kernel", IsRedirected(router)));
        cut.WaitForReset();
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.Equal(EgressLab.ReservedAddress, Lab.Client.ProbeTcp(inside, 8080).SeenSource);
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(inside, 9999).Outcome);
        Assert.Equal(identity, router.Identity);
        Assert.Equal(links, router.Links);
    }

    [Fact]
    public void Datapath_that_changes_to_and_fro_leaves_nothing_behind()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        (string rules, string ruleset) = (router.Ip("rule"), Skeleton(router));
        Switch(router, inside, "relay");
        Switch(router, inside, "kernel");
        int descriptors = agent.DescriptorCount();

        for (int round = 0; round < 5; round++)
        {
            Switch(router, inside, "relay");
            Switch(router, inside, "kernel");
        }

        Eventually.Holds(() => Assert.Equal(rules, router.Ip("rule")));
        Assert.Equal(ruleset, Skeleton(router));
        agent.WaitForThreadsAtHome();
        Eventually.Holds(() => Assert.InRange(agent.DescriptorCount(), 0, descriptors + 5));
    }

    [Theory]
    [InlineData("kernel", "relay")]
    [InlineData("relay", "kernel")]
    public void Datapath_changed_while_the_agent_was_dead_is_the_new_one_at_the_start(string before, string after)
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter(RouterDocument.Web("web") with { Datapath = before });
        string identity = router.Identity;
        agent.Kill();

        Files.Write("web.yaml", $"{RouterDocument.Web("web") with { Datapath = after }}");
        Scenario.StartAgent();

        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.Equal(after == "kernel", IsRedirected(router));
        Assert.Equal(identity, router.Identity);
    }

    [Fact]
    public void Source_is_the_reserved_address_all_along()
    {
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        (_, ObservedRouter router, string inside) = StartWithWebRouter();
        for (int round = 0; round < 3; round++)
        {
            using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
            Switch(router, inside, "relay");
            using EchoedTransfer relayed = EchoedTransfer.Start(Lab.Node, inside, 8080);
            Switch(router, inside, "kernel");
        }

        Assert.Equal(
            [EgressLab.ReservedAddress],
            capture.Packets.Where(p => $"{p.Destination}" == "203.0.113.26").Select(p => $"{p.Source}").Distinct());
    }

    private static bool IsRedirected(ObservedRouter router) => router.Ruleset.Contains("to_destination");

    // What does not change with traffic.
    private static string Skeleton(ObservedRouter router) =>
        string.Join('\n', router.Ruleset.Split('\n').Where(line => !line.Contains("counter") && !line.Contains("packets")));

    private void Switch(ObservedRouter router, string inside, string datapath)
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web") with { Datapath = datapath }}");
        Eventually.Holds(() => Assert.Equal(datapath == "kernel", IsRedirected(router)));
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
    }
}
