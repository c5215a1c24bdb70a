using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Booted;

/// <summary>The way that the README describes, from the first copy of the example on, and what a newcomer gets wrong on it.</summary>
public sealed class NewcomerTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>
{
    private const string Settings = "/etc/egress-agentd/agentd.yaml";
    private const string Installed = "/etc/egress-router/web.yaml";
    private const string Copy = "/root/web.yaml";
    private const string Example = "/usr/share/doc/egress-agentd/examples/egress-router-redirect.yaml";

    [Fact]
    public void Copy_check_install_status_break_repair()
    {
        Node.Check("rm", "/etc/egress-router/egress-router-redirect.yaml");
        Agent.WaitForStatus(text => text.StartsWith("no routers", StringComparison.Ordinal));
        Node.Check("cp", Example, Copy);
        Node.Check("sed", "--in-place", "s/name: egress-router-redirect/name: web/", Copy);

        CommandResult check = Node.Run("egress-agentd", "check", Copy);
        Assert.Equal(0, check.ExitCode);
        Node.Check("install", "--mode=644", Copy, Installed);
        Agent.WaitForStatus(text => text == "1 router active");
        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource));

        Node.Check("sed", "--in-place", "s/port: 8080/port: 80800/", Copy);
        check = Node.Run("egress-agentd", "check", Copy);
        Assert.Equal(1, check.ExitCode);
        Assert.Matches($@"^{Copy}:\d+:\d+: spec\.redirect\.redirectRules\[1\]\.port: must be a whole number, 1 to 65535, not `80800`$", check.Output.Split('\n')[0]);
        Node.Check("install", "--mode=644", Copy, Installed);
        Agent.WaitForStatus(text => text.Contains("web.yaml:"));
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource);

        Node.Check("sed", "--in-place", "s/port: 80800/port: 8081/", Copy);
        Node.Check("install", "--mode=644", Copy, Installed);
        Agent.WaitForStatus(text => text == "1 router active");
        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8081).SeenSource));
        Node.Check("rm", Installed);
    }

    [Fact]
    public void Check_on_a_terminal_ends_with_what_the_agent_has_in_force()
    {
        string output = Node.Check("script", "--quiet", "--return", "--command", "egress-agentd check", "/dev/null").TrimEnd();

        Assert.Matches(@"^2 files, 1 router, no fault(, 1 warning)?; egress-agentd is running and has them in force$", output.Split('\n')[^1].TrimEnd('\r'));
    }

    [Fact]
    public void Schema_is_where_the_example_says()
    {
        string first = Node.Check("head", "--lines=1", Example);

        Assert.StartsWith("# yaml-language-server: $schema=/", first);
        Node.Check("test", "-f", first.TrimEnd('\n').Split('=')[1]);
    }

    [Fact]
    public void Settings_in_error_leave_the_agent_on_the_last_good_ones()
    {
        string good = Node.Check("cat", Settings);
        try
        {
            File.WriteAllText(Node.PathOf(Settings), good + "datapath: ebpf\n");
            Node.Check("systemctl", "restart", "egress-agentd");

            Agent.WaitForStatus(text => text.Contains($"{Settings}:") && text.Contains("must be `kernel` or `relay`, not `ebpf`"));
            Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource);
        }
        finally
        {
            File.WriteAllText(Node.PathOf(Settings), good);
            Node.Check("systemctl", "restart", "egress-agentd");
        }
    }

    [Fact]
    public void Settings_in_error_and_none_before_end_the_agent_once_with_the_reason()
    {
        string good = Node.Check("cat", Settings);
        try
        {
            Node.Check("systemctl", "stop", "egress-agentd");
            Node.Check("rm", "/var/lib/egress-agentd/agentd.yaml");
            File.WriteAllText(Node.PathOf(Settings), good + "datapath: ebpf\n");
            Node.Run("systemctl", "start", "egress-agentd");

            Eventually.True("the end", () => Agent.Show("ActiveState") == "failed");
            Assert.Equal(("78", "0"), (Agent.Show("ExecMainStatus"), Agent.Show("NRestarts")));
            string status = Node.Run("systemctl", "status", "--no-pager", "--lines=0", "egress-agentd").Output;
            Assert.Contains("must be `kernel` or `relay`, not `ebpf`", status);
        }
        finally
        {
            File.WriteAllText(Node.PathOf(Settings), good);
            Node.Check("systemctl", "start", "egress-agentd");
        }
    }

    [Fact]
    public void Run_without_root_is_answered_with_a_sentence()
    {
        CommandResult run = Node.RunUnprivileged("egress-agentd", "run");

        Assert.Equal((1, "egress-agentd: run needs root, since it makes network namespaces, links and routes\n"), (run.ExitCode, run.Errors));
    }
}
