using EgressAgent.Testing;
using EgressAgent.Testing.Beside;

namespace EgressAgent.System.Tests.Booted;

/// <summary>
/// Beside the real programs, as Debian has them, the one client that each of them may keep out: what keeps it out is named with commands,
/// and they help. The other clients, and what a restart and a reboot do, are for tests/matrix.
/// </summary>
public sealed class BesideOthersTests
{
    private const string NodeLink = "egr-38aed6ee";

    [Theory]
    [InlineData("Docker", "egressctl setup docker")]
    [InlineData("firewalld", "sysctl -w net.ipv4.ip_forward=1", "egressctl setup firewalld")]
    [InlineData("ufw", "sysctl -w net.ipv4.ip_forward=1", "egressctl setup ufw")]
    public void Firewall_lets_in_whom_the_node_forwards_after_what_is_named(string program, params string[] commands)
    {
        Requires.OtherPrograms();
        using SharedNode node = new(OtherProgram.Named(program));

        Assert.Equal(commands, node.LetIn(ClientKind.RoutedSubnet));
        node.Node.Check("sh", "-euc", node.Program.Reload!);
        node.WaitFor(ClientKind.RoutedSubnet);
        node.WaitFor(ClientKind.Node);
    }

    [Fact]
    public void Podman_brings_its_containers_to_routers_by_itself()
    {
        Requires.OtherPrograms();
        using SharedNode node = new(OtherProgram.Named("Podman"));

        Assert.Empty(node.LetIn(ClientKind.Container));
        node.Node.Check("sh", "-euc", node.Program.Reload!);
        node.WaitFor(ClientKind.Container);
    }

    [Theory]
    [InlineData("NetworkManager", "nmcli", "--terse", "device")]
    [InlineData("systemd-networkd", "networkctl", "--no-legend", "--no-pager", "list")]
    public void Manager_of_links_leaves_those_of_routers_alone(string program, params string[] list)
    {
        Requires.OtherPrograms();
        using SharedNode node = new(OtherProgram.Named(program));

        Assert.Equal(["sysctl -w net.ipv4.ip_forward=1"], node.LetIn(ClientKind.RoutedSubnet));
        Assert.Contains("unmanaged", Assert.Single(node.Node.Check(list).Split('\n'), line => line.Contains(NodeLink)));
        node.Node.Check("sh", "-euc", node.Program.Restart!);
        node.WaitFor(ClientKind.RoutedSubnet);
        node.WaitFor(ClientKind.Node);
    }
}
