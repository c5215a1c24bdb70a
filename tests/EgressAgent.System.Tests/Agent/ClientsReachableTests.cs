using System.Text.RegularExpressions;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>
/// What others do on the node that keeps clients from a router: it is named with one command, and after exactly that command they reach
/// it, and the end is told.
/// </summary>
public sealed class ClientsReachableTests : AgentTest
{
    // As Docker has them.
    private const string Docker = "-P FORWARD DROP; iptables -N DOCKER; iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -A FORWARD -j DOCKER-USER; "
        + "iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; iptables -A FORWARD -o docker0 -j DOCKER; "
        + "iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT; iptables -t nat -N DOCKER; iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER; "
        + "iptables -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80; "
        + "iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE";

    private static readonly string Root = EgressAgent.Testing.Booted.BootedNode.Root;

    private string _inside = "";

    public ClientsReachableTests()
    {
        Lab.Node.Ip("link add wg0 type veth peer name wg1");
        Lab.Node.IpBatch("link set wg0 up", "link set wg1 up");
    }

    [Fact]
    public void Rule_of_a_VPN_that_takes_the_inside_network_along()
    {
        AgentProcess agent = Start();
        Lab.Node.IpBatch("route add default dev wg0 table 220", "rule add pref 220 lookup 220");

        string command = WaitForObstacle(
            agent, $"the node leads packets to {_inside} elsewhere (rule 220: from all lookup 220, route default dev wg0 table 220), so that they do not reach the router", "RoutedElsewhere");

        Assert.Equal("ip rule add to 198.18.0.0/16 lookup main pref 219", command);
        AssertHelps(agent, command, Lab.Node, "RoutedElsewhere");
    }

    [Theory]
    [InlineData("unreachable")]
    [InlineData("prohibit")]
    [InlineData("blackhole")]
    public void Route_of_a_rule_that_refuses(string type)
    {
        AgentProcess agent = Start();
        Lab.Node.IpBatch($"route add {type} 198.18.0.0/15 table 220", "rule add pref 220 lookup 220");

        string command = WaitForObstacle(
            agent, $"the node leads packets to {_inside} elsewhere (rule 220: from all lookup 220, route {type} 198.18.0.0/15 table 220), so that they do not reach the router", "RoutedElsewhere");

        AssertHelps(agent, command, Lab.Client, "RoutedElsewhere");
    }

    [Fact]
    public void More_specific_route_of_a_VPN()
    {
        AgentProcess agent = Start();
        Lab.Node.Ip($"route prepend {_inside}/32 dev wg0");

        string command = WaitForObstacle(
            agent, $"the node leads packets to {_inside} elsewhere (route {_inside}/32 dev wg0), so that they do not reach the router", "RoutedElsewhere");

        AssertHelps(agent, command, Lab.Node, "RoutedElsewhere");
    }

    [Fact]
    public void Rule_for_the_source_that_the_nodes_own_packets_get()
    {
        AgentProcess agent = Start();
        Lab.Node.IpBatch("route add default dev wg0 table 7", "rule add pref 70 from 198.18.0.1 lookup 7");

        string command = WaitForObstacle(
            agent,
            $"the node leads packets to {_inside} elsewhere (rule 70: from 198.18.0.1/32 lookup 7, route default dev wg0 table 7), so that they do not reach the router",
            "RoutedElsewhere");

        AssertHelps(agent, command, Lab.Node, "RoutedElsewhere");
    }

    [Fact]
    public void Rule_for_one_network_of_clients()
    {
        AgentProcess agent = Start("10.88.0.0/16");
        Lab.Node.IpBatch("route add default dev wg0 table 7", "rule add pref 70 from 10.88.0.0/24 lookup 7");

        string command = WaitForObstacle(
            agent,
            $"the node leads packets of 10.88.0.0/24 on client to {_inside} elsewhere (rule 70: from 10.88.0.0/24 lookup 7, route default dev wg0 table 7), so that they do not reach the router",
            "RoutedElsewhere");

        AssertHelps(agent, command, Lab.Client, "RoutedElsewhere");
    }

