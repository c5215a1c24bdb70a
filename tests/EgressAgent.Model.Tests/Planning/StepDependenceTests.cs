using EgressAgent.Model.Planning;

namespace EgressAgent.Model.Tests.Planning;

public sealed class StepDependenceTests
{
    private static readonly IReadOnlyList<RouterStep> FromNothing = RouterDiff.Build(Example.DualDesired, ObservedRouter.Nothing, PriorHolderCheck.Probe);

    [Fact]
    public void Lost_link_is_the_cause_and_what_was_on_it_is_not()
    {
        IReadOnlyList<RouterStep> steps =
        [
            .. FromNothing.Where(step => step is CreateMacvlan or ConfigureMacvlan or ClaimAddress or SetRoute { Entry.Link: "net1" } or Announce),
        ];

        Assert.Equal(["net1"], Things(StepDependence.Causes(steps)));
    }

    [Fact]
    public void Lost_address_explains_the_routes_in_its_network_and_no_others()
    {
        IReadOnlyList<RouterStep> steps = [.. FromNothing.Where(step => step is ClaimAddress { Entry.Address.Address.AddressFamily: System.Net.Sockets.AddressFamily.InterNetwork } or SetRoute)];

        Assert.Equal(
            [
                "address 192.168.12.99/24 on net1",
                $"route 198.18.0.2 dev {RouterNames.NodeLink(Example.Key)}",
                "route 2001:db8:12::1 dev net1",
                "route IPv6 default dev eth0 table 100",
                "route default dev eth0 table 100",
                $"route fd96:e9e5:a::2 dev {RouterNames.NodeLink(Example.Key)}",
            ],
            Things(StepDependence.Causes(steps)));
    }

    [Fact]
    public void While_the_packet_filter_is_put_off_nothing_is_done_on_the_network_and_all_else_is()
    {
        IReadOnlyList<RouterStep> steps = [.. FromNothing.Where(step => step is not CreateNetns)];

        (IReadOnlyList<RouterStep> due, IReadOnlyList<RouterStep> putOff) = StepDependence.Divide(steps, step => step is ApplyRedirect);

        Assert.Contains("eth0", Things(due));
        Assert.Contains("address 198.18.0.2/16 on eth0", Things(due));
        Assert.Contains("net/ipv4/ip_forward", Things(due));
        Assert.DoesNotContain(Things(due), thing => thing.Contains("net1", StringComparison.Ordinal) && !thing.Contains('/', StringComparison.Ordinal));
        Assert.Contains("address 192.168.12.99/24 on net1", Things(putOff));
        Assert.Contains("route default dev net1", Things(putOff));
    }

    [Fact]
    public void Route_waits_for_the_one_to_its_gateway()
    {
        IReadOnlyList<RouterStep> steps = [.. FromNothing.Where(step => step is SetRoute { Entry.Link: "net1" })];

        (_, IReadOnlyList<RouterStep> putOff) = StepDependence.Divide(steps, step => step.Thing == "route 192.168.12.1 dev net1");

        Assert.Equal(["route 192.168.12.1 dev net1", "route default dev net1"], Things(putOff));
    }

    private static IEnumerable<string> Things(IEnumerable<RouterStep> steps) => steps.Select(step => step.Thing).Distinct().Order(StringComparer.Ordinal);
}
