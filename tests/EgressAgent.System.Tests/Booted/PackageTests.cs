using EgressAgent.Testing;
using EgressAgent.Testing.Booted;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Booted;

/// <summary>The package's life on a system: upgrade, removal, purge.</summary>
public sealed class PackageTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>, IDisposable
{
    // Whatever a test did to it, the next one begins with an installed package.
    public void Dispose() => Agent.InstallPackage();

    [Fact]
    public void Upgrade_restarts_the_agent_and_loses_no_byte_of_a_transfer()
    {
        using EchoedTransfer transfer = StartTransfer();
        (string links, int pid) = (RouterLinks(), Agent.MainPid);

        Agent.InstallPackage();

        Assert.NotEqual(pid, Agent.MainPid);
        Eventually.Holds(() => Assert.Equal(("active", "1 router active at 198.18.0.2"), (Agent.Show("ActiveState"), Agent.StatusText)));
        Assert.Equal(links, RouterLinks());
        transfer.WaitForBlocks(100);
    }

    [Fact]
    public void Upgrade_keeps_a_disabled_service_disabled()
    {
        Node.Check("systemctl", "disable", "egress-agentd");
        try
        {
            Agent.InstallPackage();

            Assert.Equal("disabled", Agent.Show("UnitFileState"));
        }
        finally
        {
            Node.Check("systemctl", "enable", "egress-agentd");
        }
    }

    [Fact]
    public void Upgrade_from_a_version_that_calls_started_takes_the_alias_away()
    {
        const string Alias = "dbus-org.egressagent.Agent1.service";
        const string Helper = "/var/lib/systemd/deb-systemd-helper-enabled";
        Node.Check("ln", "--symbolic", "/lib/systemd/system/egress-agentd.service", $"/etc/systemd/system/{Alias}");
        Node.Check("touch", $"{Helper}/{Alias}");
        Node.Check("sh", "-c", $"echo /etc/systemd/system/{Alias} >>{Helper}/egress-agentd.service.dsh-also");

        Agent.InstallPackage();

        Assert.Equal("", Node.Check("find", "/etc", "/var/lib", "/usr/share/dbus-1", "-name", Alias, "-or", "-name", "org.egressagent.Agent1.service"));
        Assert.DoesNotContain(Alias, Node.Check("cat", $"{Helper}/egress-agentd.service.dsh-also"));
        Assert.Equal("enabled", Agent.Show("UnitFileState"));
    }

    [Fact]
    public void Removal_takes_the_routers_away_and_a_new_installation_brings_them_back()
    {
        string links = RouterLinks();
        Apt("remove");

        Assert.Empty(RoutersInTheKernel());
        Assert.True(File.Exists(Node.PathOf("/var/lib/egress-agentd/state.db")));

        Agent.InstallPackage();

        Agent.WaitForStatus(text => text.StartsWith("1 router active at ", StringComparison.Ordinal));
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource);
        Assert.Equal(MacIn(links), MacIn(RouterLinks()));
    }

    [Fact]
    public void Purge_leaves_nothing_but_the_administrators_router_files()
    {
        Apt("purge");

        Assert.Empty(RoutersInTheKernel());
        string[] left = Node.Check("find", "/etc", "/lib", "/usr", "/var", "/run", "-xdev", "-path", "*egress*", "-not", "-path", "/var/log/*")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["/etc/egress-router", InstalledAgent.RouterFile], left);
        Assert.Equal("not-found", Agent.Show("LoadState"));
    }

    private void Apt(string command) => Node.Check("apt-get", "--yes", "--quiet", command, "egress-agentd");

    private string RoutersInTheKernel() => Node.Check("ip", "netns") + Node.Check("sh", "-c", "ip -oneline link | grep egr- || true");

    private static string MacIn(string links) => links.Split('\n').Single(line => line.Contains(" net1@")).Split("link/ether ")[1].Split(' ')[0];
}
