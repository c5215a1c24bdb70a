using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>What is saved in the directory is in force at once, and a fault stays where it is.</summary>
public abstract class LiveEditTests(string datapath) : AgentTest(datapath)
{
    [Fact]
    public void Added_rule_is_in_force()
    {
        (_, _, string inside) = StartWithWebRouter();
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(inside, 8443).Outcome);

        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8443, "203.0.113.27", 443)}");

        WaitForTcp(Lab.Node, inside, 8443, "203.0.113.27:443");
    }

    [Fact]
    public void File_saved_by_rename_is_read()
    {
        (_, _, string inside) = StartWithWebRouter();

        Files.Replace("web.yaml", $"{RouterDocument.Web("web").Tcp(8443, "203.0.113.27", 443)}");

        WaitForTcp(Lab.Node, inside, 8443, "203.0.113.27:443");
    }

    [Fact]
    public void Removed_rule_is_refused_and_its_connections_are_cut()
    {
        (_, _, string inside) = StartWithWebRouter(RouterDocument.Web("web").Tcp(8443, "203.0.113.27", 443));
        using EchoedTransfer kept = EchoedTransfer.Start(Lab.Node, inside, 8080);
        using EchoedTransfer cut = EchoedTransfer.Start(Lab.Node, inside, 8443);
        cut.WaitForBlocks(10);

        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");

        WaitForRefusal(Lab.Node, inside, 8443);
        cut.WaitForReset();
        kept.WaitForBlocks(100);
    }

    [Fact]
    public void Changed_rule_leads_elsewhere_and_others_are_not_disturbed()
    {
        (_, _, string inside) = StartWithWebRouter(RouterDocument.Web("web").Tcp(8081, "203.0.113.26", 80));
        using EchoedTransfer kept = EchoedTransfer.Start(Lab.Node, inside, 8080);

        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8081, "203.0.113.27", 443)}");

        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.27:443");
        kept.WaitForBlocks(100);
    }

    [Fact]
    public void Changed_address_is_the_source_from_then_on()
    {
        (_, _, string inside) = StartWithWebRouter();

        Files.Write("web.yaml", $"{RouterDocument.Web("web", "192.168.12.98/24")}");

        Eventually.Holds(() => Assert.Equal("192.168.12.98", Lab.Node.ProbeTcp(inside, 8080).SeenSource));
    }

    [Fact]
    public void Several_files_saved_at_once_all_come_into_force()
    {
        AgentProcess agent = Scenario.StartAgent();
        int[] numbers = [101, 102, 103, 104, 105];

        foreach (int number in numbers)
        {
            Files.Write($"web{number}.yaml", $"{RouterDocument.Web($"web{number}", $"192.168.12.{number}/24")}");
        }

        string[] inside = [.. numbers.Select(number => new ObservedRouter($"web{number}").WaitForInsideAddress(agent))];
        Assert.Equal(inside.Length, inside.Distinct().Count());
        foreach ((string address, int number) in inside.Zip(numbers))
        {
            Eventually.Holds(() => Assert.Equal($"192.168.12.{number}", Lab.Node.ProbeTcp(address, 8080).SeenSource));
        }
    }

    [Fact]
    public void Bad_document_does_not_touch_the_good_one_in_its_file()
    {
        Files.Write("both.yaml", $"{RouterDocument.Web("good")}---\n{RouterDocument.Web("bad", "192.168.12.300/24")}");
        AgentProcess agent = Scenario.StartAgent();

        string inside = new ObservedRouter("good").WaitForInsideAddress(agent);

        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.False(new ObservedRouter("bad").Exists);
        agent.WaitForLog("both.yaml:");
    }

    [Fact]
    public void Editors_temporary_files_are_ignored()
    {
        AgentProcess agent = Scenario.StartAgent();
        string[] ignored = [".hidden.yaml", "backup.yaml~", ".swap.yaml.swp", "old.yaml.bak", "web.yaml.dpkg-old", "web.yaml.rpmsave", "README"];
        for (int i = 0; i < ignored.Length; i++)
        {
            Files.Write(ignored[i], $"{RouterDocument.Web($"ignored{i}", $"192.168.12.{110 + i}/24")}");
        }

        // What was saved before the one that is in force has been seen by then.
        Files.Write("web.yml", $"{RouterDocument.Web("web")}");
        WaitForTcp(Lab.Node, new ObservedRouter("web").WaitForInsideAddress(agent), 8080, "203.0.113.26:80");

        Assert.All(Enumerable.Range(0, ignored.Length), i => Assert.False(new ObservedRouter($"ignored{i}").Exists, ignored[i]));
    }

    [Fact]
    public void Bad_edit_is_reported_and_the_router_keeps_running_until_it_is_mended()
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter();

        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("port: 8080", "port: 80800"));

        agent.WaitForLog("web.yaml:9:");
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);

        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8443, "203.0.113.27", 443)}");
        WaitForTcp(Lab.Node, inside, 8443, "203.0.113.27:443");
    }

    [Fact]
    public void File_that_others_may_write_is_refused()
    {
        AgentProcess agent = Scenario.StartAgent();
        Files.Write(".web.yaml", $"{RouterDocument.Web("web")}");
        File.SetUnixFileMode(Files.RouterFile(".web.yaml"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite);

        File.Move(Files.RouterFile(".web.yaml"), Files.RouterFile("web.yaml"));

        agent.WaitForLog("web.yaml");
        Assert.False(new ObservedRouter("web").Exists);
    }

    [Fact]
    public void Deleted_file_removes_everything_of_its_router_and_nothing_else()
    {
        Files.Write("other.yaml", $"{RouterDocument.Web("other", "192.168.12.98/24")}");
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        string other = new ObservedRouter("other").WaitForInsideAddress(agent);
        using EchoedTransfer kept = EchoedTransfer.Start(Lab.Node, other, 8080);

        Files.Delete("web.yaml");

        Eventually.Holds(() => Assert.False(router.Exists));
        Eventually.Holds(() => Assert.DoesNotContain("altname egress.default.web", Lab.Node.Ip("link")));
        kept.WaitForBlocks(100);
    }

    [Fact]
    public void Whole_life_of_a_router_shows_no_source_but_the_reserved_one()
    {
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        AgentProcess agent = Scenario.StartAgent();
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
        ObservedRouter router = new("web");
        string inside = router.WaitForInsideAddress(agent);
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");

        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8443, "203.0.113.27", 443)}");
        WaitForTcp(Lab.Node, inside, 8443, "203.0.113.27:443");
        using (EchoedTransfer cut = EchoedTransfer.Start(Lab.Node, inside, 8080))
        {
            Files.Delete("web.yaml");
            Eventually.True("the transfer to end", () => cut.Broke);
        }

        string[] sources =
            [.. capture.Packets.Where(p => $"{p.Destination}" is "203.0.113.26" or "203.0.113.27").Select(p => $"{p.Source}").Distinct()];
        Assert.Equal([EgressLab.ReservedAddress], sources);
    }

    [Fact]
    public void Many_edits_leave_no_thread_astray_and_no_descriptor_open()
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter();
        int before = agent.DescriptorCount();

        for (int port = 9001; port <= 9030; port++)
        {
            Files.Replace("web.yaml", $"{RouterDocument.Web("web").Tcp(port, "203.0.113.27", 443)}");
            WaitForTcp(Lab.Node, inside, port, "203.0.113.27:443");
        }

        agent.WaitForThreadsAtHome();
        Eventually.Holds(() => Assert.InRange(agent.DescriptorCount(), 0, before + 5));
    }
}
