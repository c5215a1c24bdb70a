using System.Net.NetworkInformation;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Tests.Planning;

// Which interface of the node the macvlan stands on.
public sealed class RouterPlannerMasterTests
{
    private static readonly NodeLink Ens4 = Example.Link(3, "ens4", "10.1.0.10/24");
    private static readonly NodeLink Bond = Example.Link(4, "bond0", "192.168.12.11/24");
    private static readonly EgressRouterSpec Elsewhere = Example.Spec with { Addresses = [Example.Reserved("203.0.113.5/32", "203.0.113.1")] };

    [Fact]
    public void Named_master_is_taken_whatever_its_subnet()
    {
        DesiredMacvlan macvlan = Planned(Example.Spec with { Master = "ens4" }, [Example.Ens3, Ens4]);

        Assert.Equal((3, "ens4"), (macvlan.MasterIndex, macvlan.Master));
    }

    [Fact]
    public void Named_master_may_be_an_alternative_name()
    {
        NodeLink link = Ens4 with { AltNames = ["enp0s4"] };

        Assert.Equal(3, Planned(Example.Spec with { Master = "enp0s4" }, [Example.Ens3, link]).MasterIndex);
    }

    [Fact]
    public void Named_master_that_is_missing_is_waited_for()
    {
        RouterPlan plan = Example.Plan(Example.Spec with { Master = "ens9" });

        Assert.Null(plan.Desired);
        Assert.Equal(PlanReasons.MasterMissing, plan.WaitingFor!.Reason);
        Assert.Contains("ens9", plan.WaitingFor.Message);
    }

    [Theory]
    [InlineData(false, false, "ens3 is down")]
    [InlineData(true, false, "ens3 has no carrier")]
    public void Master_without_a_link_is_built_on_and_named(bool isUp, bool hasCarrier, string what)
    {
        NodeLink silent = Example.Ens3 with { IsUp = isUp, HasCarrier = hasCarrier };

        RouterPlan plan = Example.Plan(Example.Spec, Example.Of([silent], [Example.Route("0.0.0.0/0", "192.168.12.1", silent)]));

        Assert.NotNull(plan.Desired);
        PlanProblem problem = Assert.Single(plan.Shortcomings);
        Assert.Equal(PlanReasons.MasterDown, problem.Reason);
        Assert.Contains(what, problem.Message);
    }

    [Fact]
    public void Inferred_master_is_the_one_whose_subnet_holds_the_address() =>
        Assert.Equal("ens3", Planned(Example.Spec, [Ens4, Example.Ens3], Example.Route("0.0.0.0/0", "10.1.0.1", Ens4)).Master);

    [Fact]
    public void Inferred_master_is_that_of_the_default_route_when_no_subnet_holds_the_address() =>
        Assert.Equal("ens3", Planned(Elsewhere, [Ens4, Example.Ens3], Example.Route("0.0.0.0/0", "192.168.12.1", Example.Ens3)).Master);

    [Fact]
    public void Inferred_master_is_that_of_the_default_route_when_several_subnets_hold_the_address() =>
        Assert.Equal("bond0", Planned(Example.Spec, [Example.Ens3, Bond], Example.Route("0.0.0.0/0", "192.168.12.1", Bond)).Master);

    [Fact]
    public void Inferred_master_is_that_of_the_preferred_default_route() => Assert.Equal("ens3", Planned(
        Elsewhere,
        [Ens4, Example.Ens3],
        Example.Route("0.0.0.0/0", "10.1.0.1", Ens4, metric: 200),
        Example.Route("0.0.0.0/0", "192.168.12.1", Example.Ens3, metric: 100)).Master);

    [Fact]
    public void Inferred_master_ignores_default_routes_of_other_tables() => Assert.Equal("ens3", Planned(
        Elsewhere,
        [Ens4, Example.Ens3],
        Example.Route("0.0.0.0/0", "10.1.0.1", Ens4, table: 100),
        Example.Route("0.0.0.0/0", "192.168.12.1", Example.Ens3, metric: 100)).Master);

    [Fact]
    public void Inferred_master_is_that_of_the_other_familys_default_route_as_a_last_resort()
    {
        EgressRouterSpec spec = Example.Spec with { Addresses = [Example.Reserved("2001:db8:99::5/128")], Rules = [] };

        Assert.Equal("ens3", Example.Plan(spec).Desired!.Macvlan.Master);
    }

