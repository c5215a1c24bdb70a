using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>What one family, one address or one router lacks does not stop another.</summary>
public sealed class FamilyTests : AgentTest
{
    private const string Reserved6 = "2001:db8:12::99";

    // IPv6 comes first.
    private static readonly string DualWeb = $"{RouterDocument.Web("web")}".Replace(
        "addresses: [", $"addresses: [ {{ ip: \"{Reserved6}/64\", gateway: \"2001:db8:12::1\" }},");

    public FamilyTests()
    {
        Lab.Node.AddAddress("eth0", "2001:db8:12::10/64");
        Lab.Gateway.AddAddress("lan", "2001:db8:12::1/64");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void IPv6_that_is_switched_off_is_named_and_comes_up_when_it_is_on_again(bool isRunning)
    {
        const string words = "clients have no way to 2001:db8:12::99/64: IPv6 is switched off on this node (net.ipv6.conf.all.disable_ipv6=1); "
            + "switch it on with sysctl -w net.ipv6.conf.all.disable_ipv6=0, and in /etc/sysctl.d for the next boot, or take the IPv6 addresses out of the file (IPv6Off)";
        ObservedRouter router = new("web");
        Files.Write("web.yaml", DualWeb);
        if (!isRunning)
        {
            SetIPv6(isOff: true);
        }

        AgentProcess agent = Scenario.StartAgent();
        string inside = router.WaitForInsideAddress(agent);
        if (isRunning)
        {
            Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
            SetIPv6(isOff: true);
        }

        agent.WaitForLog($"WRN default/web: in force, but {words}");
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Files.Write("web.yaml", DualWeb.Replace("port: 8080", "port: 8081"));
        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.26:80");
        router.Ip("link delete net1");
        WaitForTcp(Lab.Node, inside, 8081, "203.0.113.26:80");
        Assert.DoesNotContain("EACCES", agent.Log);

        SetIPv6(isOff: false);
        agent.WaitForLog($"INF default/web: over: {words}");
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        Assert.Contains(Reserved6, router.Ip("address show dev net1"));
        Assert.Contains("inet6 fd96:e9e5:a::1/128", Lab.Node.Ip("address show dev egress.default.web"));
        Assert.Contains("default via 2001:db8:12::1 dev net1", router.Ip("-6 route"));
    }

    [Fact]
    public void Links_that_begin_without_IPv6_are_given_it()
    {
        Lab.Node.Check("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
        Files.Write("web.yaml", DualWeb);
        AgentProcess agent = Scenario.StartAgent();

        Eventually.True("the router", () => agent.Status.StartsWith("1 router active", StringComparison.Ordinal), otherwise: () => $"{agent.Status}\n{agent.Log}");
        Assert.Contains("inet6 fd96:e9e5:a::1/128", Lab.Node.Ip("address show dev egress.default.web"));
    }

    [Fact]
    public void Kernel_without_IPv6_serves_IPv4_and_says_so()
    {
        Files.Write("web.yaml", DualWeb);
        AgentProcess agent = Scenario.StartAgent(
            "unshare", "--mount", "--propagation", "unchanged", "sh", "-c", "mount -t tmpfs tmpfs /proc/sys/net/ipv6 && exec \"$0\" \"$@\"");

        agent.WaitForLog("WRN default/web: in force, but clients have no way to 2001:db8:12::99/64: this kernel runs without IPv6 "
            + "(ipv6.disable=1 on its command line, or no module ipv6); start it with IPv6, or take the IPv6 addresses out of the file (IPv6Off)");
        WaitForTcp(Lab.Node, new ObservedRouter("web").WaitForInsideAddress(agent), 8080, "203.0.113.26:80");
    }

    [Fact]
    public void IPv6_address_that_another_host_has_does_not_stop_IPv4()
    {
        Lab.Neighbour.AddAddress("eth0", $"{Reserved6}/64");
        Files.Write("web.yaml", DualWeb);
        AgentProcess agent = Scenario.StartAgent();
        ObservedRouter router = new("web");
        string inside = router.WaitForInsideAddress(agent);

        agent.WaitForLog("ERR default/web: without IPv6: ");
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.Contains("(AddressConflict); it is taken as soon as it is free, which is asked every 2 s", agent.Log);
        router.Ip("link delete eth0");
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.DoesNotContain($"{Reserved6}/64", router.Ip("address show dev net1"));

        Lab.Neighbour.Ip($"address delete {Reserved6}/64 dev eth0");
        agent.WaitForLog("INF default/web: IPv6 works now; over: ");
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        Assert.Contains($"{Reserved6}/64", router.Ip("address show dev net1"));
    }

    [Fact]
    public void IPv4_address_that_another_host_has_does_not_stop_IPv6()
    {
        Lab.Neighbour.AddAddress("eth0", $"{EgressLab.ReservedAddress}/24");
        Lab.Gateway.ServeTcp("2001:db8:12::1", 80);
        Files.Write("web.yaml", DualWeb.Replace("redirectRules: [", "redirectRules: [ { destinationIP: \"2001:db8:12::1\", port: 86, targetPort: 80, protocol: TCP },"));
        AgentProcess agent = Scenario.StartAgent();
        ObservedRouter router = new("web");
        router.WaitForInsideAddress(agent);

        agent.WaitForLog("ERR default/web: without IPv4: ");
        string inside6 = router.Ip("-6 -oneline address show dev eth0").Split("inet6 fd96")[1].Split('/')[0];
        Eventually.Holds(() => Assert.Equal(Reserved6, Lab.Node.ProbeTcp($"fd96{inside6}", 86).SeenSource));
    }

    [Fact]
    public void Further_address_that_another_host_has_does_not_stop_the_first()
    {
        Lab.Neighbour.AddAddress("eth0", "192.168.12.98/24");
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("\"192.168.12.1\" }", "\"192.168.12.1\" }, { ip: 192.168.12.98/24 }"));
        AgentProcess agent = Scenario.StartAgent();
        ObservedRouter router = new("web");

        agent.WaitForLog("ERR default/web: without 192.168.12.98: ");
        WaitForTcp(Lab.Node, router.WaitForInsideAddress(agent), 8080, "203.0.113.26:80");
        Lab.Neighbour.Ip("address delete 192.168.12.98/24 dev eth0");
        agent.WaitForLog("INF default/web: 192.168.12.98 works now; over: ");
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        Assert.Contains("192.168.12.98/24", router.Ip("address show dev net1"));
    }

    private void SetIPv6(bool isOff) => Lab.Node.Check("sh", "-c", $"echo {(isOff ? 1 : 0)} >/proc/sys/net/ipv6/conf/all/disable_ipv6");
}
