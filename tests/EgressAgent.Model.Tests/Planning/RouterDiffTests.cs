using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Tests.Planning;

public sealed class RouterDiffTests
{
    private static readonly string NodeLink = RouterNames.NodeLink(Example.Key);

    [Fact]
    public void From_nothing_the_filter_stands_first_and_the_reserved_address_comes_last() => Assert.Equal(
        [
            "set route unreachable 198.18.0.0/16",
            "create network namespace egress.default.web",
            .. Example.Desired.Sysctls.Where(entry => !RouterSysctls.IsOfLink(entry) && !RouterSysctls.IsAfterFilter(entry)).Select(entry => $"set {entry}"),
            "set lo up",
            "redirect: 1 rules, 198.18.0.2 leaves as 192.168.12.99, anything else is rejected",
            "set net/ipv4/conf/all/accept_local=1",
            $"create veth eth0 with node end {NodeLink} (egress.default.web), MTU 1500",
            $"set {NodeLink} and eth0 up, MTU 1500",
            "create macvlan net1 on ens3, mode Bridge, MAC 02:00:00:00:00:99, MTU 1500",
            "set net1 up, mode Bridge, MAC 02:00:00:00:00:99, MTU 1500",
            "add address 198.18.0.2/16 on eth0",
            $"add address 198.18.0.1/32 on {NodeLink}",
            "add rule 98: from all fwmark 0x4/0x4 iif net1 lookup 100",
            "add rule 99: from all fwmark 0x4/0x4 iif eth0 lookup 254",
            "add rule 100: from all iif net1 blackhole",
            "add rule 101: from all fwmark 0x1/0x1 iif lo lookup 100",
            "add rule 102: from all fwmark 0x2 lookup 100",
            "add rule 103: from 198.18.0.2 iif lo lookup 100",
            "add rule 104: from all fwmark 0x1/0x5 iif eth0 prohibit",
            "add rule 105: from all fwmark 0x0/0x4 iif eth0 blackhole",
            "probe for and claim address 192.168.12.99/24 on net1",
            "set route default via 198.18.0.1 dev eth0 table 100",
            $"set route 198.18.0.2 dev {NodeLink} src 198.18.0.1",
            "set route 192.168.12.1 dev net1",
            "set route default via 192.168.12.1 dev net1",
            "announce 192.168.12.99 on net1",
        ],
        Steps(Example.Desired, ObservedRouter.Nothing));

    [Fact]
    public void When_everything_is_there_nothing_is_left_to_do()
    {
        Assert.Empty(Steps(Example.Desired, Realized(Example.Desired)));
        Assert.Empty(Steps(Example.DualDesired, Realized(Example.DualDesired)));
    }

    [Fact]
    public void Without_a_probe_the_address_is_claimed_at_once() => Assert.Contains(
        "claim address 192.168.12.99/24 on net1",
        RouterDiff.Build(Example.Desired, ObservedRouter.Nothing, PriorHolderCheck.Skip).Select(step => step.ToString()));

    [Fact]
    public void Links_are_offloaded_once_the_plan_that_asks_for_it_is_in_force_and_again_when_they_were_made_anew()
    {
        DesiredRouter desired = Example.Desired with { Redirect = Example.Desired.Redirect with { OffloadsFlows = true } };
        ObservedRouter realized = Realized(desired);

        Assert.DoesNotContain("offload established flows of net1", Steps(desired, ObservedRouter.Nothing));
        Assert.Equal(["offload established flows of eth0", "offload established flows of net1"], Steps(desired, realized with { OffloadedLinks = [] }));
        Assert.Empty(Steps(desired, realized with { OffloadedLinks = ["eth0", "net1"] }));
        Assert.Contains("offload established flows of net1", Steps(desired, realized with { OffloadedLinks = ["eth0", "net1"], Macvlan = null }));
    }

    [Fact]
    public void Setting_that_drifted_is_set_again() => Assert.Equal(
        ["set net/ipv4/ip_forward=1"],
        After(observed => observed with { Sysctls = [new("net/ipv4/ip_forward", "0"), .. observed.Sysctls.Skip(1)] }));

    [Fact]
    public void Setting_that_the_kernel_does_not_have_is_let_be() =>
        Assert.Empty(After(observed => observed with { Sysctls = [.. observed.Sysctls.Where(entry => !entry.Key.Contains("conntrack"))] }));

