using System.Diagnostics;
using EgressAgent.Testing;
using EgressAgent.Testing.Booted;

namespace EgressAgent.System.Tests.Booted;

/// <summary>Beside a real udev, which gives links whose MAC address the kernel chose another one, and renames by its rules.</summary>
public sealed class UdevTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>
{
    private const string NodeLink = "egr-38aed6ee";

    [Fact]
    public void Link_of_Services_keeps_its_address()
    {
        StartUdev();
        string file = Node.PathOf("/etc/egress-router/service.yaml");
        File.WriteAllText(file, """
            apiVersion: v1
            kind: Service
            metadata: { name: partner }
            spec: { selector: { app: egress-router-cni }, ports: [ { port: 8080 } ] }
            """);
        WaitForUdev("egr-services");

        Assert.Equal("3\n", Node.Check("cat", "/sys/class/net/egr-services/addr_assign_type"));
        File.Delete(file);
    }

    [Fact]
    public async Task Links_of_a_router_are_not_renamed_and_keep_their_addresses()
    {
        StartUdev();
        File.Delete(Node.PathOf(InstalledAgent.RouterFile));
        Eventually.True("the router to go", () => Node.Run("ip", "link", "show", NodeLink).ExitCode != 0);
        using Process monitor = Node.Start("ip", "-oneline", "monitor", "link");
        Task<string> told = monitor.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Agent.RunExample();
        WaitForUdev(NodeLink);

        // NET_ADDR_SET of linux/netdevice.h: nobody's to change.
        Assert.Equal("3\n", Node.Check("cat", $"/sys/class/net/{NodeLink}/addr_assign_type"));
        string mac = Node.Check("cat", $"/sys/class/net/{NodeLink}/address").TrimEnd();
        string index = Node.Check("cat", $"/sys/class/net/{NodeLink}/ifindex").TrimEnd();
        Node.Check("pkill", "--exact", "ip");
        string[] lines = [.. (await told).Split('\n').Where(line => line.StartsWith($"{index}: ", StringComparison.Ordinal))];
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.Matches($"^{index}: {NodeLink}@.* link/ether {mac} ", line));
        monitor.WaitForExit();
    }

    private void WaitForUdev(string link)
    {
        Eventually.True(
            "udev to have set the link up", () => Node.Run("udevadm", "info", $"/sys/class/net/{link}").Output.Contains("ID_NET_LINK_FILE=/usr/lib/systemd/network/99-default.link"));
        Node.Check("udevadm", "settle");
    }

    // In a container its unit has nothing to do: /sys cannot be written. It hears of the container's links all the same.
    private void StartUdev()
    {
        string directory = Node.PathOf("/run/systemd/system/systemd-udevd.service.d");
        Directory.CreateDirectory(directory);
        File.WriteAllText($"{directory}/container.conf", "[Unit]\nConditionPathIsReadWrite=\n");
        Node.Check("systemctl", "daemon-reload");
        Node.Check("systemctl", "start", "systemd-udevd");
    }
}
