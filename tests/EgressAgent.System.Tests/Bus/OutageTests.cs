using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Bus;

/// <summary>A bus that goes, or does not read, concerns neither routers nor the agent, and all is right again when it is back.</summary>
public sealed class OutageTests : BusTest
{
    private const int ManyRouters = 200;

    [Fact]
    public void Daemon_restarts_three_times_and_everything_is_there_again()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
        AgentProcess agent = StartAgent();
        WaitForState("web", "active");
        string inside = new ObservedRouter("web").WaitForInsideAddress(agent);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080, TimeSpan.FromMilliseconds(5));
        int descriptors = agent.DescriptorCount();
        for (int round = 0; round < 3; round++)
        {
            Daemon.KillDaemon();
            transfer.WaitForBlocks(3);
            Files.Write($"more{round}.yaml", $"{RouterDocument.Web($"more{round}", $"192.168.12.{60 + round}/24")}");
            Eventually.True("the router", () => new ObservedRouter($"more{round}").InsideAddress is not null);
            Daemon.StartDaemon();

            WaitForService();
            WaitForState($"more{round}", "active");
            WaitForState("web", "active");
            Files.Delete($"more{round}.yaml");
            Eventually.True("the end of the router", () => ManagerProperty("RouterCount") == "u 1", otherwise: () => ManagerProperty("RouterCount"));
        }

        Eventually.True("old connections to be closed", () => agent.DescriptorCount() <= descriptors, otherwise: () => $"{agent.DescriptorCount()} of {descriptors}");
        transfer.WaitForBlocks(3);
        Assert.Equal(4, agent.Log.Split($"{Service} is served").Length - 1);
    }

    [Fact]
    public void Daemon_stopped_for_ten_seconds_while_200_routers_change()
    {
        Files.Configure("addressConflictDetection: false");
        for (int i = 0; i < ManyRouters; i++)
        {
            Files.Write($"r{i}.yaml", Document(i));
        }

        AgentProcess agent = StartAgent();
        Eventually.True("all routers", () => ManagerProperty("RouterCount") == $"u {ManyRouters}", otherwise: () => ManagerProperty("RouterCount"));
        Eventually.True("all routers to be told", () => ManagerProperty("DegradedCount") == "u 0", otherwise: () => ManagerProperty("DegradedCount"));
        long resident = agent.ResidentBytes();
        DateTime end = DateTime.UtcNow.AddSeconds(10);
        Daemon.PauseDaemon();
        for (int round = 0; DateTime.UtcNow < end; round++)
        {
            for (int i = 0; i < ManyRouters && DateTime.UtcNow < end; i++)
            {
                Files.Write($"r{i}.yaml", Document(i).Replace("Redirect\n", round % 2 == 0 ? "Reverse\n" : "Redirect\n"));
            }
        }

        for (int i = 0; i < ManyRouters; i++)
        {
            Files.Write($"r{i}.yaml", Document(i).Replace("Redirect\n", i == 0 ? "Redirect\n" : "Reverse\n"));
        }

        Eventually.True("the agent", () => agent.Status.StartsWith("1 router active, 199 degraded"), otherwise: () => agent.Status);
        Daemon.ResumeDaemon();

        Eventually.True("the states", () => ManagerProperty("DegradedCount") == $"u {ManyRouters - 1}", otherwise: () => ManagerProperty("DegradedCount"));
        Assert.Equal("s \"active\"", Property("r0", "State"));
        Assert.Equal("s \"degraded\"", Property("r199", "State"));
        Assert.DoesNotContain("D-Bus is not available", agent.Log);
        Assert.InRange(agent.ResidentBytes() - resident, long.MinValue, 20_000_000);
    }

    [Fact]
    public void Without_descriptors_for_a_while_everything_is_there_again()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
        Files.Write("edited.yaml", $"{RouterDocument.Web("edited", "192.168.12.60/24")}");
        AgentProcess agent = StartAgent();
        WaitForState("web", "active");
        WaitForState("edited", "active");
        string inside = new ObservedRouter("web").WaitForInsideAddress(agent);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080, TimeSpan.FromMilliseconds(5));
        string before = Command.Check("prlimit", "--pid", $"{agent.Pid}", "--nofile", "--noheadings", "--raw", "--output", "SOFT").Trim();

        // Nothing that is closed meanwhile makes room. Not less: poll(2) refuses more descriptors than the limit (EINVAL).
        Limit("3");
        Files.Write("edited.yaml", $"{RouterDocument.Web("edited", "192.168.12.60/24").Tcp(9090, "203.0.113.26", 80)}");
        Files.Write("new.yaml", $"{RouterDocument.Web("new", "192.168.12.61/24")}");
        Daemon.KillDaemon();
        Daemon.StartDaemon();
        agent.WaitForLog("new.yaml: the file cannot be read");
        Eventually.True("the bus to be refused", () => agent.Log.Split("Too many open files").Length > 3, otherwise: () => agent.Log);
        transfer.WaitForBlocks(3);
        Limit(before);

        WaitForService();
        WaitForState("new", "active");
        WaitForState("edited", "active");
        WaitForState("web", "active");
        Eventually.True("no fault", () => ManagerProperty("FaultCount") == "u 0", otherwise: () => agent.Log);
        Assert.Contains("9090", Lab.Node.Run("ip", "netns", "exec", "egress.default.edited", "nft", "list", "table", "inet", "egress_agent").Output);
        transfer.WaitForBlocks(3);

        void Limit(string soft) => Command.Check("prlimit", "--pid", $"{agent.Pid}", $"--nofile={soft}:");
    }

    private static string Document(int number) => $"{RouterDocument.Web($"r{number}", $"192.168.{13 + (number / 100)}.{1 + (number % 100)}/16")}";
}
