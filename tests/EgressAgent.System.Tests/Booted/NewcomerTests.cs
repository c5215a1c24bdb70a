using System.Text.RegularExpressions;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Booted;

/// <summary>The way that the README describes, from the first copy of the example on, and what a newcomer gets wrong on it.</summary>
public sealed partial class NewcomerTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>
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
        Eventually.Holds(() => Assert.Matches(@"^default/web +active +198\.18\.0\.2 +192\.168\.12\.99 +eth0 +kernel *$", Status(0)[^1]));
        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource));

        Node.Check("sed", "--in-place", "s/port: 8080/port: 80800/", Copy);
        check = Node.Run("egress-agentd", "check", Copy);
        Assert.Equal(1, check.ExitCode);
        Assert.Matches($@"^{Copy}:\d+:\d+: spec\.redirect\.redirectRules\[1\]\.port: must be a whole number, 1 to 65535, not `80800`$", check.Output.Split('\n')[0]);
        Node.Check("install", "--mode=644", Copy, Installed);
        Eventually.Holds(() => Assert.StartsWith("egress-agentd 0.1.0 is degraded: 1 router, 1 degraded, 1 file in error", Status(1)[0]));
        Assert.Contains($"{Installed}:", Status(1)[^1]);
        Assert.Equal(1, Node.Run("egressctl", "status", "--check").ExitCode);
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource);

        Node.Check("sed", "--in-place", "s/port: 80800/port: 8081/", Copy);
        Node.Check("install", "--mode=644", Copy, Installed);
        Eventually.Holds(() => Assert.Equal("egress-agentd 0.1.0 is running: 1 router, 1 active", Status(0)[0]));
        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8081).SeenSource));
        Node.Check("rm", Installed);
    }

    [Fact]
    public void Inside_address_is_where_the_README_says()
    {
        Eventually.Holds(() => Assert.Equal("1 router active at 198.18.0.2", Agent.StatusText));
        Assert.Contains("Status: \"1 router active at 198.18.0.2\"", Node.Run("systemctl", "status", "--no-pager", "--lines=0", "egress-agentd").Output);
        Assert.Contains(" 198.18.0.2 ", Status(0)[^1]);
        Assert.Contains("198.18.0.2/16", Node.Check("ip", "-n", "egress.default.egress-router-redirect", "address", "show", "eth0"));
        Assert.Contains("198.18.0.2", Agent.Journal("--unit=egress-agentd", "EGRESS_ROUTER=default/egress-router-redirect"));
    }

    /// <summary>Each command of the table prints what stands beside it.</summary>
    [Fact]
    public void Verification_of_the_README_prints_what_it_says()
    {
        string[][] rows =
        [
            .. File.ReadAllText(Repository.PathOf("README.md")).Split("### The verification of OpenShift's documentation")[1].Split("\n## ")[0]
                .Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1)
                .Select(line => line.Trim('|', ' ').Split(" | ")),
        ];

        Assert.Equal(9, rows.Length);
        Assert.All(rows, row =>
        {
            string output = string.Join(' ', Node.Check(["sh", "-c", row[1].Trim('`')]).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
            Assert.Equal(row[2].StartsWith("nothing", StringComparison.Ordinal), output.Length == 0);
            Assert.All(Printed().Matches(row[2]), printed => Assert.Contains(printed.Groups["text"].Value, output));
        });
        Assert.Equal(13, rows.Sum(row => Printed().Count(row[2])));
    }

    [Fact]
    public void Colours_are_for_terminals_that_want_them()
    {
        Assert.DoesNotContain("\e[", Node.Check("env", "TERM=xterm", "egressctl", "status"));
        Assert.Contains("\e[", OnTerminal("TERM=xterm"));
        Assert.DoesNotContain("\e", OnTerminal("TERM=dumb"));
        Assert.DoesNotContain("\e", OnTerminal("TERM=xterm", "NO_COLOR=1"));

        string OnTerminal(params string[] variables)
        {
            string output = Node.Check(["env", .. variables, "script", "--quiet", "--return", "--command", "egressctl status", "/dev/null"]);
            Assert.Contains("default/egress-router-redirect", output);
            return output;
        }
    }

    [Fact]
    public void Shell_completes_commands_and_routers()
    {
        const string Complete = """
            . /usr/share/bash-completion/completions/egressctl
            COMP_LINE=$1; COMP_POINT=${#1}; read -ra COMP_WORDS <<<"$1"; [[ $1 != *' ' ]] || COMP_WORDS+=('')
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _egressctl; printf '%s\n' "${COMPREPLY[@]}"
            """;

        Assert.Equal("status\n", Node.Check("bash", "-c", Complete, "bash", "egressctl sta"));
        Assert.Equal("egress-router-redirect\n", Node.Check("bash", "-c", Complete, "bash", "egressctl show e"));
        Assert.Contains("--from\n", Node.Check("bash", "-c", Complete, "bash", "egressctl explain egress-router-redirect tcp/80 --f"));
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

    // The lines of egressctl status.
    private string[] Status(int exitCode)
    {
        CommandResult status = Node.Run("egressctl", "status");
        Assert.Equal((exitCode, ""), (status.ExitCode, status.Errors));
        return status.Output.TrimEnd('\n').Split('\n');
    }

    [GeneratedRegex("`(?<text>[^`]+)`")]
    private static partial Regex Printed();
}
