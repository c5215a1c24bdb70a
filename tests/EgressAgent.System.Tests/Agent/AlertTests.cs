using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Agent;

/// <summary>What is installed for a Prometheus to alert by.</summary>
public sealed class AlertTests
{
    [Fact]
    public void Alerts_are_right()
    {
        Requires.Prometheus();

        CommandResult check = Command.Run(
            Repository.PathOf("artifacts/prometheus/usr/bin/promtool"), "check", "rules", Repository.PathOf("packaging/prometheus/egress-agentd.rules.yml"));

        Assert.True(check.ExitCode == 0, check.ToString());
        Assert.Contains("SUCCESS: 14 rules found", check.Output);
    }
}
