using System.Diagnostics;
using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Booted;

/// <summary>A start that would end in the same way again and again is refused once, with the words that help.</summary>
public sealed class RefusedStartTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>
{
    private const string DropIn = "/run/systemd/system/egress-agentd.service.d/sandbox.conf";

    [Theory]
    [InlineData("PrivateTmp=yes", "PrivateTmp=")]
    [InlineData("ProtectSystem=yes", "ProtectSystem=")]
    [InlineData("ProtectSystem=strict", "ProtectSystem=strict or RootDirectory=")]
    [InlineData("ProtectHome=tmpfs", "ProtectHome=")]
    [InlineData("ProtectKernelLogs=yes", "ProtectKernelLogs=")]
    [InlineData("ProtectControlGroups=yes", "ProtectControlGroups=")]
    [InlineData("ProtectProc=invisible", "ProtectProc=")]
    [InlineData("ProcSubset=pid", "ProcSubset=")]
    [InlineData("MountFlags=private", "one of ")]
    [InlineData("TemporaryFileSystem=/run", "TemporaryFileSystem=/run")]
    public void Directive_that_hides_the_namespaces_is_named_and_the_service_is_not_restarted(string directive, string named)
    {
        string links = RouterLinks();
        Directory.CreateDirectory(Path.GetDirectoryName(Node.PathOf(DropIn))!);
        File.WriteAllText(Node.PathOf(DropIn), $"[Service]\n{directive}\n");
        try
        {
            Node.Check("systemctl", "daemon-reload");

            Assert.NotEqual(0, Node.Run("systemctl", "restart", "egress-agentd").ExitCode);

            Assert.Equal(("failed", "78", "0"), (Agent.Show("ActiveState"), Agent.Show("ExecMainStatus"), Agent.Show("NRestarts")));
            Assert.Equal(links, RouterLinks());
            string words = "the agent has a mount namespace of its own, so no other process, ip netns and a restarted agent among them, would see its "
                + $"network namespaces; it is made by {named}";
            string journal = Agent.Journal("--unit=egress-agentd", "--lines=5");
            Assert.Contains(words, journal);
            TestContext.Current.TestOutputHelper?.WriteLine(journal);

            // Without the node's /run it has no way to the service manager.
            if (directive != "TemporaryFileSystem=/run")
            {
                Assert.Contains(words, Agent.StatusText);
            }
        }
        finally
        {
            File.Delete(Node.PathOf(DropIn));
            Node.Check("systemctl", "daemon-reload");
        }

        Node.Check("systemctl", "restart", "egress-agentd");
        Eventually.True(
            "the router",
            () => Agent.StatusText == "1 router active at 198.18.0.2",
            otherwise: () => $"{Agent.StatusText}\n{Agent.Journal("--lines=30")}\n{Node.Check("systemctl", "status", "egress-agentd")}");
        Assert.Equal(links, RouterLinks());
    }

    [Fact]
    public void Service_beside_an_agent_that_was_started_by_hand_is_refused_and_not_restarted()
    {
        string links = RouterLinks();
        Node.Check("systemctl", "stop", "egress-agentd");
        using Process other = Node.Start("egress-agentd", "run", "--bus", "none");
        try
        {
            while (other.StandardOutput.ReadLine()?.Contains(" ready: ") == false)
            {
            }

            Assert.Equal(75, Node.Run("egress-agentd", "cleanup").ExitCode);
            Assert.Equal(0, Node.Run("egress-agentd", "cleanup", "--state", "/root/another").ExitCode);
            Assert.True(File.Exists(Node.PathOf("/run/egress-agentd/hosts.d/egress-agentd")));

            Assert.NotEqual(0, Node.Run("systemctl", "start", "egress-agentd").ExitCode);

            Assert.Equal(("failed", "75", "0"), (Agent.Show("ActiveState"), Agent.Show("ExecMainStatus"), Agent.Show("NRestarts")));
            Assert.Matches(@"^/var/lib/egress-agentd is in use by process [0-9]+ \(egress-agentd\), and its routers are that one's; first stop it", Agent.StatusText);
        }
        finally
        {
            Node.Run("pkill", "--exact", "egress-agentd");
            other.WaitForExit();
        }

        Node.Check("systemctl", "restart", "egress-agentd");
        Assert.Equal(links, RouterLinks());
    }
}