    [Fact]
    public void Redirect_that_drifted_is_applied_again() =>
        Assert.Equal(["ApplyRedirect"], Kinds(After(Example.Desired, observed => observed with { Redirect = null })));

    // What 0.1.0 built goes on by its own ruleset until this one is there, which goes by groups; that one leaves to the kernel what this one asks.
    [Fact]
    public void Router_of_an_earlier_version_gets_its_groups_before_the_ruleset_and_less_checks_of_the_kernel_after_it()
    {
        IReadOnlyList<RouterStep> steps = After(Example.Desired, observed => observed with
        {
            Redirect = null,
            Ungrouped = ["eth0", "net1"],
            Sysctls = [.. observed.Sysctls.Select(entry => RouterSysctls.IsAfterFilter(entry) ? entry with { Value = "0" } : entry)],
        });

        Assert.Equal(["SetLinkGroup", "SetLinkGroup", "ApplyRedirect", "SetSysctl"], Kinds(steps));
        Assert.True(StepDependence.DependsOn(steps[2], steps[1]));
        Assert.True(StepDependence.DependsOn(steps[3], steps[2]));
    }

    [Fact]
    public void Link_that_lost_its_group_is_put_into_it_again() =>
        Assert.Equal(["put net1 into group 9802"], After(observed => observed with { Ungrouped = ["net1"] }));

    [Fact]
    public void Loopback_that_drifted_is_set_up() => Assert.Equal(["set lo up"], After(observed => observed with { IsLoopbackUp = false }));

    public static TheoryData<string> VethDrifts => [.. VethDrift.Keys];

    private static readonly Dictionary<string, Func<ObservedVeth, ObservedVeth>> VethDrift = new()
    {
        ["altname"] = veth => veth with { HasAltName = false },
        ["node MTU"] = veth => veth with { NodeMtu = 1400 },
        ["router MTU"] = veth => veth with { RouterMtu = 1400 },
        ["node end down"] = veth => veth with { IsNodeEndUp = false },
        ["router end down"] = veth => veth with { IsRouterEndUp = false },
    };

    [Theory]
    [MemberData(nameof(VethDrifts))]
    public void Veth_that_drifted_is_configured_in_place(string drift) => Assert.Equal(
        ["ConfigureVeth"], Kinds(After(Example.Desired, observed => observed with { Veth = VethDrift[drift](observed.Veth!) })));

    [Fact]
    public void Veth_that_is_gone_is_made_again_with_all_that_was_on_it() => Assert.Equal(
        ["CreateVeth", "ConfigureVeth", "AddInsideAddress", "AddInsideAddress", "SetRoute", "SetRoute"],
        Kinds(After(Example.Desired, observed => observed with { Veth = null })));

    [Fact]
    public void Stray_end_is_removed_before_the_pair_is_made() => Assert.Equal(
        ["RemoveVeth", "CreateVeth", "ConfigureVeth"],
        Kinds(After(Example.Desired, observed => observed with { Veth = null, HasStrayVethEnd = true })).Take(3));

    public static TheoryData<string> MacvlanDrifts => [.. MacvlanDrift.Keys];

    private static readonly Dictionary<string, Func<ObservedMacvlan, ObservedMacvlan>> MacvlanDrift = new()
    {
        ["mode"] = macvlan => macvlan with { Mode = MacvlanMode.VEPA },
        ["MAC"] = macvlan => macvlan with { Mac = System.Net.NetworkInformation.PhysicalAddress.Parse("02-00-00-00-00-01") },
        ["MTU"] = macvlan => macvlan with { Mtu = 1400 },
        ["down"] = macvlan => macvlan with { IsUp = false },
    };

    [Theory]
    [MemberData(nameof(MacvlanDrifts))]
    public void Macvlan_that_drifted_is_configured_in_place(string drift) => Assert.Equal(
        ["ConfigureMacvlan"], Kinds(After(Example.Desired, observed => observed with { Macvlan = MacvlanDrift[drift](observed.Macvlan!) })));

