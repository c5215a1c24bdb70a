using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Tests.Planning;

public sealed class ExternalPlannerTests
{
    private static readonly IPAddress Address = IPAddress.Parse("192.168.12.97");

    [Fact]
    public void First_available_router_by_name_holds_an_address() => Assert.Equal(
        "b", HolderAmong(Router("c"), Router("b"), Router("a", isAvailable: false)));

    [Fact]
    public void Router_whose_gateway_does_not_answer_holds_an_address_only_while_there_is_no_other()
    {
        ServiceCandidate cutOff = Router("a") with { CutOff = [AddressFamily.InterNetwork] };

        Assert.Equal("b", HolderAmong(cutOff, Router("b")));
        Assert.Equal("a", HolderAmong(cutOff, Router("b", isAvailable: false)));
    }

    [Fact]
    public void While_none_is_available_an_address_stays_where_it_is()
    {
        ServiceCandidate[] routers = [Router("a", isAvailable: false), Router("b", isAvailable: false)];

        Assert.Empty(ExternalPlanner.Plan([Service("web")], routers, _ => null).Holders);
        Assert.Equal("b", ExternalPlanner.Plan([Service("web")], routers, _ => routers[1].Key).Holders[Address].Name);
    }

    [Fact]
    public void Router_that_has_reserved_the_address_holds_it() => Assert.Equal("b", HolderAmong(Router("a"), Router("b", reserved: $"{Address}")));

    [Fact]
    public void Router_on_the_network_of_an_address_holds_it_rather_than_one_of_an_earlier_name()
    {
        ServiceCandidate elsewhere = Router("a", reserved: "10.0.0.99") with { Networks = [IPNetwork.Parse("10.0.0.0/24")] };

        Assert.Equal("b", HolderAmong(elsewhere, Router("b")));
        Assert.Equal("b", HolderAmong(elsewhere, Router("b") with { CutOff = [AddressFamily.InterNetwork] }));
        Assert.Equal("a", HolderAmong(elsewhere, Router("b", isAvailable: false)));
    }

    [Fact]
    public void Address_that_another_router_has_reserved_is_held_by_nobody()
    {
        ServiceCandidate other = Router("other", reserved: $"{Address}") with { Labels = ImmutableDictionary<string, string>.Empty };

        ExternalPlan plan = ExternalPlanner.Plan([Service("web")], [Router("a"), other], _ => null);

        Assert.Empty(plan.Holders);
        Assert.Equal("192.168.12.97 is a reserved address of the router default/other, which the selector does not match", Assert.Single(plan.Problems).Value.Message);
    }

    [Fact]
    public void Services_that_share_an_address_have_it_at_a_router_of_both()
    {
        ServiceCandidate[] routers = [Router("a", label: "one"), Router("b", label: "one") with { Labels = Labels("one", "two") }];

        Assert.Equal("b", ExternalPlanner.Plan([Service("first", "one"), Service("second", "two")], routers, _ => null).Holders[Address].Name);
    }

    [Fact]
    public void Service_that_shares_an_address_and_no_router_is_told()
    {
        ExternalPlan plan = ExternalPlanner.Plan([Service("first", "one"), Service("second", "two")], [Router("a", label: "one"), Router("b", label: "two")], _ => null);

        Assert.Equal("a", plan.Holders[Address].Name);
        Assert.Equal((Service("second", "two").Id, Address), Assert.Single(plan.Problems).Key);
    }

    [Fact]
    public void Router_without_an_address_of_the_family_holds_none()
    {
        ServiceResource service = Service("web");
        service = service with { Spec = service.Spec with { ExternalAddresses = [IPAddress.Parse("2001:db8:12::97")] } };

        Assert.Equal(
            "2001:db8:12::97: no router behind the Service has a reserved IPv6 address", Assert.Single(ExternalPlanner.Plan([service], [Router("a")], _ => null).Problems).Value.Message);
    }