    [Fact]
    public void Rule_that_takes_the_address_of_a_Service_along()
    {
        Files.Write(
            "partner.yaml",
            """
            apiVersion: v1
            kind: Service
            metadata: { name: partner }
            spec:
              clusterIP: 198.19.0.9
              selector: { app: egress-router-cni }
              ports: [ { port: 80, targetPort: 8080 } ]
            """);
        AgentProcess agent = Start();
        WaitForTcp(Lab.Node, "198.19.0.9", 80, "203.0.113.26:80");
        Lab.Node.IpBatch("route add default dev wg0 table 220", "rule add pref 220 to 198.19.0.0/16 lookup 220");

        string command = WaitForObstacle(
            agent,
            "the node leads packets to 198.19.0.9 elsewhere (rule 220: from all to 198.19.0.0/16 lookup 220, route default dev wg0 table 220), so that they do not reach the router",
            "RoutedElsewhere");

        _inside = "198.19.0.9";
        AssertHelps(agent, command, Lab.Node, "RoutedElsewhere", port: 80);
    }

    [Fact]
    public void Forwarding_that_is_off()
    {
        AgentProcess agent = Start("10.88.0.0/16");
        Lab.Node.Check("sysctl", "-qw", "net.ipv4.ip_forward=0");

        string command = WaitForObstacle(
            agent,
            "the node does not forward IPv4 packets of 10.88.0.0/24 on client (net.ipv4.ip_forward=0); let it do so, for the next boot by a file in /etc/sysctl.d",
            "ForwardingOff");

        AssertHelps(agent, command, Lab.Client, "ForwardingOff");
    }