    [Fact]
    public void Macvlan_that_lost_its_fence_is_fenced_before_it_is_set_up_and_cut_off_where_that_has_to_wait()
    {
        DesiredRouter desired = Example.Desired with { Macvlan = Example.Desired.Macvlan with { IsFenced = true } };
        ObservedRouter up = Realized(Example.Desired);
        ObservedRouter observed = up with { Macvlan = up.Macvlan! with { IsUp = false } };

        IReadOnlyList<RouterStep> steps = RouterDiff.Build(desired, observed, PriorHolderCheck.Probe);

        Assert.Equal([new FenceMacvlan(true), new ConfigureMacvlan(desired.Macvlan)], steps.Take(2));
        Assert.True(StepDependence.DependsOn(steps[1], steps[0]));
        Assert.Empty(RouterDiff.PutOff(steps, observed));
        Assert.Equal([new CutOffMacvlan()], RouterDiff.PutOff(steps, up));
        Assert.Equal([new FenceMacvlan(false)], RouterDiff.Build(Example.Desired, up with { Macvlan = up.Macvlan! with { IsFenced = true } }, PriorHolderCheck.Probe));
    }

    [Fact]
    public void Macvlan_without_a_MAC_of_its_own_takes_any()
    {
        DesiredRouter passthru = Example.Plan(Example.Spec with { MacvlanMode = MacvlanMode.Passthru, PassthruTakesTheNode = true }).Desired!;

        Assert.Empty(After(passthru, observed => observed));
    }

    [Fact]
    public void Macvlan_without_a_carrier_is_left_alone_and_asks_nobody() =>
        Assert.Equal(["ask no gateway any more"], After(observed => observed with { Macvlan = observed.Macvlan! with { HasCarrier = false } }));

    private static readonly string[] RebuildMacvlan =
        ["RemoveMacvlan", "CreateMacvlan", "ConfigureMacvlan", "ClaimAddress", "SetRoute", "SetRoute", "Announce"];

    [Fact]
    public void Macvlan_that_is_gone_is_made_again_with_all_that_was_on_it() =>
        Assert.Equal(RebuildMacvlan[1..], Kinds(After(Example.Desired, observed => observed with { Macvlan = null })));

    [Fact]
    public void Macvlan_moves_to_another_master_by_being_made_again() =>
        Assert.Equal(RebuildMacvlan, Kinds(After(Example.Desired, observed => observed with { Macvlan = observed.Macvlan! with { MasterIndex = 9 } })));

    [Theory]
    [InlineData(MacvlanMode.Bridge, MacvlanMode.Passthru)]
    [InlineData(MacvlanMode.Passthru, MacvlanMode.Private)]
    public void Macvlan_enters_and_leaves_passthru_by_being_made_again(MacvlanMode from, MacvlanMode to)
    {
        DesiredRouter desired = Example.Plan(Example.Spec with { MacvlanMode = to, PassthruTakesTheNode = true }).Desired!;

        Assert.Equal(RebuildMacvlan, Kinds(After(desired, observed => observed with { Macvlan = observed.Macvlan! with { Mode = from } })));
    }

    [Fact]
    public void Inside_address_that_is_gone_is_added() => Assert.Contains(
        "add address 198.18.0.2/16 on eth0", After(observed => observed with { Addresses = [.. observed.Addresses.Skip(1)] }));

    [Fact]
    public void Reserved_address_that_is_gone_is_claimed_and_announced() => Assert.Equal(
        ["probe for and claim address 192.168.12.99/24 on net1", "announce 192.168.12.99 on net1"],
        After(observed => observed with { Addresses = [.. observed.Addresses.Where(entry => entry.Link != RouterNames.OutsideLink)] }));

    [Theory]
    [InlineData(NetworkSide.Router, RouterNames.OutsideLink, "10.0.0.7/24")]
    [InlineData(NetworkSide.Router, RouterNames.InsideLink, "10.0.0.7/24")]
    [InlineData(NetworkSide.Node, null, "10.0.0.7/24")]
    public void Address_that_nobody_asked_for_is_removed(NetworkSide side, string? link, string address)
    {
        var stray = new AddressEntry(side, link ?? NodeLink, Example.Cidr(address));

        Assert.Equal([$"remove address {stray}"], After(observed => observed with { Addresses = [stray, .. observed.Addresses] }));
    }