    [Theory]
    [InlineData("192.168.12.97", null)]
    [InlineData("192.168.12.99", null)]
    [InlineData("192.168.12.10", "the node itself has the external address 192.168.12.10; take it off the node's interface, or give the Service another one")]
    [InlineData("192.168.12.255", "the external address 192.168.12.255 is the broadcast address of 192.168.12.0/24; give the Service the address of one host")]
    [InlineData("10.9.9.9", "the external address 10.9.9.9 belongs to no network of ens3 (192.168.12.0/24), so it is not claimed there; give the Service an address of that network")]
    [InlineData("2001:db8:12::97", "the router serves no IPv6, so nothing can be reached by the external address 2001:db8:12::97")]
    public void Router_claims_an_address_of_its_network_alone(string address, string? problem)
    {
        var port = new ExternalPort(IPAddress.Parse(address), TransportProtocol.TCP, 80, 8080);

        RouterPlan plan = RouterPlanner.Plan(Example.Key, Example.Spec, Example.Allocation, Example.Node, AgentConfiguration.Default, external: [port]);

        Assert.Equal(problem is null ? [] : [problem], plan.Shortcomings.Select(shortcoming => shortcoming.Message));
        Assert.Equal(
            problem is null ? [new ExternalRedirect(port, new IPEndPoint(IPAddress.Parse("203.0.113.26"), 80))] : [], plan.Desired!.Redirect.ExternalPorts);
        Assert.Equal(address == "192.168.12.97" ? ["192.168.12.97/32 on net1"] : [], plan.Desired.ExternalAddresses.Select(entry => entry.ToString()));
    }

    [Fact]
    public void Address_that_moves_away_goes_before_another_one_is_claimed()
    {
        DesiredRouter before = Plan("192.168.12.97");
        DesiredRouter after = Plan("192.168.12.98");

        IReadOnlyList<RouterStep> steps = RouterDiff.Build(
            after, new ObservedRouter { HasNetns = true, Macvlan = Observed(before), Addresses = [.. before.InsideAddresses, .. before.ClaimedAddresses] }, PriorHolderCheck.Probe);

        string[] told = [.. steps.OfType<RemoveAddress>().Cast<RouterStep>().Concat(steps.OfType<ClaimAddress>()).Select(step => step.ToString())];
        Assert.Equal(["remove address 192.168.12.97/32 on net1", "probe for and claim address 192.168.12.98/32 on net1"], told);
        Assert.True(steps.ToList().FindIndex(step => step is RemoveAddress) < steps.ToList().FindIndex(step => step is ClaimAddress));
    }

    private static ObservedMacvlan Observed(DesiredRouter router) => new(
        router.Macvlan.MasterIndex, router.Macvlan.Mode, router.Macvlan.Mac!, router.Macvlan.Mtu, IsUp: true, HasCarrier: true);

    private static DesiredRouter Plan(string external) => RouterPlanner.Plan(
        Example.Key, Example.Spec, Example.Allocation, Example.Node, AgentConfiguration.Default,
        external: [new ExternalPort(IPAddress.Parse(external), TransportProtocol.TCP, 80, 8080)]).Desired!;

    private static string HolderAmong(params ServiceCandidate[] routers) => ExternalPlanner.Plan([Service("web")], routers, _ => null).Holders[Address].Name;

    private static ServiceResource Service(string name, string label = "app") => new(
        new ResourceKey(ResourceKind.Service, "default", name),
        default,
        new ServiceSpec
        {
            Selector = ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, [KeyValuePair.Create(label, "x")]),
            Ports = [new ServicePortSpec("", TransportProtocol.TCP, 80, 8080)],
            ExternalAddresses = [Address],
        });

    private static ServiceCandidate Router(string name, bool isAvailable = true, string reserved = "192.168.12.99", string label = "app") =>
        new(new RouterKey("default", name), Labels(label), [], isAvailable, 1500, [])
        {
            ReservedAddresses = [IPAddress.Parse(reserved)],
            Networks = [IPNetwork.Parse("192.168.12.0/24")],
        };

    private static ImmutableDictionary<string, string> Labels(params string[] labels) => labels.ToImmutableDictionary(label => label, _ => "x");
}