    [Fact]
    public void IPv6_that_is_led_elsewhere_not_forwarded_or_dropped()
    {
        Lab.UseIPv6();
        Lab.Node.AddAddress("client", "fd00:88::1/64");
        Lab.Client.AddAddress("eth0", "fd00:88::2/64");
        Lab.Client.Ip("-6 route add default via fd00:88::1");
        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8086, EgressLab.Web6, 80) with { Clients = "\"node, fd00:88::/64\"" }}".Replace(
            "addresses: [", $"addresses: [ {{ ip: \"2001:db8:12::99/64\", gateway: \"{EgressLab.Web6}\" }},"));
        AgentProcess agent = Scenario.StartAgent();
        ObservedRouter router = new("web");
        Eventually.Holds(() => Assert.Contains("inet6 fd96:", router.Ip("address show dev eth0")));
        _inside = router.Ip("-6 -oneline address show dev eth0 scope global").Split("inet6 ")[1].Split('/')[0];
        WaitForTcp(Lab.Client, _inside, 8086, $"[{EgressLab.Web6}]:80");
        string target = $"[{EgressLab.Web6}]:80";

        Lab.Node.Check("sysctl", "-qw", "net.ipv6.conf.all.forwarding=0");
        string command = WaitForObstacle(
            agent,
            "the node does not forward IPv6 packets of fd00:88::/64 on client (net.ipv6.conf.all.forwarding=0); let it do so, for the next boot by a file in /etc/sysctl.d",
            "ForwardingOff");
        AssertHelps(agent, command, Lab.Client, "ForwardingOff", port: 8086, target: target);

        Lab.Node.Check("nft", "table ip6 office { chain forward { type filter hook forward priority 0; policy drop; }; }");
        command = WaitForObstacle(
            agent,
            "the node's firewall drops packets of fd00:88::/64 on client (nftables chain ip6 office forward); let them through, for the next start by the firewall's own files",
            "ForwardDropped");
        AssertHelps(agent, command, Lab.Client, "ForwardDropped", port: 8086, target: target);

        Lab.Node.Ip("-6 route add default dev wg0 table 220");
        Lab.Node.Ip("-6 rule add pref 220 lookup 220");
        command = WaitForObstacle(
            agent, $"the node leads packets to {_inside} elsewhere (rule 220: from all lookup 220, route default dev wg0 table 220 metric 1024), so that they do not reach the router", "RoutedElsewhere");
        AssertHelps(agent, command, Lab.Node, "RoutedElsewhere", port: 8086, target: target);
    }

    [Fact]
    public void Forwarding_of_the_routers_link_alone_that_is_off()
    {
        AgentProcess agent = Start("10.88.0.2");
        string link = NodeLink();
        Lab.Node.Check("sysctl", "-qw", $"net.ipv4.conf.{link}.forwarding=0");

        string command = WaitForObstacle(
            agent,
            $"the node does not forward IPv4 packets of 10.88.0.2 on client (net.ipv4.conf.{link}.forwarding=0); let it do so, for the next boot by a file in /etc/sysctl.d",
            "ForwardingOff");

        AssertHelps(agent, command, Lab.Client, "ForwardingOff");
    }

    [Theory]
    [InlineData("eth0")]
    [InlineData("all")]
    public void Reverse_path_filter_on_a_second_link_of_the_clients_network(string scope)
    {
        AgentProcess agent = Start("10.88.0.0/16");
        Lab.Node.AddAddress("eth0", "10.88.0.3/24");
        Lab.Lan.Attach(Lab.Client, "lan");
        Lab.Client.Check("sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=0", "net.ipv4.conf.all.rp_filter=0");
        Lab.Client.Ip("route add 10.88.0.3/32 dev lan");
        Lab.Client.Ip("route add 198.18.0.0/16 via 10.88.0.3 src 10.88.0.2");
        WaitForTcp(Lab.Client, _inside, 8080, "203.0.113.26:80");
        Lab.Node.Check("sysctl", "-qw", $"net.ipv4.conf.{scope}.rp_filter=1");

        string command = WaitForObstacle(
            agent,
            $"the node's reverse path filter drops packets of 10.88.0.0/24 on eth0, since answers to 10.88.0.2 go by client (net.ipv4.conf.{scope}.rp_filter=1); "
            + "make it a loose one, for the next boot by a file in /etc/sysctl.d",
            "ReversePathFilter");

        Assert.Equal("sysctl -w net.ipv4.conf.eth0.rp_filter=2", command);
        AssertHelps(agent, command, Lab.Client, "ReversePathFilter");
    }

    [Theory]
    [InlineData("10.88.0.0/16", "policy drop; ct state established,related accept", "packets of 10.88.0.0/24 on client")]
    [InlineData("10.88.0.2", "policy accept; iifname { \"client\", \"lan1\" } reject with icmpx type admin-prohibited", "packets of 10.88.0.2 on client")]
    [InlineData("10.88.0.2", "policy accept; ip saddr 198.18.0.0/15 drop", "answers to packets of 10.88.0.2 on client")]
    public void Chain_that_drops_what_is_forwarded(string clients, string rules, string what)
    {
        AgentProcess agent = Start(clients);
        Lab.Node.Check("nft", $"table inet office {{ chain forward {{ type filter hook forward priority 0; {rules}; }}; }}");

        string command = WaitForObstacle(
            agent,
            $"the node's firewall drops {what} (nftables chain inet office forward); let them through, for the next start by the firewall's own files",
            "ForwardDropped");

        AssertHelps(agent, command, Lab.Client, "ForwardDropped");
    }

    [Theory]
    [InlineData("-P FORWARD DROP")]
    [InlineData("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; iptables -A FORWARD -m comment --comment office -j REJECT")]
    public void Chain_of_iptables_that_drops_what_is_forwarded(string rules)
    {
        IptablesOfBootedRoot();
        AgentProcess agent = Start("10.88.0.0/16");
        CheckWithIptables($"iptables {rules}");

        string command = WaitForObstacle(
            agent,
            "the node's firewall drops packets of 10.88.0.0/24 on client (nftables chain ip filter FORWARD); let them through, for the next start by the firewall's own files",
            "ForwardDropped");

        Assert.Equal(
            "iptables -I FORWARD -o 'egr-+' -j ACCEPT && iptables -I FORWARD -i 'egr-+' -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", command);
        AssertHelps(agent, command, Lab.Client, "ForwardDropped", CheckWithIptables);
    }

    // The real ones, and that the commands help, are in BesideOthersTests.
    [Theory]
    [InlineData(Docker, "docker")]
    [InlineData("-P FORWARD DROP; iptables -N ufw-user-forward; iptables -A FORWARD -j ufw-user-forward", "ufw")]
    public void Chain_of_a_program_that_egressctl_knows_is_left_to_it(string rules, string program)
    {
        IptablesOfBootedRoot();
        AgentProcess agent = Start("10.88.0.0/16");
        CheckWithIptables($"iptables {rules}");

        string command = WaitForObstacle(
            agent, "the node's firewall drops packets of 10.88.0.0/24 on client (nftables chain ip filter FORWARD); let them through", "ForwardDropped");

        Assert.Equal($"egressctl setup {program}", command);
    }

    [Fact]
    public void Chain_of_firewalld_while_it_starts_is_no_obstacle()
    {
        AgentProcess agent = Start("10.88.0.0/16");
        Lab.Node.Check("nft", "table inet firewalld_policy_drop { chain filter_forward { type filter hook forward priority 9; policy drop; }; }");
        Assert.Equal(ProbeOutcome.TimedOut, Lab.Client.ProbeTcp(_inside, 8080).Outcome);

        // What comes later is told, and no sooner is what was before it.
        Lab.Node.Check("nft", "delete table inet firewalld_policy_drop; table inet firewalld { chain filter_FORWARD { type filter hook forward priority 10; reject with icmpx admin-prohibited; }; }");
        string command = WaitForObstacle(
            agent, "firewalld rejects packets of 10.88.0.0/24 on client (nftables chain inet firewalld filter_FORWARD); let them through", "FirewalldRejects");
        Assert.Equal("egressctl setup firewalld", command);
        Assert.DoesNotContain("firewalld_policy_drop", agent.Log);
    }

    [Fact]
    public void Masquerade_in_front_of_a_router_that_has_clients()
    {
        AgentProcess agent = Start("10.88.0.0/16");
        Files.Replace("web.yaml", $"{RouterDocument.Web("web") with { Clients = "10.88.0.0/16" }}");
        WaitForRefusal(Lab.Node, _inside, 8080);
        Lab.Node.Check("nft", "table ip engine { chain post { type nat hook postrouting priority 100; ip saddr 10.88.0.0/16 oifname != \"client\" masquerade; }; }");

        string command = WaitForObstacle(
            agent,
            "the node masquerades 10.88.0.0/24 on client (nftables chain ip engine post), so that the router sees the node, which is not among its clients; "
            + "let it keep its address, or add `node` to the clients",
            "Masqueraded");

        Assert.Equal("nft insert rule ip engine post ip daddr 198.18.0.0/16 accept", command);
        AssertHelps(agent, command, Lab.Client, "Masqueraded");
    }

    [Fact]
    public void Masquerade_of_iptables_in_front_of_a_router_that_has_clients()
    {
        IptablesOfBootedRoot();
        AgentProcess agent = Start("10.88.0.0/16");
        Files.Replace("web.yaml", $"{RouterDocument.Web("web") with { Clients = "10.88.0.0/16" }}");
        WaitForRefusal(Lab.Node, _inside, 8080);
        CheckWithIptables("iptables -t nat -A POSTROUTING -s 10.88.0.0/16 ! -o client -j MASQUERADE");

        string command = WaitForObstacle(
            agent,
            "the node masquerades 10.88.0.0/24 on client (nftables chain ip nat POSTROUTING), so that the router sees the node, which is not among its clients; "
            + "let it keep its address, or add `node` to the clients",
            "Masqueraded");

        Assert.Equal("iptables -t nat -I POSTROUTING -d 198.18.0.0/16 -j ACCEPT", command);
        AssertHelps(agent, command, Lab.Client, "Masqueraded", CheckWithIptables);
    }

    [Fact]
    public void Chain_that_cannot_be_judged_is_no_obstacle()
    {
        AgentProcess agent = Start("10.88.0.0/16");
        Lab.Node.Check("nft", "table inet office { chain forward { type filter hook forward priority 0; policy drop; ct mark 0x7 accept; }; }");
        Assert.Equal(ProbeOutcome.TimedOut, Lab.Client.ProbeTcp(_inside, 8080).Outcome);

        // What comes later is told, and no sooner is what was before it.
        Lab.Node.Check("nft", "flush chain inet office forward");
        WaitForObstacle(
            agent,
            "the node's firewall drops packets of 10.88.0.0/24 on client (nftables chain inet office forward); let them through, for the next start by the firewall's own files",
            "ForwardDropped");
        Assert.DoesNotContain("INF default/web: over: ", agent.Log);
        Assert.Single(Regex.Matches(agent.Log, "ForwardDropped"));
    }

    [Fact]
    public void Rule_that_spares_the_routers_port_is_no_obstacle()
    {
        AgentProcess agent = Start();
        Lab.Node.IpBatch("route add default dev wg0 table 220", "rule add pref 219 ipproto tcp dport 8080 lookup main", "rule add pref 220 lookup 220");
        Lab.Node.Ip("route add 198.18.0.0/15 dev wg1 table 221");
        Lab.Node.Ip("rule add pref 218 iif wg1 lookup 221");
        Assert.Equal("203.0.113.26:80", Lab.Node.ProbeTcp(_inside, 8080).SeenTarget);

        // What comes later is told, and no sooner is what was before it.
        Lab.Node.Ip("rule del pref 219");
        WaitForObstacle(
            agent, $"the node leads packets to {_inside} elsewhere (rule 220: from all lookup 220, route default dev wg0 table 220), so that they do not reach the router", "RoutedElsewhere");
        Assert.DoesNotContain("INF default/web: over: ", agent.Log);
    }

    [Fact]
    public void Packets_that_are_marked_by_a_chain_are_not_judged_as_those_without()
    {
        AgentProcess agent = Start();
        Lab.Node.Check("nft", "table ip split { chain out { type route hook output priority mangle; ip daddr 198.18.0.0/16 meta mark set 0x7; }; }");
        Lab.Node.Ip("rule add pref 210 fwmark 0x7 lookup main");
        Lab.Node.IpBatch("route add default dev wg0 table 220", "rule add pref 220 lookup 220");
        Assert.Equal("203.0.113.26:80", Lab.Node.ProbeTcp(_inside, 8080).SeenTarget);

        // What comes later is told, and no sooner is what was before it.
        Lab.Node.Check("nft", "delete table ip split");
        WaitForObstacle(
            agent, $"the node leads packets to {_inside} elsewhere (rule 220: from all lookup 220, route default dev wg0 table 220), so that they do not reach the router", "RoutedElsewhere");
        Assert.DoesNotContain("INF default/web: over: ", agent.Log);
    }

    [Fact]
    public void Obstacle_of_clients_that_nobody_names_is_no_trouble()
    {
        AgentProcess agent = Start();
        Lab.Node.Check("sysctl", "-qw", "net.ipv4.ip_forward=0");
        Assert.NotEqual(ProbeOutcome.Answered, Lab.Client.ProbeTcp(_inside, 8080).Outcome);
        Lab.Node.IpBatch("route add default dev wg0 table 220", "rule add pref 220 lookup 220");
        WaitForObstacle(
            agent, $"the node leads packets to {_inside} elsewhere (rule 220: from all lookup 220, route default dev wg0 table 220), so that they do not reach the router", "RoutedElsewhere");
        Lab.Node.Ip("rule del pref 220");
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
        Assert.DoesNotContain("ForwardingOff", agent.Log);
    }

    // Works before it is in the way.
    private AgentProcess Start(string? clients = null)
    {
        RouterDocument document = RouterDocument.Web("web");
        (AgentProcess agent, _, _inside) = StartWithWebRouter(clients is null ? document : document with { Clients = $"\"node, {clients}\"" });
        WaitForTcp(Lab.Client, _inside, 8080, "203.0.113.26:80");
        return agent;
    }

    private static void IptablesOfBootedRoot() =>
        Assert.SkipUnless(File.Exists(Path.Combine(Root, "usr/sbin/iptables")), $"needs iptables in {Root}: run tests/EgressAgent.Testing/Booted/make-root");

    // The lock of iptables is not to stay in the system, which is as it was installed.
    private void CheckWithIptables(string command) =>
        Lab.Node.Check("unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs \"$1/run\" && exec chroot \"$1\" sh -c \"$2\"", "sh", Root, command);

    private string NodeLink() => Lab.Node.Ip("-oneline link show dev egress.default.web").Split(' ')[1].Split('@')[0];

    // Hands back the command.
    private static string WaitForObstacle(AgentProcess agent, string problem, string reason)
    {
        string begin = $"WRN default/web: in force, but {problem}: ";
        agent.WaitForLog(begin);
        string rest = agent.Log[(agent.Log.IndexOf(begin, StringComparison.Ordinal) + begin.Length)..];
        Assert.Contains($" ({reason})", rest);
        Eventually.Holds(() => Assert.StartsWith("1 router degraded", agent.Status));
        return rest[..rest.IndexOf($" ({reason})", StringComparison.Ordinal)];
    }

    private void AssertHelps(AgentProcess agent, string command, LabHost client, string reason, Action<string>? run = null, int port = 8080, string target = "203.0.113.26:80")
    {
        Assert.NotEqual(ProbeOutcome.Answered, client.ProbeTcp(_inside, port).Outcome);
        (run ?? (words => Lab.Node.Check("sh", "-c", words)))(command);
        Assert.Equal(target, client.ProbeTcp(_inside, port).SeenTarget);
        Eventually.Holds(() => Assert.Matches($@"INF default/web: over: .* \({reason}\)", agent.Log));
        Eventually.Holds(() => Assert.StartsWith("1 router active", agent.Status));
    }
}
