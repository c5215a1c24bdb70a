using CsCheck;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Tests.Planning;

/// <summary>Routers of every kind, for the node of <see cref="FakeNode"/>.</summary>
internal static class Generate
{
    // Two subnets, single hosts, gateways in and out of the subnet, both families, with orders and prefixes that clash.
    private static readonly Gen<AddressSpec> Address = OneOf(
        Example.Reserved("192.168.12.99/24", "192.168.12.1"),
        Example.Reserved("192.168.12.99/25"),
        Example.Reserved("192.168.12.98/24"),
        Example.Reserved("192.168.12.97/24", "192.168.12.2"),
        Example.Reserved("203.0.113.5/32", "192.168.12.1"),
        Example.Reserved("10.7.0.5/24", "10.7.0.1"),
        Example.Reserved("2001:db8:12::99/64"),
        Example.Reserved("2001:db8:12::99/128", "2001:db8:12::1"),
        Example.Reserved("2001:db8:12::98/64", "fe80::1"));

    private static readonly Gen<RedirectRuleSpec> Rule = OneOf(
        Example.Rule(8080, "203.0.113.26", 80),
        Example.Rule(8081, "203.0.113.27"),
        Example.Rule(22, "192.168.12.10"));

    /// <summary>A valid spec: no address twice, a fallback of a family that has one.</summary>
    public static readonly Gen<EgressRouterSpec> Spec = Gen.Select(
        OneOf(Enum.GetValues<MacvlanMode>()),
        OneOf("ens3", "ens4"),
        Address.Array[1, 4],
        Rule.Array[0, 2],
        Gen.Bool,
        OneOf(Enum.GetValues<DatapathKind>()),
        (mode, master, addresses, rules, hasFallback, datapath) =>
        {
            AddressSpec[] distinct = [.. addresses.DistinctBy(address => address.Address.Address)];
            bool hasIPv4 = distinct.Any(address => address.Address.Family == System.Net.Sockets.AddressFamily.InterNetwork);
            return new EgressRouterSpec
            {
                MacvlanMode = mode,
                PassthruTakesTheNode = true,
                Datapath = datapath,
                Master = master,
                Addresses = [.. distinct],
                Rules = hasIPv4 ? [.. rules.Distinct()] : [],
                FallbackIP = hasFallback && hasIPv4 ? Example.Ip("203.0.113.77") : null,
            };
        });

    /// <summary>What a spec makes of the node.</summary>
    public static DesiredRouter Desired(EgressRouterSpec spec, ObservedNode node)
    {
        RouterPlan plan = RouterPlanner.Plan(Example.Key, spec, AllocationFor(spec), node, AgentConfiguration.Default);
        Assert.Null(plan.WaitingFor);
        return plan.Desired!;
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    private static RouterAllocation AllocationFor(EgressRouterSpec spec) => Example.DualAllocation with
    {
        InsideAddresses = [.. Example.DualAllocation.InsideAddresses.Where(inside =>
            spec.Addresses.Any(address => address.Address.Family == inside.Family))],
    };
}
