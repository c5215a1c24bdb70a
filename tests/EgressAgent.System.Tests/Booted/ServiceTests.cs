using System.Globalization;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Booted;

/// <summary>The service in the hands of systemd and of an administrator.</summary>
public sealed class ServiceTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>
{
    [Fact]
    public void Installation_enables_and_starts_the_service()
    {
        Assert.Equal("enabled", Agent.Show("UnitFileState"));
        Assert.Equal("active", Agent.Show("ActiveState"));
    }

    [Fact]
    public void Documented_example_carries_traffic_from_the_reserved_address()
    {
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource);
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8443).SeenSource);
        Assert.Equal(EgressLab.ReservedAddress, Lab.Client.ProbeUdp(EgressLab.InsideAddress, 80).SeenSource);
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 9999).Outcome);
    }

    [Fact]
    public void Network_namespace_of_the_router_is_seen_by_the_whole_system()
    {
        Assert.Contains("egress.default.egress-router-redirect", Node.Check("ip", "netns"));
        Assert.Contains("192.168.12.99/24", Node.Check("ip", "-n", "egress.default.egress-router-redirect", "address"));
    }

    [Fact]
    public void Exposure_is_at_most_5()
    {
        string[] report = Node.Check("systemd-analyze", "security", "--no-pager", "egress-agentd").TrimEnd().Split('\n');

        // → Overall exposure level for egress-agentd.service: 4.5 OK :-)
        string exposure = report[^1].Split(": ")[1].Split(' ')[0];
        Assert.InRange(double.Parse(exposure, CultureInfo.InvariantCulture), 0, 5.0);
    }

    [Fact]
    public void Systemd_and_the_bus_have_nothing_to_say_against_the_unit_and_the_policy()
    {
        CommandResult verified = Node.Run("systemd-analyze", "verify", "--man=no", "egress-agentd.service");

        Assert.Equal((0, ""), (verified.ExitCode, verified.Errors));
        Assert.DoesNotContain("org.egressagent", Agent.Journal("--unit=dbus", "--priority=warning"));
    }

    [Fact]
    public void Edit_is_in_force_when_it_is_saved()
    {
        Agent.WriteRouter(Agent.ReadExample().Replace("port: 8080", "port: 8090"));

        Eventually.Holds(() =>
            Assert.Equal("203.0.113.26:80", Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8090).SeenTarget));
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).Outcome);
    }

    [Fact]
    public void Status_line_names_the_router_in_trouble_and_where_to_mend_it()
    {
        using EchoedTransfer transfer = StartTransfer();

        Agent.WriteRouter(Agent.ReadExample().Replace("protocol: UDP", "protocol: udp"));

        Agent.WaitForStatus(text => text.StartsWith($"1 router degraded, 1 file in error: {Router}: ", StringComparison.Ordinal));
        Assert.Matches(@"/etc/egress-router/egress-router-redirect\.yaml:\d+:\d+: .*`UDP`", Agent.StatusText);
        Assert.Contains(Agent.StatusText, Node.Check("systemctl", "status", "egress-agentd"));
        transfer.WaitForBlocks(100);

        Agent.WriteRouter(Agent.ReadExample());

        Agent.WaitForStatus(text => text.StartsWith("1 router active at ", StringComparison.Ordinal));
        transfer.WaitForBlocks(100);
    }

    [Fact]
    public void Removed_file_removes_the_router_and_the_status_says_what_to_do()
    {
        File.Delete(Node.PathOf("/etc/egress-router/egress-router-redirect.yaml"));

        Agent.WaitForStatus(text => text == "no routers; put an EgressRouter file into /etc/egress-router");
        Assert.Empty(Node.Check("ip", "netns"));
    }

    [Fact]
    public void Reload_returns_when_it_is_done_and_disturbs_nothing()
    {
        using EchoedTransfer transfer = StartTransfer();
        int pid = Agent.MainPid;

        Node.Check("systemctl", "reload", "egress-agentd");

        Assert.Equal("active", Agent.Show("ActiveState"));
        Eventually.Holds(() => Assert.Equal((pid, "1 router active at 198.18.0.2"), (Agent.MainPid, Agent.StatusText)));
        transfer.WaitForBlocks(100);
    }

    [Fact]
    public void Restart_loses_no_byte_of_a_transfer()
    {
        using EchoedTransfer transfer = StartTransfer();
        string links = RouterLinks();

        Node.Check("systemctl", "restart", "egress-agentd");

        Assert.StartsWith("1 router active at ", Agent.StatusText);
        Assert.Equal(links, RouterLinks());
        transfer.WaitForBlocks(100);
    }

    [Fact]
    public void Stop_leaves_the_router_carrying_traffic()
    {
        using EchoedTransfer transfer = StartTransfer();

        Node.Check("systemctl", "stop", "egress-agentd");

        Assert.Equal(("inactive", "success"), (Agent.Show("ActiveState"), Agent.Show("Result")));
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8443).SeenSource);
        transfer.WaitForBlocks(100);
    }

    [Fact]
    public void Killed_agent_is_started_again_and_adopts_its_router()
    {
        using EchoedTransfer transfer = StartTransfer();
        (string links, int restarts) = (RouterLinks(), Agent.Restarts);

        Node.Check("systemctl", "kill", "--signal=KILL", "egress-agentd");

        Eventually.True("systemd to start it again", () => Agent.Restarts > restarts);
        Agent.WaitForStatus(text => text.StartsWith("1 router active at ", StringComparison.Ordinal));
        Assert.Equal(links, RouterLinks());
        transfer.WaitForBlocks(100);
    }

    [Fact]
    public void Hung_agent_is_started_again_by_the_watchdog()
    {
        using EchoedTransfer transfer = StartTransfer();
        Directory.CreateDirectory(Node.PathOf("/run/systemd/system/egress-agentd.service.d"));
        string hurry = Node.PathOf("/run/systemd/system/egress-agentd.service.d/watchdog.conf");
        File.WriteAllText(hurry, "[Service]\nWatchdogSec=1s\n");
        try
        {
            Node.Check("systemctl", "daemon-reload");
            Node.Check("systemctl", "restart", "egress-agentd");
            int restarts = Agent.Restarts;

            Node.Check("systemctl", "kill", "--signal=STOP", "egress-agentd");

            Eventually.True("the watchdog", () => Agent.Restarts > restarts, TimeSpan.FromSeconds(30), () => Agent.Journal());
            Agent.WaitForStatus(text => text.StartsWith("1 router active at ", StringComparison.Ordinal));
            Assert.Contains("Watchdog timeout", Agent.Journal());
            transfer.WaitForBlocks(100);
        }
        finally
        {
            File.Delete(hurry);
            Node.Check("systemctl", "daemon-reload");
            Node.Check("systemctl", "restart", "egress-agentd");
        }
    }
}
