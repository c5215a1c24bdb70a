using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Tests.Planning;

// Addresses, routes and rules of a router.
public sealed class RouterPlannerTests
{
    [Fact]
    public void Example_has_the_documented_routes_in_the_order_in_which_they_can_be_added() => Assert.Equal(
        [
            "Router 198.18.0.0/16 dev eth0 src 198.18.0.2",
            "Router default via 198.18.0.1 dev eth0 table 100",
            $"Node 198.18.0.2 dev {NodeLink} src 198.18.0.1",
            "Router 192.168.12.0/24 dev net1 src 192.168.12.99",
            "Router 192.168.12.1 dev net1",
            "Router default via 192.168.12.1 dev net1",
        ],
        Routes(Example.Plan(Example.Spec)));

    [Fact]
    public void Example_has_one_address_on_each_link()
    {
        Assert.Equal(["198.18.0.2/16 on eth0", $"198.18.0.1/32 on {NodeLink}"], Text(Example.Desired.InsideAddresses));
        Assert.Equal(["192.168.12.99/24 on net1"], Text(Example.Desired.ReservedAddresses));
    }

    [Fact]
    public void Example_routes_replies_by_where_they_came_in_and_what_is_not_marked_nowhere() => Assert.Equal(
        [
            "0: from all lookup 255",
            "32766: from all lookup 254",
            "32767: from all lookup 253",
            "98: from all fwmark 0x4/0x4 iif net1 lookup 100",
            "99: from all fwmark 0x4/0x4 iif eth0 lookup 254",
            "100: from all iif net1 blackhole",
            "101: from all fwmark 0x1/0x1 iif lo lookup 100",
            "102: from all fwmark 0x2 lookup 100",
            "103: from 198.18.0.2 iif lo lookup 100",
            "104: from all fwmark 0x1/0x5 iif eth0 prohibit",
            "105: from all fwmark 0x0/0x4 iif eth0 blackhole",
        ],
        Text(Example.Desired.Rules));

    [Fact]
    public void Dual_stack_has_everything_in_both_families()
    {
        Assert.Equal(
            ["198.18.0.2/16 on eth0", $"198.18.0.1/32 on {NodeLink}", "fd96:e9e5:a::2/112 on eth0", $"fd96:e9e5:a::1/128 on {NodeLink}"],
            Text(Example.DualDesired.InsideAddresses));
        Assert.Equal(["192.168.12.99/24 on net1", "2001:db8:12::99/64 on net1"], Text(Example.DualDesired.ReservedAddresses));
        Assert.Equal(21, Example.DualDesired.Rules.Count);
        Assert.Equal(
            [
                "Router 198.18.0.0/16 dev eth0 src 198.18.0.2",
                "Router default via 198.18.0.1 dev eth0 table 100",
                $"Node 198.18.0.2 dev {NodeLink} src 198.18.0.1",
                "Router fd96:e9e5:a::/112 dev eth0",
                "Router default via fd96:e9e5:a::1 dev eth0 table 100",
                $"Node fd96:e9e5:a::2 dev {NodeLink} src fd96:e9e5:a::1",
                "Router 192.168.12.0/24 dev net1 src 192.168.12.99",
                "Router 192.168.12.1 dev net1",
                "Router default via 192.168.12.1 dev net1",
                "Router 2001:db8:12::/64 dev net1",
                "Router 2001:db8:12::1 dev net1",
                "Router default via 2001:db8:12::1 dev net1",
            ],
            Routes(Example.Plan(Example.DualSpec, Example.DualNode)));
    }

    [Fact]
    public void Gateway_is_inferred_from_the_masters_default_route() => Assert.Contains(
        "Router default via 192.168.12.1 dev net1",
        Routes(Example.Plan(Example.Spec with { Addresses = [Example.Reserved("192.168.12.99/24")] })));

    [Fact]
    public void Gateway_outside_of_the_addresss_subnet_is_not_inferred()
    {
        NodeLink ens3 = Example.Link(2, "ens3", "192.168.12.10/24", "10.9.0.10/24");
        ObservedNode node = Example.Of([ens3], [Example.Route("0.0.0.0/0", "10.9.0.1", ens3)]);

        RouterPlan plan = Example.Plan(Example.Spec with { Addresses = [Example.Reserved("192.168.12.99/24")] }, node);

        PlanProblem problem = Assert.Single(plan.Shortcomings);
        Assert.Equal(PlanReasons.GatewayUnknown, problem.Reason);
        Assert.Contains("192.168.12.99", problem.Message);
        Assert.DoesNotContain(plan.Desired!.Routes, route => route.ToString().StartsWith("default via 1", StringComparison.Ordinal)
            && route.Link == RouterNames.OutsideLink);
    }

