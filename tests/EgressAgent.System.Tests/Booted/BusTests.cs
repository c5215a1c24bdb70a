using System.Collections.Concurrent;
using System.Diagnostics;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Booted;

/// <summary>The agent on the real system bus, under the installed policy, as <c>busctl</c> shows it.</summary>
public sealed class BusTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>
{
    private const string Service = "org.egressagent.Agent1";
    private const string Manager = "/org/egressagent/Agent1";
    private const string RouterPath = "/org/egressagent/Agent1/router/default/egress_2drouter_2dredirect";

    [Fact]
    public void Tree_shows_the_agent_and_its_routers() =>
        Assert.Contains(RouterPath, Node.Check("busctl", "tree", "--list", Service));

    [Fact]
    public void Introspection_shows_the_interfaces()
    {
        Assert.Contains($"{Service}.Manager", Node.Check("busctl", "introspect", Service, Manager));
        Assert.Contains($"{Service}.Router", Node.Check("busctl", "introspect", Service, RouterPath));
    }

    [Fact]
    public void Routers_are_listed_with_their_state_and_file() =>
        Assert.Equal(
            $"a(sssso) 1 \"default\" \"egress-router-redirect\" \"active\" \"/etc/egress-router/egress-router-redirect.yaml\" \"{RouterPath}\"",
            Call("ListRouters").Output.Trim());

    [Fact]
    public void Properties_have_what_the_kernel_has()
    {
        Assert.Equal("as 1 \"198.18.0.2\"", Property("InsideAddresses"));
        Assert.Equal("as 1 \"192.168.12.99\"", Property("SourceAddresses"));
        Assert.Equal("s \"eth0\"", Property("Master"));
        string link = Node.Check("ip", "-n", "egress.default.egress-router-redirect", "link", "show", "net1");
        Assert.Contains(Property("MacAddress").Split('"')[1], link);
    }

    [Fact]
    public void Monitor_sees_the_properties_change()
    {
        using Process monitor = Node.Start("busctl", "monitor", Service);
        try
        {
            Seen seen = new(monitor);
            seen.WaitFor("Monitoring bus message stream");

            Agent.WriteRouter(Agent.ReadExample().Replace("protocol: UDP", "protocol: udp"));

            seen.WaitFor("PropertiesChanged");
            seen.WaitFor("degraded");
        }
        finally
        {
            // What was entered the container with it is a child of nsenter.
            monitor.Kill(entireProcessTree: true);
            monitor.WaitForExit();
        }
    }

    [Fact]
    public void Everyone_may_read()
    {
        Assert.Equal(0, Node.RunUnprivileged("busctl", "introspect", Service, RouterPath).ExitCode);
        Assert.Equal(0, Unprivileged("ListRouters").ExitCode);
        Assert.Equal(0, Unprivileged("GetRouter", "ss", "default", "egress-router-redirect").ExitCode);
        Assert.Equal(0, Unprivileged("Check", "s", "/etc/egress-router").ExitCode);
        Assert.Equal(
            0,
            Node.RunUnprivileged("busctl", "call", Service, Manager, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects").ExitCode);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("adm", true)]
    [InlineData("systemd-journal", true)]
    public void Flows_are_shown_to_who_may_read_the_journal(string? group, bool isAllowed)
    {
        string[] groups = group is null ? ["--clear-groups"] : ["--groups", Node.Check("getent", "group", group).Split(':')[2]];

        CommandResult call = Node.Run(
            ["setpriv", "--reuid=nobody", "--regid=nogroup", .. groups, "--", "busctl", "call", Service, RouterPath, $"{Service}.Router", "ListFlows"]);

        Assert.Equal(isAllowed, call.ExitCode == 0);
        Assert.Contains(isAllowed ? "a(ssssstt)" : "Access denied", call.Output + call.Errors);
    }

    [Fact]
    public void Only_root_may_change()
    {
        Assert.Contains("Access denied", Unprivileged("Reload").Errors);
        Assert.Contains(
            "Access denied", Node.RunUnprivileged("busctl", "call", Service, RouterPath, $"{Service}.Router", "Reapply").Errors);
        Assert.Equal(0, Call("Reload").ExitCode);
        Assert.Equal(0, Node.Run("busctl", "call", Service, RouterPath, $"{Service}.Router", "Reapply").ExitCode);
    }

    [Fact]
    public void Bus_that_is_restarted_three_times_is_served_again()
    {
        using EchoedTransfer transfer = StartTransfer();
        int pid = Agent.MainPid;
        for (int i = 0; i < 3; i++)
        {
            Node.Check("systemctl", "restart", "dbus.service");

            Eventually.True("the agent on the bus", () => Call("ListRouters").ExitCode == 0, otherwise: () => Call("ListRouters").Errors + Agent.Journal());
            Assert.Equal("s \"active\"", Property("State"));
        }

        Assert.Equal(pid, Agent.MainPid);
        transfer.WaitForBlocks(100);
    }

    [Fact]
    public void Call_does_not_start_a_stopped_agent()
    {
        Node.Check("systemctl", "stop", "egress-agentd");

        CommandResult call = Call("ListRouters");

        Assert.NotEqual(0, call.ExitCode);
        Assert.Contains("not provided by any .service files", call.Errors);
        Assert.Equal("inactive", Agent.Show("ActiveState"));
    }

    private string Property(string name) =>
        Node.Check("busctl", "get-property", Service, RouterPath, $"{Service}.Router", name).Trim();

    private CommandResult Call(params IReadOnlyList<string> method) =>
        Node.Run(["busctl", "call", Service, Manager, $"{Service}.Manager", .. method]);

    private CommandResult Unprivileged(params IReadOnlyList<string> method) =>
        Node.RunUnprivileged(["busctl", "call", Service, Manager, $"{Service}.Manager", .. method]);

    /// <summary>What a program prints, on either stream, as it prints it.</summary>
    private sealed class Seen
    {
        private readonly ConcurrentQueue<string> _lines = [];

        internal Seen(Process process)
        {
            process.OutputDataReceived += (_, line) => _lines.Enqueue(line.Data ?? "");
            process.ErrorDataReceived += (_, line) => _lines.Enqueue(line.Data ?? "");
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }

        internal void WaitFor(string text) => Eventually.True(
            $"\"{text}\"", () => _lines.Any(line => line.Contains(text)), otherwise: () => string.Join('\n', _lines));
    }
}