    [Fact]
    public void Every_route_of_ours_that_is_gone_is_set()
    {
        foreach (RouteEntry route in Example.DualDesired.Routes)
        {
            Assert.Equal([$"set route {route}"], Text(After(Example.DualDesired, observed => observed with
            {
                Routes = [.. observed.Routes.Where(entry => entry != route)],
            })));
        }
    }

    [Fact]
    public void Route_that_leads_elsewhere_is_replaced_and_not_removed() => Assert.Equal(
        ["set route default via 192.168.12.1 dev net1"],
        After(observed => observed with
        {
            Routes = [.. observed.Routes.Select(route => route.ToString() == "default via 192.168.12.1 dev net1"
                ? route with { Gateway = Example.Ip("192.168.12.254") } : route)],
        }));

    [Fact]
    public void Route_of_an_administrator_is_let_be()
    {
        RouteEntry theirs = new(NetworkSide.Router, System.Net.IPNetwork.Parse("10.0.0.0/8"), Example.Ip("192.168.12.254"), RouterNames.OutsideLink);

        Assert.Empty(After(observed => observed with { Routes = [.. observed.Routes, theirs] }));
    }

    [Fact]
    public void Stale_route_with_a_mark_is_removed()
    {
        RouteEntry stale = new(NetworkSide.Node, System.Net.IPNetwork.Parse("198.18.0.9/32"), null, NodeLink) { IsMarked = true };

        Assert.Equal([$"remove route {stale}"], After(observed => observed with { Routes = [.. observed.Routes, stale] }));
    }

    [Fact]
    public void Route_to_a_former_gateway_is_removed_and_one_to_another_host_on_the_link_is_let_be()
    {
        RouteEntry former = Host("10.7.7.1");
        RouteEntry theirs = Host("10.7.7.2");

        Assert.Equal([$"remove route {former}"], Text(RouterDiff.Build(
            Example.Desired,
            Realized(Example.Desired) with { Routes = [.. Example.Desired.Routes, former, theirs] },
            PriorHolderCheck.Probe,
            former: [Example.Ip("192.168.12.1"), Example.Ip("10.7.7.1")])));

        static RouteEntry Host(string address) =>
            new(NetworkSide.Router, System.Net.IPNetwork.Parse($"{address}/32"), null, RouterNames.OutsideLink) { IsLinkScope = true };
    }

    [Fact]
    public void Second_default_route_over_the_macvlan_is_removed()
    {
        RouteEntry stray = new(NetworkSide.Router, System.Net.IPNetwork.Parse("0.0.0.0/0"), Example.Ip("192.168.12.254"), RouterNames.OutsideLink);

        Assert.Equal([$"remove route {stray}"], After(observed => observed with { Routes = [.. observed.Routes, stray] }));
    }

    [Fact]
    public void Every_rule_of_ours_that_is_gone_is_added()
    {
        foreach (RuleEntry rule in Example.DualDesired.Rules)
        {
            Assert.Equal([$"add rule {rule}"], Text(After(Example.DualDesired, observed => observed with
            {
                Rules = [.. observed.Rules.Where(entry => entry != rule)],
            })));
        }
    }

    [Fact]
    public void Kernels_own_rules_of_a_family_without_an_address_are_let_be() => Assert.Empty(After(
        observed => observed with { Rules = [.. RuleEntry.BuiltIn(AddressFamily.InterNetworkV6), .. observed.Rules] }));

    [Fact]
    public void Rule_that_nobody_asked_for_is_removed()
    {
        RuleEntry stray = new(AddressFamily.InterNetwork, 50, null, null, 254);

        Assert.Equal([$"remove rule {stray}"], After(observed => observed with { Rules = [stray, .. observed.Rules] }));
    }

    [Fact]
    public void Another_reserved_address_is_claimed_after_no_flow_leaves_with_the_old_one()
    {
        DesiredRouter desired = Example.Plan(Example.Spec with { Addresses = [Example.Reserved("192.168.12.100/24", "192.168.12.1")] }).Desired!;

        Assert.Equal(
            ["ApplyRedirect", "RemoveAddress", "ClaimAddress"],
            Kinds(RouterDiff.Build(desired, Realized(Example.Desired), PriorHolderCheck.Probe)).Take(3));
    }

    [Fact]
    public void Link_that_came_back_is_announced_on() => Assert.Equal(
        ["announce 192.168.12.99 on net1"], After(observed => observed with { Unannounced = [IPAddress.Parse("fe80::1"), IPAddress.Parse("192.168.12.99")] }));