    [Fact]
    public void Gateway_of_another_interfaces_default_route_is_not_inferred()
    {
        NodeLink wan = Example.Link(3, "wan", "10.1.0.10/24");
        ObservedNode node = Example.Of([Example.Ens3, wan], [Example.Route("0.0.0.0/0", "10.1.0.1", wan)]);

        RouterPlan plan = Example.Plan(Example.Spec with { Addresses = [Example.Reserved("192.168.12.99/24")] }, node);

        Assert.Equal(PlanReasons.GatewayUnknown, Assert.Single(plan.Shortcomings).Reason);
    }

    [Fact]
    public void Gateway_of_a_single_host_address_is_on_link_and_of_link_scope()
    {
        RouterPlan plan = Example.Plan(Example.Spec with { Master = "ens3", Addresses = [Example.Reserved("203.0.113.5/32", "192.168.12.1")] });

        Assert.Equal(["Router 192.168.12.1 dev net1", "Router default via 192.168.12.1 dev net1"], OutsideRoutes(plan));
        Assert.True(plan.Desired!.Routes.Single(route => route.ToString() == "192.168.12.1 dev net1").IsLinkScope);
    }

    [Fact]
    public void Gateway_inside_the_addresss_subnet_has_universe_scope_so_that_it_prints_as_documented() =>
        Assert.False(Example.Desired.Routes.Single(route => route.ToString() == "192.168.12.1 dev net1").IsLinkScope);

    [Fact]
    public void Gateway_that_is_link_local_needs_no_route_of_its_own()
    {
        EgressRouterSpec spec = Example.DualSpec with { Addresses = [Example.Reserved("2001:db8:12::99/64", "fe80::1")], Rules = [] };

        Assert.Equal(["Router 2001:db8:12::/64 dev net1", "Router default via fe80::1 dev net1"], OutsideRoutes(Example.Plan(spec, Example.DualNode)));
    }

