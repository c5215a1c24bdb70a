using System.Diagnostics;
using System.Text.RegularExpressions;
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
    [InlineData("umount")]
    public void Namespace_that_lost_its_name_is_made_anew(string command)
    {
        (_, ObservedRouter router, string inside) = StartWithWebRouter();
        string before = router.Identity;

        if (command == "umount")
        {
            Command.Check("umount", "--lazy", $"/run/netns/{router.NetworkNamespace}");
        }
        else
        {
            NamedNetns.Delete(router.NetworkNamespace);
        }

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
        agent.WaitForLog("INF default/late: over: the node has no interface eth9");
        Assert.Contains("macvlan mode private", router.Ip("-details -oneline link show dev net1"));
    }

    [Fact]
    public void Fight_over_one_thing_delays_the_repair_of_nothing_else()
    {
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        using var isOver = new ManualResetEventSlim();
        var quarreller = new Thread(() =>
        {
            do
            {
                router.Ip("link set eth0 down");
            }
            while (!isOver.Wait(TimeSpan.FromMilliseconds(300)));
        });
        quarreller.Start();
        try
        {
            agent.WaitForLog("ERR default/web: somebody keeps undoing");

            // The longer it lasts, the longer the pauses are: one of eight seconds begins now, and what waits for it takes longer than six.
            Thread.Sleep(TimeSpan.FromSeconds(9));
            router.Ip("link del net1");
            var clock = Stopwatch.StartNew();
            Eventually.True(
                "the reserved address on net1",
                () => router.Ip("address").Contains($"{EgressLab.ReservedAddress}/24"), otherwise: () => agent.Log);
            TestContext.Current.TestOutputHelper?.WriteLine($"net1 was back after {clock.Elapsed}");
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(6), $"net1 was back after {clock.Elapsed}\n{agent.Log}");
            Assert.Equal(1, agent.Log.Split("somebody keeps undoing").Length - 1);
        }
        finally
        {
            isOver.Set();
            quarreller.Join();
        }

        agent.WaitForLog("INF default/web: nobody undoes what the agent repairs any more: eth0 (RepairsUndone)", TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void Router_that_fails_is_not_tried_more_often_for_what_others_do_with_their_links()
    {
        const string mac = "02:00:5e:00:53:99";
        Lab.Node.Ip($"link add twin link eth0 address {mac} type macvlan mode bridge");
        Lab.Node.Ip("link set twin up");
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("  name: web", $"  name: web\n  annotations: {{ egressagent.org/mac-address: \"{mac}\" }}"));
        AgentProcess agent = Scenario.StartAgent("env", "DEBUG_INVOCATION=1");
        Eventually.True("the refusal in the log", () => Regex.IsMatch(agent.Log, "ERR default/web: set up link .*EADDRINUSE.*KernelRefused"), otherwise: () => agent.Log);

        for (int i = 0; i < 40; i++)
        {
            Lab.Node.Ip(i % 2 == 0 ? "link add cali0 type veth peer name cali1" : "link delete cali0");
            Thread.Sleep(250);
        }

        // At first, and after pauses of 0.5, 1, 2, 4 and 8 s.
        Assert.InRange(agent.Log.Split("a pass over it begins").Length - 1, 1, 7);
        Assert.Equal(1, agent.Log.Split("ERR default/web").Length - 1);
        Lab.Node.Ip("link delete twin");
        Eventually.True("its end", () => Regex.IsMatch(agent.Log, "INF default/web: over: set up link .*EADDRINUSE"), otherwise: () => agent.Log);
        WaitForTcp(Lab.Node, new ObservedRouter("web").WaitForInsideAddress(agent), 8080, "203.0.113.26:80");
    }

    // No two macvlans on a master have the same MAC: the kernel refuses net1 to come up as long as the other one is.
    [Fact]
    public void Repair_that_the_kernel_refuses_delays_no_other_and_its_end_is_told()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        string mac = router.Ip("-oneline link show dev net1").Split("link/ether ")[1].Split(' ')[0];
        Lab.Node.Ip($"link add twin link eth0 address {mac} type macvlan mode bridge");
        agent.Suspend();
        router.Ip("link set net1 down");
        Lab.Node.Ip("link set twin up");
        agent.Resume();
        Eventually.True("the refusal in the log", () => Regex.IsMatch(agent.Log, "ERR default/web: set up link .*EADDRINUSE.*KernelRefused"), otherwise: () => agent.Log);

        // The longer it lasts, the longer the pauses are: one of eight seconds begins now, and what waits for it takes longer than six.
        Thread.Sleep(TimeSpan.FromSeconds(9));
        router.Ip("link del eth0");
        var clock = Stopwatch.StartNew();
        Eventually.True("the inside address on eth0", () => router.Ip("address").Contains($"{inside}/16"), otherwise: () => agent.Log);
        TestContext.Current.TestOutputHelper?.WriteLine($"eth0 was back after {clock.Elapsed}");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(6), $"eth0 was back after {clock.Elapsed}\n{agent.Log}");
        Assert.Equal(1, agent.Log.Split("ERR default/web").Length - 1);
        Assert.Matches("^1 router degraded: default/web: set up link .*EADDRINUSE", agent.Status);

        Lab.Node.Ip("link del twin");
        Eventually.True("its end", () => Regex.IsMatch(agent.Log, "INF default/web: over: set up link .*EADDRINUSE"), TimeSpan.FromSeconds(40), () => agent.Log);
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
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
