using EgressAgent.Model;

namespace EgressAgent.Engine.Tests.Cluster;

/// <summary>What several nodes decide, under schedules that follow from seeds.</summary>
public sealed class AgreementTests
{
    private const long Second = 1000 * SimulatedCluster.Millisecond;

    private static readonly HashSet<RouterKey> Routers = [new RouterKey("default", "web"), new RouterKey("default", "mail")];

    [Fact]
    public void Nodes_underAnySchedule_neverSpeakTwoAtATime_andOneDoesInTheEnd()
    {
        int moves = 0;
        for (int seed = 1; seed <= 200; seed++)
        {
            SimulatedCluster cluster = new(seed, nodes: 4, Routers, joining: 1, preempts: seed % 2 == 0);
            try
            {
                for (long time = Second; time < 40 * Second; time += Second)
                {
                    cluster.Run(time);
                    cluster.Disturb();
                }

                cluster.HasFaults = false;
                cluster.Disturb();
                cluster.Run(60 * Second);
                Assert.All(Routers, router => Assert.Single(cluster.SpeakersOf(router)));
                moves += cluster.Moves;
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                throw new InvalidOperationException($"seed {seed}: {failure.Message}", failure);
            }
        }

        // Else there was nothing to get wrong.
        Assert.True(moves > 700, $"{moves} moves");
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Router_whileAllAgentsAreThere_staysWhereItIsAndSpeaks(bool isEtcdAway, bool isNobodyHeard)
    {
        (SimulatedCluster cluster, string holder) = Begin();
        cluster.IsEtcdAway = isEtcdAway;
        foreach (string node in Nodes.Where(_ => isNobodyHeard))
        {
            cluster.Find(node).IsUnheard = true;
        }

        for (long time = 5 * Second; time < 65 * Second; time += 50 * SimulatedCluster.Millisecond)
        {
            cluster.Run(time);
            Assert.All(Routers, router => Assert.Equal([holder], cluster.SpeakersOf(router)));
        }

        Assert.Equal(0, cluster.Moves);
    }

    [Fact]
    public void Node_thatPreempts_isLeftTheRouter_atOnceAndOnce()
    {
        SimulatedCluster cluster = new(seed: 1, Nodes.Length, Routers, preempts: true) { HasFaults = false };
        cluster.Run(3 * Second);
        cluster.Find("n2").Kill(Second);
        cluster.Run(5 * Second);
        Assert.All(Routers, router => Assert.Equal(["n1"], cluster.SpeakersOf(router)));
        int moves = cluster.Moves;

        long silent = 0;
        for (long time = 5 * Second; time < 40 * Second; time += 10 * SimulatedCluster.Millisecond)
        {
            cluster.Run(time);
            silent += Routers.Any(router => cluster.SpeakersOf(router).Count == 0) ? 10 : 0;
        }

        Assert.All(Routers, router => Assert.Equal(["n2"], cluster.SpeakersOf(router)));
        Assert.Equal(moves + Routers.Count, cluster.Moves);
        Assert.InRange(silent, 0, 100);
    }

    [Fact]
    public void Holder_whoseGatewayIsSilent_leavesTheRouterToANodeThatItAnswers_andHasItBackFromNobody()
    {
        (SimulatedCluster cluster, string holder) = Begin();
        string[] others = [.. Nodes.Where(node => node != holder)];
        cluster.Find(others[0]).HasGateway = false;
        cluster.Run(20 * Second);

        cluster.Find(holder).HasGateway = false;

        cluster.Run(21 * Second);
        Assert.All(Routers, router => Assert.Equal([others[1]], cluster.SpeakersOf(router)));
        cluster.Find(holder).HasGateway = true;
        cluster.Run(120 * Second);
        Assert.All(Routers, router => Assert.Equal([others[1]], cluster.SpeakersOf(router)));
        Assert.Equal(Routers.Count, cluster.Moves);
    }

    [Fact]
    public void Holder_thatIsLost_isReplacedByANodeThatTheGatewayAnswers_andElseByAnother()
    {
        (SimulatedCluster cluster, string holder) = Begin();
        string[] others = [.. Nodes.Where(node => node != holder)];
        cluster.Find(others[0]).HasGateway = false;
        cluster.Run(6 * Second);

        cluster.Find(holder).Kill(1000 * Second);
        cluster.Run(7 * Second);
        Assert.All(Routers, router => Assert.Equal([others[1]], cluster.SpeakersOf(router)));
        cluster.Find(others[1]).Kill(1000 * Second);
        cluster.Run(8 * Second);

        Assert.All(Routers, router => Assert.Equal([others[0]], cluster.SpeakersOf(router)));
    }

    [Fact]
    public void Router_whoseGatewayAnswersNobody_staysWhereItIs()
    {
        (SimulatedCluster cluster, string holder) = Begin();
        foreach (string node in Nodes)
        {
            cluster.Find(node).HasGateway = false;
        }

        // Who knew first that it answers nobody may have given way before the others knew.
        cluster.Run(30 * Second);
        int moves = cluster.Moves;
        cluster.Run(600 * Second);

        Assert.Equal(moves, cluster.Moves);
        Assert.All(Routers, router => Assert.Single(cluster.SpeakersOf(router)));
    }

    [Fact]
    public void Holder_thatNobodyRenewed_isNotTakenForOneWhoseGatewayIsSilent()
    {
        (SimulatedCluster cluster, string holder) = Begin();
        cluster.Run(20 * Second);
        SimulatedNode silent = cluster.Find(holder);
        cluster.IsEtcdAway = true;
        silent.IsUnheard = true;
        cluster.Run(21 * Second);
        Assert.All(Routers, router => Assert.Empty(cluster.SpeakersOf(router)));

        // What it asked did not leave.
        silent.HasGateway = false;
        silent.IsUnheard = false;
        cluster.IsEtcdAway = false;
        cluster.Run(26 * Second);
        silent.HasGateway = true;
        cluster.Run(60 * Second);

        Assert.All(Routers, router => Assert.Equal([holder], cluster.SpeakersOf(router)));
        Assert.Equal(0, cluster.Moves);
    }

    [Fact]
    public void Router_whoseMacNoPortLetsThrough_movesEverMoreRarely()
    {
        (SimulatedCluster cluster, _) = Begin();
        foreach (string node in Nodes)
        {
            cluster.Find(node).IsFiltered = true;
        }

        cluster.Find(cluster.LastHolders.Values.First()).HasGateway = true;
        cluster.Run(3600 * Second);

        Assert.InRange(cluster.Moves, Routers.Count, 20 * Routers.Count);
        Assert.All(Routers, router => Assert.Single(cluster.SpeakersOf(router)));
    }

    [Fact]
    public void Etcd_andOneAgentAway_silenceTheRouter_untilEtcdIsBack()
    {
        (SimulatedCluster cluster, string holder) = Begin();
        cluster.Find(Nodes.First(node => node != holder)).StandStill(100 * Second);
        cluster.IsEtcdAway = true;

        cluster.Run(6 * Second);

        Assert.All(Routers, router => Assert.Empty(cluster.SpeakersOf(router)));
        cluster.IsEtcdAway = false;
        cluster.Run(8 * Second);
        Assert.All(Routers, router => Assert.Single(cluster.SpeakersOf(router)));
    }

    [Fact]
    public void Etcd_andOneAgentAway_silenceTheRouter_untilTheAgentIsBack()
    {
        (SimulatedCluster cluster, string holder) = Begin();
        SimulatedNode other = cluster.Find(Nodes.First(node => node != holder));
        cluster.IsEtcdAway = true;
        other.Kill(3 * Second);
        cluster.Run(7 * Second);
        Assert.All(Routers, router => Assert.Empty(cluster.SpeakersOf(router)));

        for (long time = 9 * Second; time < 60 * Second; time += 50 * SimulatedCluster.Millisecond)
        {
            cluster.Run(time);
            Assert.All(Routers, router => Assert.Equal([holder], cluster.SpeakersOf(router)));
        }

        cluster.IsEtcdAway = false;
        cluster.Run(65 * Second);
        Assert.All(Routers, router => Assert.Single(cluster.SpeakersOf(router)));
    }

    [Fact]
    public void Node_thatJoinsWhileTheOthersHaveNoEtcd_claimsNothingUntilTheyKnowIt()
    {
        SimulatedCluster cluster = new(seed: 1, Nodes.Length, Routers, joining: 1) { HasFaults = false };
        cluster.Run(3 * Second - 1);
        string holder = Assert.Single(cluster.LastHolders.Values.Distinct());
        foreach (string node in Nodes.SkipLast(1))
        {
            cluster.Find(node).IsCutOff = true;
        }

        for (long time = 3 * Second; time < 60 * Second; time += 50 * SimulatedCluster.Millisecond)
        {
            cluster.Run(time);
            Assert.All(Routers, router => Assert.Equal([holder], cluster.SpeakersOf(router)));
        }

        foreach (string node in Nodes.SkipLast(1))
        {
            cluster.Find(node).IsCutOff = false;
        }

        cluster.Run(65 * Second);
        Assert.All(Routers, router => Assert.Single(cluster.SpeakersOf(router)));
        cluster.Find(cluster.LastHolders.Values.First()).Kill(100 * Second);
        cluster.Run(70 * Second);
        Assert.All(Routers, router => Assert.Single(cluster.SpeakersOf(router)));
    }

    [Theory]
    [InlineData("killed")]
    [InlineData("stands still")]
    [InlineData("cut off from etcd")]
    public void Holder_thatIsLost_isReplacedWithinASecond(string fate)
    {
        for (int at = 0; at < 100; at++)
        {
            (SimulatedCluster cluster, string holder) = Begin(seed: at + 1);
            SimulatedNode lost = cluster.Find(holder);
            long time = (5 * Second) + (at * SimulatedCluster.Millisecond);
            cluster.Run(time);
            switch (fate)
            {
                case "killed":
                    lost.Kill(100 * Second);
                    break;
                case "stands still":
                    lost.StandStill(10 * Second);
                    break;
                default:
                    lost.IsCutOff = true;
                    break;
            }

            cluster.Run(time + Second);
            Assert.All(Routers, router => Assert.NotEqual([holder], cluster.SpeakersOf(router)));
            Assert.All(Routers, router => Assert.Single(cluster.SpeakersOf(router)));
            cluster.Run(time + (15 * Second));
            Assert.All(Routers, router => Assert.Single(cluster.SpeakersOf(router)));
        }
    }

    private static readonly string[] Nodes = ["n0", "n1", "n2"];

    private static (SimulatedCluster Cluster, string Holder) Begin(int seed = 1)
    {
        SimulatedCluster cluster = new(seed, Nodes.Length, Routers) { HasFaults = false };
        cluster.Run(5 * Second);
        return (cluster, Assert.Single(cluster.LastHolders.Values.Distinct()));
    }
}
