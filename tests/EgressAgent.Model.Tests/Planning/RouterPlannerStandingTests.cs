using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Tests.Planning;

// What a router stands on stays, where the file does not say otherwise.
public sealed class RouterPlannerStandingTests
{
    private static readonly NodeLink Ens4 = Example.Link(4, "ens4", "10.1.0.10/24");
    private static readonly NodeLink Bridge = Example.Link(5, "br0", "192.168.12.10/24") with { Kind = "bridge" };
    private static readonly NodeLink Bare = Example.Ens3 with { Addresses = [] };
    private static readonly NodeRoute OverEns4 = Example.Route("0.0.0.0/0", "10.1.0.1", Ens4);
    private static readonly EgressRouterSpec Inferred = Example.Spec with { Addresses = [Example.Reserved("192.168.12.99/24")] };

    private static readonly RouterStanding OnEns3 = new() { Footing = Footing("ens3", MasterChoice.BySubnet), MasterIndex = Example.Ens3.Index };

    [Fact]
    public void Plan_says_where_the_router_stands()
    {
        RouterFooting footing = Plan(Inferred, RouterStanding.None, [Example.Ens3, Ens4], Example.Route("0.0.0.0/0", "192.168.12.1", Example.Ens3)).Footing!;

        Assert.Equal(Footing("ens3", MasterChoice.BySubnet), footing);
    }

    [Theory]
    [InlineData("veth", false)]
    [InlineData("bridge", true)]
    [InlineData("bond", true)]
    public void Master_whose_address_went_to_another_link_is_left_for_a_bridge_or_bond_alone(string kind, bool isLeft)
    {
        RouterPlan plan = Plan(Inferred, OnEns3, [Bare, Bridge with { Kind = kind }]);

        Assert.Equal(isLeft ? "br0" : "ens3", plan.Desired!.Macvlan.Master);
        Assert.Equal(!isLeft, Reasons(plan).Contains(PlanReasons.MasterKept));
    }

    [Fact]
    public void Master_stays_while_it_has_an_address_of_the_subnet_and_a_bridge_has_another() =>
        Assert.Equal("ens3", Plan(Inferred, OnEns3, [Example.Ens3, Bridge]).Desired!.Macvlan.Master);

    [Fact]
    public void Port_of_a_bridge_is_left_for_the_bridge() =>
        Assert.Equal("br0", Plan(Inferred, OnEns3 with { MasterIndex = null }, [Bare with { PortOf = Bridge.Index }, Bridge]).Desired!.Macvlan.Master);

    [Fact]
    public void Links_that_swapped_their_names_are_told_by_what_carries_the_macvlan()
    {
        RouterPlan plan = Plan(Inferred, OnEns3, [Bare with { Name = "ens4" }, Ens4 with { Name = "ens3" }], OverEns4);

        Assert.Equal((Example.Ens3.Index, "ens4"), (plan.Desired!.Macvlan.MasterIndex, plan.Desired.Macvlan.Master));
        Assert.Equal("ens4", plan.Footing!.Master);
    }

    [Fact]
    public void Master_is_chosen_anew_for_an_address_of_another_network() => Assert.Equal(
        "ens4", Plan(Example.Spec with { Addresses = [Example.Reserved("10.1.0.99/24")] }, OnEns3, [Example.Ens3, Ens4]).Desired!.Macvlan.Master);

    [Fact]
    public void Master_that_is_known_to_nobody_is_the_one_below_the_macvlan_if_the_address_is_on_that()
    {
        var unknown = new RouterStanding { MasterIndex = Example.Ens3.Index, Addresses = [Example.Cidr("192.168.12.99/24")], Gateways = [Example.Ip("192.168.12.1")] };

        RouterPlan plan = Plan(Inferred, unknown, [Bare, Ens4], OverEns4);

        Assert.Equal("ens3", plan.Desired!.Macvlan.Master);
        Assert.Contains(plan.Desired.Routes, route => route.ToString() == "default via 192.168.12.1 dev net1");
        Assert.Equal("ens4", Plan(Inferred, unknown with { Addresses = [] }, [Bare, Ens4], OverEns4).Desired!.Macvlan.Master);
    }

    [Fact]
    public void Gateway_of_a_named_master_stays_too()
    {
        RouterStanding named = OnEns3 with { Footing = OnEns3.Footing! with { Choice = MasterChoice.Named } };

        RouterPlan plan = Plan(Inferred with { Master = "ens3" }, named, [Example.Ens3], Example.Route("0.0.0.0/0", "192.168.12.2", Example.Ens3));

        Assert.Contains(plan.Desired!.Routes, route => route.ToString() == "default via 192.168.12.1 dev net1");
        Assert.Equal([PlanReasons.GatewayKept], Reasons(plan));
    }

    [Fact]
    public void Conflict_stops_a_new_family_and_not_one_that_serves()
    {
        ObservedNode node = Example.DualNode with
        {
            Routes = [.. Example.DualNode.Routes, Example.Route("198.18.0.0/16", null, Ens4), Example.Route("fd96:e9e5:a::7/128", null, Ens4)],
        };

        RouterPlan plan = RouterPlanner.Plan(
            Example.Key, Example.DualSpec, Example.DualAllocation, node, AgentConfiguration.Default, new RouterStanding { Families = [AddressFamily.InterNetwork] });

        Assert.Equal([AddressFamily.InterNetwork], plan.Desired!.Redirect.Families.Select(family => family.Family));
        Assert.Equal([PlanReasons.InsideNetworkConflict, PlanReasons.InsideNetworkConflict], Reasons(plan));
    }

    private static RouterFooting Footing(string master, MasterChoice choice) => new(
        master, choice, IPNetwork.Parse("192.168.12.0/24"), [new FootingGateway(IPNetwork.Parse("192.168.12.0/24"), Example.Ip("192.168.12.1"), IsInferred: true)]);

    private static RouterPlan Plan(EgressRouterSpec spec, RouterStanding standing, ValueList<NodeLink> links, params NodeRoute[] routes)
    {
        RouterPlan plan = RouterPlanner.Plan(Example.Key, spec, Example.Allocation, Example.Of(links, [.. routes]), AgentConfiguration.Default, standing);
        Assert.Null(plan.WaitingFor);
        return plan;
    }

    private static IEnumerable<string> Reasons(RouterPlan plan) => plan.Shortcomings.Select(problem => problem.Reason);
}
