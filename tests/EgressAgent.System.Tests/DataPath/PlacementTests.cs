using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Which interface a router hangs on, in which mode, with which addresses and gateways: named or inferred.</summary>
public sealed class PlacementTests(DataPathTest.Fixture fixture) : DataPathTest(fixture)
{
    private const string Rules = """
        redirect: { redirectRules: [
          { destinationIP: 203.0.113.26, port: 80, protocol: TCP }, { destinationIP: 203.0.113.26, port: 80, protocol: UDP } ] }
        """;

    private const string Rules6 = """redirect: { redirectRules: [ { destinationIP: "2001:db8:ff::26", port: 80, protocol: TCP } ] }""";

    public static TheoryData<string, string, string, string, string> Placements => new()
    {
        { "master by the subnet, gateway by its default route", "", "{ ip: 192.168.12.99/24 }", "192.168.12.99", "eth0" },
        { "master by the subnet, of IPv6", "", "{ ip: \"2001:db8:12::99/64\" }", "2001:db8:12::99", "eth0" },
        { "master by another subnet than that of the default route", "", "{ ip: 192.168.13.99/24, gateway: 192.168.13.1 }", "192.168.13.99", "eth1" },
        { "master by another subnet, of IPv6", "", "{ ip: \"2001:db8:13::99/64\", gateway: \"2001:db8:13::1\" }", "2001:db8:13::99", "eth1" },
        { "master by the default route, single host, gateway inferred", "", "{ ip: 198.51.100.9/32 }", "198.51.100.9", "eth0" },
        { "master by the default route, plain address, gateway named", "", "{ ip: 198.51.100.9, gateway: 192.168.12.1 }", "198.51.100.9", "eth0" },
        { "master by the default route, single IPv6 host", "", "{ ip: \"2001:db8:77::9\" }", "2001:db8:77::9", "eth0" },
        { "master by the default route, single IPv6 host, gateway named", "", "{ ip: \"2001:db8:77::9/128\", gateway: \"2001:db8:12::1\" }", "2001:db8:77::9", "eth0" },
        { "gateway that is link-local", "", "{ ip: \"2001:db8:12::99/64\", gateway: \"fe80::1\" }", "2001:db8:12::99", "eth0" },
        { "master named", "master: eth1", "{ ip: 192.168.13.99/24, gateway: 192.168.13.1 }", "192.168.13.99", "eth1" },
        { "master named against the subnet", "master: eth1", "{ ip: 192.168.12.99/32, gateway: 192.168.13.1 }", "192.168.12.99", "eth1" },
        { "gateway outside of the subnet", "", "{ ip: 198.51.100.9/29, gateway: 192.168.12.1 }", "198.51.100.9", "eth0" },
        { "gateway outside of the subnet, of IPv6", "", "{ ip: \"2001:db8:77::9/64\", gateway: \"2001:db8:12::1\" }", "2001:db8:77::9", "eth0" },
        { "master by a long alternative name", "master: an-alternative-name-of-more-than-15-bytes", "{ ip: 192.168.13.99/24, gateway: 192.168.13.1 }", "192.168.13.99", "eth1" },
        { "master that is empty", "master: \"\"", "{ ip: 192.168.12.99/24 }", "192.168.12.99", "eth0" },
        { "master by its alternative name", "master: office", "{ ip: 192.168.13.99/24, gateway: 192.168.13.1 }", "192.168.13.99", "eth1" },
        { "mode Bridge", "mode: Bridge, master: eth1", "{ ip: 192.168.13.99/24, gateway: 192.168.13.1 }", "192.168.13.99", "eth1" },
        { "mode Private", "mode: Private, master: eth1", "{ ip: 192.168.13.99/24, gateway: 192.168.13.1 }", "192.168.13.99", "eth1" },
        { "mode VEPA", "mode: VEPA, master: eth1", "{ ip: 192.168.13.99/24, gateway: 192.168.13.1 }", "192.168.13.99", "eth1" },
        { "mode Passthru", "mode: Passthru, master: eth1", "{ ip: 192.168.13.99/24, gateway: 192.168.13.1 }", "192.168.13.99", "eth1" },
        { "several addresses", "", "{ ip: 192.168.12.99/24 }, { ip: 192.168.12.98/24 }, { ip: \"2001:db8:12::99/64\" }", "192.168.12.99", "eth0" },
        { "several IPv6 addresses", "", "{ ip: \"2001:db8:12::99/64\" }, { ip: \"2001:db8:12::98/64\" }, { ip: 192.168.12.99/24 }", "2001:db8:12::99", "eth0" },
    };

