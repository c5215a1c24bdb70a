using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>Whatever happens around a router, it comes to be as its file says.</summary>
public sealed class ConvergenceTests : AgentTest
{
    [Theory]
    [InlineData("link del net1")]
    [InlineData("link del eth0")]
    [InlineData("route del default")]
    [InlineData("address flush dev net1")]
    [InlineData("link set net1 down")]
    [InlineData("rule flush")]
    public void Damage_inside_the_router_is_repaired(string damage)
    {
        (_, ObservedRouter router, string inside) = StartWithWebRouter();

        router.Ip(damage);

        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
    }

    [Theory]
    [InlineData("net/ipv4/ip_forward", "1", "0")]
    [InlineData("net/ipv4/conf/net1/rp_filter", "0", "1")]
    public void Setting_of_which_the_kernel_tells_is_set_again(string key, string wanted, string other)
    {
        (_, ObservedRouter router, _) = StartWithWebRouter();
        string path = $"/proc/sys/{key}";

        Inside(router, "sh", "-c", $"echo {other} >{path}");

        Eventually.True($"{key} = {wanted}", () => Inside(router, "cat", path).Trim() == wanted);
    }

    [Fact]
    public void Deleted_table_is_restored()
    {
        (_, ObservedRouter router, string inside) = StartWithWebRouter();

        Inside(router, "nft", "flush", "ruleset");

        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
    }

    [Theory]
    [InlineData("ip netns delete")]
    [InlineData("umount --lazy")]
    public void Namespace_that_lost_its_name_is_made_anew(string command)
    {
        (_, ObservedRouter router, string inside) = StartWithWebRouter();
        string before = router.Identity;

        Command.Check([.. command.Split(' '), command.StartsWith("ip", StringComparison.Ordinal) ? router.NetworkNamespace : $"/run/netns/{router.NetworkNamespace}"]);

        Eventually.True("another namespace", () => router.InsideAddress == inside && router.Identity != before);
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
    }

    [Fact]
    public void Missing_master_is_waited_for()
    {
        string document = $"{RouterDocument.Web("late")}".Replace(
            "  addresses:", "  networkInterface: { macvlan: { mode: Private, master: eth9 } }\n  addresses:");
        Files.Write("late.yaml", document);
        AgentProcess agent = Scenario.StartAgent();
        Eventually.Holds(() => Assert.Contains("default/late", agent.Status));

        Lab.Node.Ip("link set eth0 down");
        Lab.Node.Ip("link set eth0 name eth9");
        Lab.Node.Ip("link set eth9 up");

        ObservedRouter router = new("late");
        WaitForTcp(Lab.Node, router.WaitForInsideAddress(agent), 8080, "203.0.113.26:80");
        Assert.Contains("INF default/late: over: the node has no interface eth9", agent.Log);
        Assert.Contains("macvlan mode private", router.Ip("-details -oneline link show dev net1"));
    }

    [Fact]
    public void Service_manager_that_does_not_listen_holds_up_no_router()
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter();

        agent.LoseServiceManager();
        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8443, "203.0.113.27", 443)}");

        WaitForTcp(Lab.Node, inside, 8443, "203.0.113.27:443");
        Assert.Equal(0, agent.Stop());
    }

    [Fact]
    public void Address_that_another_host_holds_is_not_claimed_until_it_is_free()
    {
        Lab.Neighbour.AddAddress("eth0", EgressLab.ReservedAddress + "/24");
        string holder = Lab.Neighbour.Ip("-brief link show dev eth0").Split(' ', StringSplitOptions.RemoveEmptyEntries)[2];
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
        AgentProcess agent = Scenario.StartAgent();

        Eventually.True(
            "the holder's MAC in the log",
            () => agent.Log.Contains(holder, StringComparison.OrdinalIgnoreCase),
            otherwise: () => agent.Log);
        Assert.DoesNotContain(capture.Packets, p => $"{p.Source}" == EgressLab.ReservedAddress && Mac(p.SourceMac) != holder);

        Lab.Neighbour.Ip($"address del {EgressLab.ReservedAddress}/24 dev eth0");
        ObservedRouter router = new("web");
        Eventually.Holds(
            () => Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(router.InsideAddress!, 8080).SeenSource),
            within: TimeSpan.FromSeconds(40));
    }

    [Fact]
    public void Claimed_address_is_announced_twice()
    {
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);

        StartWithWebRouter();

        Eventually.Holds(() => Assert.True(Announcements(capture) >= 2, $"{Announcements(capture)} announcements"));
    }

    private static string Inside(ObservedRouter router, params IReadOnlyList<string> words) =>
        Command.Check(["nsenter", "--net=/run/netns/" + router.NetworkNamespace, "--", .. words]);

    private static int Announcements(PacketCapture capture) => capture.Packets.Count(p =>
        p.Protocol == PacketProtocol.Arp && $"{p.Source}" == EgressLab.ReservedAddress && p.Source!.Equals(p.Destination));

    private static string Mac(global::System.Net.NetworkInformation.PhysicalAddress mac) =>
        string.Join(':', mac.GetAddressBytes().Select(b => $"{b:x2}"));
}
