using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Tests.Planning;

namespace EgressAgent.Model.Tests.Redirecting;

public sealed class RedirectCompilerTests
{
    private static readonly ValueList<InterfaceAddress> Inside =
        [new(Example.Ip("198.18.0.2"), 16), new(Example.Ip("fd96:e9e5:a::2"), 112)];

    [Fact]
    public void Families_are_those_that_have_a_reserved_address()
    {
        FamilyRedirect family = Assert.Single(Compile(Example.Spec).Families);

        Assert.Equal(new FamilyRedirect(Example.Ip("198.18.0.2"), Example.Ip("192.168.12.99"), [Example.Ip("192.168.12.99")], null), family);
    }

    [Fact]
    public void Source_is_the_first_reserved_address_of_its_family()
    {
        RedirectPlan plan = Compile(Example.Spec with
        {
            Addresses = [Example.Reserved("2001:db8::2/64"), Example.Reserved("192.168.12.99/24"), Example.Reserved("192.168.12.98/24")],
        });

        Assert.Equal(["192.168.12.99", "2001:db8::2"], plan.Families.Select(family => family.Source.ToString()));
        Assert.Equal(["192.168.12.99", "192.168.12.98"], plan.Families[0].Reserved.Select(address => address.ToString()));
    }

    [Fact]
    public void Fallback_belongs_to_its_own_family_alone()
    {
        RedirectPlan plan = Compile(Example.DualSpec with { FallbackIP = Example.Ip("2001:db8:ff::1") });

        Assert.Equal([null, Example.Ip("2001:db8:ff::1")], plan.Families.Select(family => family.Fallback));
    }

    [Fact]
    public void Rules_in_another_order_make_the_same_plan()
    {
        ValueList<RedirectRuleSpec> rules =
        [
            Example.Rule(80, "2001:db8::9"),
            Example.Rule(443, "203.0.113.26"),
            Example.Rule(80, "203.0.113.26", protocol: TransportProtocol.UDP),
            Example.Rule(81, "203.0.113.26"),
        ];

        RedirectPlan plan = Compile(Example.DualSpec with { Rules = rules });

        Assert.Equal(plan, Compile(Example.DualSpec with { Rules = [.. rules.Reverse()] }));
        Assert.Equal([81, 443, 80, 80], plan.Rules.Select(rule => (int)rule.Port));
    }

    [Theory]
    [InlineData(null, DatapathKind.Relay, DatapathKind.Relay)]
    [InlineData(DatapathKind.Kernel, DatapathKind.Relay, DatapathKind.Kernel)]
    public void Datapath_is_the_routers_own_or_the_configured_one(DatapathKind? own, DatapathKind configured, DatapathKind expected) =>
        Assert.Equal(expected, RedirectCompiler.Compile(Example.Key, Example.Spec with { Datapath = own }, Inside, new AgentConfiguration { Datapath = configured }).Datapath);

    [Theory]
    [InlineData(null, null, null)]
    [InlineData(null, "10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("fd00::/8", "10.0.0.0/8", "fd00::/8")]
    [InlineData("node, 10.0.0.0/8", null, "10.0.0.0/8, 198.18.0.1/32, fd96:e9e5:a::1/128")]
    [InlineData(null, "node", "198.18.0.1/32, fd96:e9e5:a::1/128")]
    public void Clients_are_the_routers_own_or_the_configured_ones(string? own, string? configured, string? expected)
    {
        RedirectPlan plan = RedirectCompiler.Compile(
            Example.Key, Example.Spec with { Clients = Clients(own) }, Inside, new AgentConfiguration { Clients = Clients(configured) });

        Assert.Equal(expected, plan.Clients is null ? null : string.Join(", ", plan.Clients));
    }

    private static ClientsSpec? Clients(string? text) => text is null
        ? null
        : new ClientsSpec(
            text.Contains("node", StringComparison.Ordinal),
            text.Split(", ").Where(word => word != "node").Select(IPNetwork.Parse).ToValueList());

    private static RedirectPlan Compile(EgressRouterSpec spec) => RedirectCompiler.Compile(Example.Key, spec, Inside, AgentConfiguration.Default);
}