    [Theory]
    [MemberData(nameof(Placements))]
    public void Router_is_placed_by(string what, string macvlan, string addresses, string source, string master)
    {
        _ = what;
        LabSegment lan = master == "eth1" ? Lab.OtherLan : Lab.Lan;
        bool isV6 = source.Contains(':');
        using Undo undo = PrepareForAddressesElsewhere(master);
        ObservedRouter router = Lab.Apply("web", $"networkInterface: {{ macvlan: {{ {macvlan} }} }}, addresses: [ {addresses} ], {(isV6 ? Rules6 : Rules)}");
        using LanAudit audit = new(Lab, lan);

        AssertReached(
            Lab.Client.ProbeTcp(isV6 ? DataPathLab.Inside6 : DataPathLab.Inside, 80), source, isV6 ? "[2001:db8:ff::26]:80" : "203.0.113.26:80");
        if (!isV6)
        {
            AssertReached(Lab.Node.ProbeUdp(DataPathLab.Inside, 80), source, "203.0.113.26:80");
        }

        Assert.Equal(IndexOf(Lab.Node, master), ParentOf(router));
        string mode = macvlan.Contains("mode: ") ? macvlan.Split("mode: ")[1].Split(',')[0] : "Bridge";
        Assert.Contains($"macvlan mode {mode.ToLowerInvariant()} ", router.Ip("-details -oneline link show dev net1"));
        audit.AssertRoutersSentOnly([.. AddressesIn(addresses)], [DataPathLab.Web, DataPathLab.Web6]);
    }

    [Fact]
    public void Every_address_of_a_family_is_held()
    {
        Lab.Apply("web", $$"""
            addresses: [ { ip: 192.168.12.99/24 }, { ip: 192.168.12.98/24 }, { ip: 192.168.12.97 },
              { ip: "2001:db8:12::99/64" }, { ip: "2001:db8:12::98/64" }, { ip: "2001:db8:12::97" } ], {{Rules}}
            """);

        foreach (string address in (string[])["192.168.12.99", "192.168.12.98", "192.168.12.97", "2001:db8:12::99", "2001:db8:12::98", "2001:db8:12::97"])
        {
            Assert.Equal((address, ProbeOutcome.Answered), (address, Lab.Neighbour.Ping(address).Outcome));
            AtOnce.AssertRefusesTcp(Lab.Neighbour, address, 80);
        }
    }