    [Fact]
    public void Inferred_master_does_not_count_a_single_host_address_as_a_subnet()
    {
        NodeLink tunnel = Example.Link(7, "tun0", "203.0.113.5/32");
        EgressRouterSpec spec = Elsewhere with { Addresses = [Example.Reserved("203.0.113.6/24")] };

        Assert.Equal("ens3", Planned(spec, [tunnel, Example.Ens3], Example.Route("0.0.0.0/0", "192.168.12.1", Example.Ens3)).Master);
    }

    [Theory]
    [InlineData("no interface of the node has a subnet", "10.1.0.10/24")]
    [InlineData("several interfaces have a subnet", "192.168.12.11/24", "192.168.12.12/24")]
    public void Without_a_holder_or_a_default_route_the_master_is_waited_for(string why, params string[] addresses)
    {
        ValueList<NodeLink> links = [.. addresses.Select((address, index) => Example.Link(index + 2, $"eth{index}", address))];

        RouterPlan plan = Example.Plan(Example.Spec, Example.Of(links, []));

        Assert.Equal(PlanReasons.MasterMissing, plan.WaitingFor!.Reason);
        Assert.Contains(why, plan.WaitingFor.Message);
    }

    [Fact]
    public void Macvlan_has_the_masters_MTU_and_so_has_the_veth()
    {
        DesiredRouter desired = Example.Plan(Example.Spec, Example.Node with { Links = [Example.Ens3 with { Mtu = 9000 }] }).Desired!;

        Assert.Equal((9000, 9000), (desired.Macvlan.Mtu, desired.Veth.Mtu));
    }

    [Fact]
    public void Passthru_macvlan_keeps_the_masters_MAC() =>
        Assert.Null(Planned(Example.Spec with { MacvlanMode = MacvlanMode.Passthru, PassthruTakesTheNode = true }, [Example.Ens3]).Mac);

    [Fact]
    public void Mac_of_the_spec_goes_before_the_allocated_one()
    {
        var mac = PhysicalAddress.Parse("02-11-22-33-44-55");

        Assert.Equal(mac, Planned(Example.Spec with { MacAddress = mac }, [Example.Ens3]).Mac);
        Assert.Equal(Example.Allocation.Mac, Planned(Example.Spec, [Example.Ens3]).Mac);
    }

    [Fact]
    public void Mac_of_a_router_of_a_cluster_is_the_same_on_all_nodes_and_another_one_in_another_cluster()
    {
        PhysicalAddress edge = MacOf("edge", Example.Allocation);

        Assert.Equal(edge, MacOf("edge", Example.Allocation with { Mac = PhysicalAddress.Parse("02-00-00-00-00-98") }));
        Assert.NotEqual(edge, MacOf("core", Example.Allocation));
        Assert.Equal(Example.Allocation.Mac, MacOf("edge", Example.Allocation, FailoverMode.Manual));
        Assert.Equal(Example.Allocation.Mac, MacOf(null, Example.Allocation));

        static PhysicalAddress MacOf(string? cluster, RouterAllocation allocation, FailoverMode failover = FailoverMode.Cluster)
        {
            EtcdSettings etcd = new(["https://192.0.2.1:2379"], null, null, null, null, null);
            AgentConfiguration configuration = AgentConfiguration.Default with
            {
                Cluster = cluster is null ? null : new ClusterSettings(cluster, null, etcd, Heartbeat: null, ClusterSettings.DefaultPriority),
            };
            DesiredMacvlan macvlan = RouterPlanner.Plan(Example.Key, Example.Spec with { Failover = failover }, allocation, Example.Node, configuration).Desired!.Macvlan;
            Assert.Equal(failover == FailoverMode.Cluster, macvlan.IsFenced);
            return macvlan.Mac!;
        }
    }

    private static DesiredMacvlan Planned(EgressRouterSpec spec, ValueList<NodeLink> links, params NodeRoute[] routes)
    {
        RouterPlan plan = Example.Plan(spec, Example.Of(links, [.. routes]));
        Assert.Null(plan.WaitingFor);
        return plan.Desired!.Macvlan;
    }
}