    [Fact]
    public void Others_are_heard_for_the_addresses_that_are_held() => Assert.Equal(
        ["hear who else has 192.168.12.99"], After(observed => observed with { Heard = [IPAddress.Parse("192.168.12.100")] }));

    [Fact]
    public void Netns_that_lost_its_name_is_let_go_of_before_all_else()
    {
        Assert.Equal(["LetGoOfNetns", "CreateNetns"], Kinds(RouterDiff.Build(
            Example.Desired, new ObservedRouter { HasNamelessNetns = true, HeldNetworks = Example.Desired.InsideNetworks }, PriorHolderCheck.Probe)).Take(2));
        Assert.Equal(["LetGoOfNetns"], Kinds(RouterDiff.Remove(Example.Key, new ObservedRouter { HasNamelessNetns = true })));
    }

    [Fact]
    public void Inside_network_that_is_not_held_any_more_is_held_again() => Assert.Equal(
        ["set route unreachable 198.18.0.0/16"], After(observed => observed with { HeldNetworks = [] }));

    [Fact]
    public void Address_that_another_host_has_is_claimed_again() => Assert.Equal(
        ["ClaimAddress", "Announce"],
        Kinds(After(Example.Desired, observed => observed with
        {
            Addresses = observed.Addresses.Except(Example.Desired.ReservedAddresses).ToValueList(),
            DuplicateAddresses = Example.Desired.ReservedAddresses,
        })).Where(kind => kind != nameof(SetRoute)));

    [Fact]
    public void Removal_of_nothing_is_nothing() => Assert.Empty(RouterDiff.Remove(Example.Key, ObservedRouter.Nothing));

    [Fact]
    public void Removal_takes_the_outside_interface_first() => Assert.Equal(
        ["RemoveMacvlan", "RemoveVeth", "DeleteNetns"], Kinds(RouterDiff.Remove(Example.Key, Realized(Example.Desired))));

    [Fact]
    public void Removal_takes_a_stray_veth_end_too() => Assert.Equal(
        ["RemoveVeth"], Kinds(RouterDiff.Remove(Example.Key, new ObservedRouter { HasStrayVethEnd = true })));

    /// <summary>A kernel that has exactly what is desired.</summary>
    internal static ObservedRouter Realized(DesiredRouter desired) => new()
    {
        HeldNetworks = desired.InsideNetworks,
        HasNetns = true,
        IsLoopbackUp = true,
        Veth = new ObservedVeth(7, HasAltName: true, desired.Veth.Mtu, desired.Veth.Mtu, IsNodeEndUp: true, IsRouterEndUp: true),
        Macvlan = new ObservedMacvlan(
            desired.Macvlan.MasterIndex,
            desired.Macvlan.Mode,
            desired.Macvlan.Mac ?? System.Net.NetworkInformation.PhysicalAddress.Parse("52-54-00-00-00-01"),
            desired.Macvlan.Mtu,
            IsUp: true,
            HasCarrier: true)
        {
            IsFenced = desired.Macvlan.IsFenced,
        },
        Redirect = desired.Redirect,
        Sysctls = desired.Sysctls,
        Addresses = [.. desired.InsideAddresses, .. desired.ReservedAddresses],
        Heard = [.. desired.ReservedAddresses.Select(entry => entry.Address.Address)],
        AskedGateways = [.. desired.Gateways],
        Routes = desired.Routes,
        Rules = desired.Rules,
    };

    private static IReadOnlyList<RouterStep> After(DesiredRouter desired, Func<ObservedRouter, ObservedRouter> drift) =>
        RouterDiff.Build(desired, drift(Realized(desired)), PriorHolderCheck.Probe);

    private static string[] After(Func<ObservedRouter, ObservedRouter> drift) => Text(After(Example.Desired, drift));

    private static string[] Steps(DesiredRouter desired, ObservedRouter observed) =>
        Text(RouterDiff.Build(desired, observed, PriorHolderCheck.Probe));

    private static string[] Text(IEnumerable<RouterStep> steps) => [.. steps.Select(step => step.ToString())];

    private static string[] Kinds(IEnumerable<RouterStep> steps) => [.. steps.Select(step => step.GetType().Name)];
}