    [Fact]
    public void Several_addresses_of_a_subnet_have_one_prefix_route_and_the_first_is_the_source()
    {
        RouterPlan plan = Example.Plan(Example.Spec with
        {
            Addresses = [Example.Reserved("192.168.12.99/24"), Example.Reserved("192.168.12.98/24"), Example.Reserved("10.7.0.5/24", "10.7.0.1")],
        });

        Assert.Equal(
            [
                "Router 192.168.12.0/24 dev net1 src 192.168.12.99",
                "Router 192.168.12.1 dev net1",
                "Router default via 192.168.12.1 dev net1",
                "Router 10.7.0.0/24 dev net1 src 10.7.0.5",
                "Router 10.7.0.1 dev net1",
            ],
            OutsideRoutes(plan));
        Assert.Equal(Example.Ip("192.168.12.99"), Assert.Single(plan.Desired!.Redirect.Families).Source);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Destination_that_is_the_node_itself_is_reached_through_the_veth(bool asFallback)
    {
        EgressRouterSpec spec = asFallback
            ? Example.Spec with { FallbackIP = Example.Ip("192.168.12.10") }
            : Example.Spec with { Rules = [Example.Rule(22, "192.168.12.10"), Example.Rule(80, "192.168.12.10")] };

        string[] routes = Routes(Example.Plan(spec));

        Assert.Equal(
            ["Router 192.168.12.10 via 198.18.0.1 dev eth0", $"Node 192.168.12.99 via 198.18.0.2 dev {NodeLink}"],
            routes.Where(route => route.Contains("192.168.12.10 ") || route.StartsWith("Node 192", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("198.18.0.0/16")]
    [InlineData("198.18.7.0/24")]
    [InlineData("198.18.0.1/32")]
    public void Inside_network_that_a_route_of_the_node_is_in_is_refused(string destination)
    {
        ObservedNode node = Example.Node with { Routes = [Example.Route(destination, null, Example.Ens3, table: 52)] };

        PlanProblem problem = Example.Plan(Example.Spec, node).WaitingFor!;

        Assert.Equal(PlanReasons.InsideNetworkConflict, problem.Reason);
        Assert.Contains("198.18.0.0/16", problem.Message);
        Assert.Contains("ens3", problem.Message);
        Assert.Contains("52", problem.Message);
    }

    [Theory]
    [InlineData("0.0.0.0/0")]
    [InlineData("0.0.0.0/1")]
    [InlineData("128.0.0.0/1")]
    [InlineData("196.0.0.0/6")]
    [InlineData("198.0.0.0/8")]
    [InlineData("198.18.0.0/15")]
    [InlineData("198.19.0.0/16")]
    [InlineData("2000::/3")]
    public void Inside_network_may_lie_in_a_less_specific_route(string destination)
    {
        ObservedNode node = Example.Node with { Routes = [.. Example.Node.Routes, Example.Route(destination, "192.168.12.2", Example.Ens3, metric: 5)] };

        Assert.Null(Example.Plan(Example.Spec, node).WaitingFor);
    }

    [Fact]
    public void Reserved_address_that_the_node_has_is_waited_for()
    {
        PlanProblem problem = Example.Plan(Example.Spec with { Addresses = [Example.Reserved("192.168.12.10/24")] }).WaitingFor!;

        Assert.Equal(PlanReasons.AddressInUseOnNode, problem.Reason);
        Assert.Contains("192.168.12.10", problem.Message);
    }

    [Fact]
    public void Family_without_an_inside_network_is_left_out_and_named()
    {
        RouterPlan plan = RouterPlanner.Plan(Example.Key, Example.DualSpec, Example.Allocation, Example.DualNode, AgentConfiguration.Default);

        PlanProblem problem = Assert.Single(plan.Shortcomings);
        Assert.Equal(PlanReasons.InsideNetworkMissing, problem.Reason);
        Assert.Contains("2001:db8:12::99/64", problem.Message);
        Assert.True(plan.IsPartial);
        Assert.Equal(["192.168.12.99/24 on net1"], Text(plan.Desired!.ReservedAddresses));
    }

    [Fact]
    public void Plan_is_equal_by_value_when_nothing_changed() =>
        Assert.Equal(Example.Plan(Example.DualSpec, Example.DualNode).Desired, Example.DualDesired);

    private static string NodeLink => RouterNames.NodeLink(Example.Key);

    private static string[] Routes(RouterPlan plan) => [.. plan.Desired!.Routes.Select(route => $"{route.Side} {route}")];

    private static string[] OutsideRoutes(RouterPlan plan) =>
        [.. plan.Desired!.Routes.Where(route => route.Link == RouterNames.OutsideLink).Select(route => $"{route.Side} {route}")];

    private static IEnumerable<string> Text<T>(IEnumerable<T> entries) => entries.Select(entry => entry!.ToString()!);

    [Theory]
    [InlineData(FlowOffloadMode.Auto, null, true)]
    [InlineData(FlowOffloadMode.Off, null, false)]
    [InlineData(FlowOffloadMode.Auto, "this kernel has no flowtables", false)]
    public void Flows_are_offloaded_where_that_is_asked_for_and_the_kernel_can(FlowOffloadMode mode, string? kernel, bool isOffloaded)
    {
        DesiredRouter own = Desired(Example.Spec with { FlowOffload = mode }, AgentConfiguration.Default);
        DesiredRouter general = Desired(Example.Spec, AgentConfiguration.Default with { FlowOffload = mode });

        Assert.Equal(isOffloaded, own.Redirect.OffloadsFlows);
        Assert.Equal(kernel, own.WhyNoFlowOffload);
        Assert.Equal(own, general);

        DesiredRouter Desired(EgressRouterSpec spec, AgentConfiguration configuration) =>
            RouterPlanner.Plan(Example.Key, spec, Example.Allocation, Example.Node, configuration, whyNoFlowOffload: kernel).Desired!;
    }

    [Fact]
    public void Flows_are_not_offloaded_by_the_relay_nor_of_a_router_that_fails_over()
    {
        EgressRouterSpec spec = Example.Spec with { FlowOffload = FlowOffloadMode.Auto };

        DesiredRouter relay = Example.Plan(spec with { Datapath = DatapathKind.Relay }).Desired!;
        DesiredRouter manual = Example.Plan(spec with { Failover = FailoverMode.Manual }).Desired!;

        Assert.False(relay.Redirect.OffloadsFlows);
        Assert.Equal("the relay forwards no packets", relay.WhyNoFlowOffload);
        Assert.False(manual.Redirect.OffloadsFlows);
        Assert.Equal("the router fails over, and what is offloaded would not stop at once when it is silenced", manual.WhyNoFlowOffload);
        Assert.False(FlowOffload.IsForTheKernel(spec with { Failover = FailoverMode.Manual }, AgentConfiguration.Default));
    }
}
