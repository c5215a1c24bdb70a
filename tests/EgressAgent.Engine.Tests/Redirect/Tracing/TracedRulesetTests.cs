using EgressAgent.Testing.Tracing;

namespace EgressAgent.Engine.Tests.Redirect.Tracing;

public sealed class TracedRulesetTests
{
    [Theory]
    [InlineData("ip ttl 1 drop")]
    [InlineData("ct state { new, snatted } accept")]
    [InlineData("iifname \"eth7\" accept")]
    [InlineData("ip saddr 10.0.0.0/8 accept")]
    [InlineData("meta l4proto ospf accept")]
    [InlineData("tcp flags syn accept")]
    [InlineData("masquerade")]
    [InlineData("reject with icmpx host-unreachable")]
    [InlineData("dnat ip to numgen random mod 2 map @backends")]
    public void Rule_that_the_tracer_does_not_know_is_an_error(string rule)
    {
        string script = $"add chain inet egress_agent c {{ type filter hook input priority filter; policy drop; }}\nadd rule inet egress_agent c {rule}";

        Assert.Throws<NotSupportedException>(() => TracedRuleset.Parse(script));
    }

    [Theory]
    [InlineData("delete table inet egress_agent")]
    [InlineData("add table ip egress_agent")]
    [InlineData("add flowtable inet egress_agent f { hook ingress priority 0; }")]
    [InlineData("add chain inet egress_agent c { type route hook output priority mangle; policy accept; }")]
    [InlineData("add chain inet egress_agent c { type filter hook input priority security; policy drop; }")]
    public void Command_that_the_tracer_does_not_know_is_an_error(string command) =>
        Assert.Throws<NotSupportedException>(() => TracedRuleset.Parse(command));
}
