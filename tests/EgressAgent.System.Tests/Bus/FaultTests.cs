using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Bus;

/// <summary>
/// A file in error is seen by who watches the agent, whether or not a router can be told from it: in the status line, and on the bus;
/// also after a restart.
/// </summary>
public sealed class FaultTests : BusTest
{
    private static readonly Dictionary<string, Action<FaultTests>> Faults = new()
    {
        ["a bad name"] = test => test.Files.Write("bad.yaml", $"{RouterDocument.Web("Bad_Name", "192.168.12.98/24")}"),
        ["a fault before the name"] = test => test.Files.Write("bad.yaml", "[ not closed\n" + $"{RouterDocument.Web("bad", "192.168.12.98/24")}"),
        ["an empty file"] = test => test.Files.Write("bad.yaml", ""),
        ["writable by everybody"] = test => test.WriteRefused("chmod", "0666"),
        ["somebody else's"] = test => test.WriteRefused("chown", "65534"),
        ["a name that another file has"] = test => test.Files.Write("zbad.yaml", $"{RouterDocument.Web("web", "192.168.12.98/24")}"),
    };

    public static TheoryData<string> Names => [.. Faults.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void File_in_error_counts_until_it_is_mended_also_after_a_restart(string fault)
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
        AgentProcess agent = StartAgent();
        WaitForState("web", "active");
        Assert.Equal("s \"running\"", ManagerProperty("State"));

        Faults[fault](this);

        WaitForFault(agent);
        agent.Stop();
        agent = StartAgent();
        WaitForFault(agent);

        Files.Delete(Path.GetFileName(Directory.GetFiles(Files.Routers, "*bad.yaml").Single()));

        Eventually.True("the end of it", () => ManagerProperty("State") == "s \"running\"" && agent.Status.StartsWith("1 router active at ", StringComparison.Ordinal), otherwise: () => agent.Status);
        Assert.Equal("u 0", ManagerProperty("FaultCount"));
        Assert.Equal("a(suuss) 0", ManagerProperty("Faults"));
    }

    // It has never been there as it should be.
    private void WriteRefused(params string[] change)
    {
        Files.Write(".bad", $"{RouterDocument.Web("bad", "192.168.12.98/24")}");
        Command.Check([.. change, Files.RouterFile(".bad")]);
        Files.Move(".bad", "bad.yaml");
    }

    private void WaitForFault(AgentProcess agent)
    {
        Eventually.True(
            "the fault",
            () => agent.Status.StartsWith("1 router active, 1 file in error: ", StringComparison.Ordinal) && ManagerProperty("State") == "s \"degraded\"",
            otherwise: () => $"{agent.Status}; {ManagerProperty("State")}; {ManagerProperty("Faults")}");
        Assert.Contains("bad.yaml", agent.Status);
        Assert.Contains("bad.yaml", ManagerProperty("Faults"));
        Assert.NotEqual("u 0", ManagerProperty("FaultCount"));
        Assert.Equal("s \"active\"", Property("web", "State"));
    }
}
