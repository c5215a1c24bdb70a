using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model.Redirecting;

namespace EgressAgent.Engine.Tests.Redirect;

public sealed class RulesetScriptTests
{
    private static readonly Ruleset Before = Ruleset.Compile(Plans.Example);

    [Theory]
    [MemberData(nameof(Plans.Names), MemberType = typeof(Plans))]
    public void Create_writes_the_whole_table(string name) =>
        GoldenText.AssertEqual($"{name}.nft", RulesetScript.Create(Ruleset.Compile(Plans.All[name]), replace: false));

    [Fact]
    public void Create_writes_a_flowtable_where_flows_are_offloaded() =>
        GoldenText.AssertEqual("offload.nft", RulesetScript.Create(Ruleset.Compile(Plans.Offload), replace: false));

    [Fact]
    public void Create_in_place_of_another_table_removes_that_one_in_the_same_transaction() => Assert.StartsWith(
        "delete table inet egress_agent\nadd table inet egress_agent", RulesetScript.Create(Before, replace: true));

    [Fact]
    public void Update_to_the_same_plan_is_empty() => Assert.Empty(Update(Plans.Example));

    [Fact]
    public void Update_of_one_rule_is_a_command_on_its_element_and_no_other()
    {
        RedirectPlan plan = Plans.Example with { Rules = [.. Plans.Example.Rules.Skip(1), Example.Rule(8080, "203.0.113.99", 81)] };

        Assert.Equal(
            """
            delete element inet egress_agent redirects_ip { tcp . 8080 : 203.0.113.26 . 80 }
            add element inet egress_agent redirects_ip { tcp . 8080 comment "default/web 8080/TCP" : 203.0.113.99 . 81 }

            """,
            Update(plan));
    }

    [Fact]
    public void Update_moves_a_rule_to_the_map_of_its_new_family()
    {
        Ruleset dual = Ruleset.Compile(Plans.All["dual-stack"]);
        RedirectPlan plan = Plans.All["dual-stack"] with
        {
            Rules = [.. Plans.All["dual-stack"].Rules.Where(rule => rule.Port != 8080), Example.Rule(8080, "2001:db8:ff::26", 80)],
        };

        string script = RulesetScript.Update(Ruleset.Compile(plan), dual, dual.Redirects);

        Assert.Contains("delete element inet egress_agent redirects_ip { tcp . 8080 : 203.0.113.26 . 80 }", script);
        Assert.Contains("add element inet egress_agent redirects_ip6 { tcp . 8080 comment \"default/web 8080/TCP\" : 2001:db8:ff::26 . 80 }", script);
    }

    [Fact]
    public void Update_of_the_fallback_rewrites_the_chains_that_depend_on_it()
    {
        string[] flushed = Flushed(Update(Plans.All["fallback"]));

        Assert.Equal(
            ["flush chain inet egress_agent from_clients", "flush chain inet egress_agent from_lan", "flush chain inet egress_agent to_destination"], flushed);
    }

    [Fact]
    public void Update_of_a_table_that_somebody_touched_rewrites_every_chain() =>
        Assert.Equal(Before.Chains.Count, Flushed(RulesetScript.Update(Before, before: null, Before.Redirects)).Length);

    [Fact]
    public void Update_refills_the_clients() => GoldenText.AssertEqual("example-to-clients.nft", Update(Plans.All["clients"]));

    [Fact]
    public void Elements_come_in_commands_of_bounded_length()
    {
        string script = RulesetScript.Create(Ruleset.Compile(Plans.WithRules(10_000)), replace: false);

        string[] commands = [.. script.Split('\n').Where(line => line.StartsWith("add element", StringComparison.Ordinal))];
        Assert.Equal(20, commands.Length);
        Assert.Equal(10_000, commands.Sum(command => command.Split(" : ").Length - 1));
    }

    [Fact]
    public void Comments_hold_what_the_kernel_takes() => Assert.All(
        RulesetScript.Create(Ruleset.Compile(Plans.All["long-name"]), replace: false).Split("comment \"").Skip(1).Select(rest => rest[..rest.IndexOf('"')]),
        comment => Assert.InRange(comment.Length, 1, 127));

    // It takes twice as long to compare.
    [Fact]
    public void No_rule_names_a_link_of_the_router_but_for_the_source_of_what_comes_to_an_external_address() => Assert.All(
        Plans.All.Values.SelectMany(plan => Ruleset.Compile(plan).Chains).SelectMany(chain => chain.Rules),
        rule => Assert.DoesNotMatch("(?<!fib saddr o)ifname (?!(!= )?\"lo\")", rule));

    [Fact]
    public void No_rule_names_a_link_by_its_index() => Assert.All(
        Plans.All.Values.SelectMany(plan => Ruleset.Compile(plan).Chains).SelectMany(chain => chain.Rules),
        rule => Assert.DoesNotMatch(@"\b(iif|oif)\b", rule));

    private static string Update(RedirectPlan plan) => RulesetScript.Update(Ruleset.Compile(plan), Before, Before.Redirects);

    private static string[] Flushed(string script) =>
        [.. script.Split('\n').Where(line => line.StartsWith("flush chain", StringComparison.Ordinal))];
}
