using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Bus;

/// <summary>Callers that ask for more than anyone needs take neither traffic nor memory from the agent.</summary>
public sealed class StormTests() : BusTest("relay")
{
    private const int Nobody = 65534;
    private const long Megabyte = 1_000_000;

    [Fact]
    public void Transfer_through_the_relay_goes_on_whole_and_memory_comes_back()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
        AgentProcess agent = StartAgent();
        WaitForState("web", "active");
        string inside = new ObservedRouter("web").WaitForInsideAddress(agent);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
        transfer.WaitForBlocks(100);
        Busctl.Check("introspect", Service, PathOf("web"));
        long before = agent.ResidentBytes();

        using (BusStorm storm = BusStorm.Start(Daemon.Address, Files.Routers, callers: 4))
        {
            for (int i = 0; i < 10; i++)
            {
                CommandResult read = new Busctl(Daemon.Address, Nobody).Run("call", Service, Manager, ManagerInterface, "ListRouters");
                Assert.True(read.ExitCode == 0, read.ToString());
                transfer.WaitForBlocks(50);
            }

            Eventually.True("answers", () => storm.Answers > 2_000, otherwise: () => $"{storm.Answers} answers, {storm.Refusals} refusals");
            storm.Stop();
            Assert.True(storm.Refusals > 0, "The large calls were not refused.");
        }

        transfer.WaitForBlocks(100);
        Eventually.True(
            "the memory to come back",
            () => agent.ResidentBytes() < before + (10 * Megabyte),
            otherwise: () => $"{agent.ResidentBytes() / Megabyte} MB after {before / Megabyte} MB");
        Assert.DoesNotContain("D-Bus is not available", agent.Log);
        TestContext.Current.TestOutputHelper?.WriteLine($"{before / Megabyte} MB before, {agent.ResidentBytes() / Megabyte} MB after");
    }
}
