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
        for (int seed = 1; seed <= 300; seed++)
        {
            SimulatedCluster cluster = new(seed, nodes: 3, Routers);
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
        Assert.True(moves > 1000, $"{moves} moves");
    }

    [Fact]
    public void Router_withoutAnyFault_staysWhereItIs()
    {
        SimulatedCluster cluster = new(seed: 1, nodes: 3, Routers) { HasFaults = false };
        cluster.Run(2 * Second);
        Dictionary<RouterKey, string> holders = new(cluster.LastHolders);
        Assert.Equal(Routers.Count, holders.Count);

        for (long time = 2 * Second; time < 120 * Second; time += 50 * SimulatedCluster.Millisecond)
        {
            cluster.Run(time);
            Assert.All(Routers, router => Assert.Equal([holders[router]], cluster.SpeakersOf(router)));
        }

        Assert.Equal(0, cluster.Moves);
    }
}