    [Fact]
    public void Master_without_a_default_route_reaches_its_subnet_and_says_so()
    {
        _ = Lab.OtherLan;
        using EchoServer server = Lab.Gateway.ServeTcp("192.168.13.1", 8013);
        Lab.Apply("web", """
            addresses: [ { ip: 192.168.13.99/24 } ], redirect: { redirectRules: [
              { destinationIP: 192.168.13.1, port: 8013, protocol: TCP }, { destinationIP: 203.0.113.26, port: 80, protocol: TCP } ] }
            """);

        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 8013), "192.168.13.99", "192.168.13.1:8013");
        Assert.Equal(ProbeOutcome.Unreachable, Lab.Client.ProbeTcp(DataPathLab.Inside, 80).Outcome);
        Eventually.True(
            "the status", () => Lab.Agent.Status.Contains("degraded: default/web: no gateway is known for 192.168.13.99"), otherwise: () => Lab.Agent.Status);
    }

    // What routers on one master can say to each other is the mode's meaning.
    [Theory]
    [InlineData("Bridge", false, ProbeOutcome.Refused)]
    [InlineData("Private", false, ProbeOutcome.TimedOut)]
    [InlineData("VEPA", false, ProbeOutcome.TimedOut)]
    [InlineData("VEPA", true, ProbeOutcome.Refused)]
    public void Mode_decides_whether_routers_reach_each_other(string mode, bool isSwitchReflecting, ProbeOutcome outcome)
    {
        string macvlan = $"networkInterface: {{ macvlan: {{ mode: {mode} }} }}";
        Lab.Apply("one", $"{macvlan}, addresses: [ {{ ip: 192.168.12.98/24 }} ], redirect: {{}}");
        ObservedRouter router = Lab.Apply(
            "two", $"{macvlan}, addresses: [ {{ ip: 192.168.12.99/24 }} ], redirect: {{ redirectRules: [ {{ destinationIP: 192.168.12.98, port: 80, protocol: TCP }} ] }}");
        Lab.Lan.Reflect(Lab.Node, isSwitchReflecting);
        try
        {
            Assert.Equal(outcome, Lab.Client.ProbeTcp(router.InsideAddress!, 80, outcome == ProbeOutcome.Refused ? null : Silence).Outcome);
        }
        finally
        {
            Lab.Lan.Reflect(Lab.Node, false);
        }
    }

    [Fact]
    public void Mode_changes_while_flows_live_on_where_the_kernel_can()
    {
        _ = Lab.OtherLan;
        string Spec(string mode) =>
            $"networkInterface: {{ macvlan: {{ mode: {mode}, master: eth1 }} }}, addresses: [ {{ ip: 192.168.13.99/24, gateway: 192.168.13.1 }} ], {Rules}";
        ObservedRouter router = Lab.Apply("web", Spec("Bridge"));
        string index = router.Ip("-oneline link show dev net1").Split(':')[0];
        using (EchoedTransfer kept = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80))
        {
            foreach (string mode in (string[])["Private", "VEPA", "Bridge"])
            {
                Lab.Apply("web", Spec(mode));
                kept.WaitForBlocks(20);
                Assert.Contains($"macvlan mode {mode.ToLowerInvariant()} ", router.Ip("-details -oneline link show dev net1"));
            }

            Assert.Equal(index, router.Ip("-oneline link show dev net1").Split(':')[0]);
        }

        foreach (string mode in (string[])["Passthru", "VEPA"])
        {
            Lab.Apply("web", Spec(mode));
            AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), "192.168.13.99", "203.0.113.26:80");
        }
    }

    [Fact]
    public void Router_moves_to_another_master_and_leaves_nothing_on_the_first()
    {
        LabSegment other = Lab.OtherLan;
        Lab.Apply("web", $"addresses: [ {{ ip: 192.168.12.99/24 }} ], {Rules}");
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), "192.168.12.99", "203.0.113.26:80");

        Lab.Apply("web", $"addresses: [ {{ ip: 192.168.13.99/24, gateway: 192.168.13.1 }} ], {Rules}");

        using LanAudit first = new(Lab);
        using LanAudit second = new(Lab, other);
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), "192.168.13.99", "203.0.113.26:80");
        Lab.Neighbour.Ip("neighbour flush dev eth0");
        Assert.Equal(ProbeOutcome.TimedOut, Lab.Neighbour.Ping("192.168.12.99", Silence).Outcome);
        first.AssertRoutersSentOnly([], []);
        second.AssertRoutersSentOnly(["192.168.13.99"], [DataPathLab.Web]);
    }

    // The gateway has to find addresses that are in none of its subnets, and may be reached at a link-local address.
    private Undo PrepareForAddressesElsewhere(string master)
    {
        string link = master == "eth1" ? "other" : "lan";
        List<string> routes = ["route {0} 198.51.100.9/32 dev lan", "-6 route {0} 2001:db8:77::9/128 dev lan", "address {0} fe80::1/64 dev lan nodad"];
        if (master == "eth1")
        {
            Lab.Node.Ip("link property add dev eth1 altname office altname an-alternative-name-of-more-than-15-bytes");
            routes.Add($"route {{0}} 192.168.12.99/32 dev {link}");
        }

        routes.ForEach(route => Lab.Gateway.Ip(string.Format(null, route, "add")));
        return new Undo(() =>
        {
            routes.ForEach(route => Lab.Gateway.Ip(string.Format(null, route, "del").Replace(" nodad", "")));
            if (master == "eth1")
            {
                Lab.Node.Ip("link property del dev eth1 altname office altname an-alternative-name-of-more-than-15-bytes");
            }
        });
    }

    private static IEnumerable<string> AddressesIn(string addresses) =>
        addresses.Split("ip: ").Skip(1).Select(rest => rest.TrimStart('"').Split('/', '"', ' ', ',')[0]);

    private static string IndexOf(LabHost host, string link) => host.Ip($"-oneline link show dev {link}").Split(':')[0];

    private static string ParentOf(ObservedRouter router) => router.Ip("-oneline link show dev net1").Split("net1@if")[1].Split(':')[0];
}
