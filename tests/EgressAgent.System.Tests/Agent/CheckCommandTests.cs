using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Agent;

/// <summary>The exit codes and the form of what <c>egress-agentd check</c> prints.</summary>
public sealed class CheckCommandTests : AgentTest
{
    [Fact]
    public void Documented_example_is_valid()
    {
        Files.Write("example.yaml", RouterDocument.DocumentedExample);

        CommandResult result = Scenario.RunAgent("check", Files.RouterFile("example.yaml"));

        Assert.True(result.ExitCode == 0, $"{result}");
    }

    [Fact]
    public void Every_fault_is_printed_with_its_place()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8080, "203.0.113.27", 443)}".Replace("mode: Redirect", "mood: Redirect"));

        CommandResult result = Scenario.RunAgent("check", Files.RouterFile("web.yaml"));

        string all = result.Output + result.Errors;
        Assert.True(result.ExitCode == 1, $"{result}");
        Assert.Matches(@"web\.yaml:7:3: spec\.mood: .*mode", all);
        Assert.Matches(@"web\.yaml:9:\d+: spec\.redirect\.redirectRules\[1\]", all);
    }

    [Fact]
    public void Directory_is_checked_whole()
    {
        // The lab's node forwards: it is rarely meant that everybody may use a router there.
        Files.Write("good.yaml", $"{RouterDocument.Web("good")}".Replace("name: good", "name: good\n  annotations: { egressagent.org/clients: node }"));
        Files.Write("bad.yaml", "kind: [");

        CommandResult result = Scenario.RunAgent("check", Files.Routers);

        Assert.True(result.ExitCode == 1, $"{result}");
        Assert.Contains("bad.yaml:1:", result.Output + result.Errors);
        Assert.DoesNotContain("good.yaml", result.Output + result.Errors);
    }

    [Fact]
    public void Unknown_option_is_a_usage_error() => Assert.Equal(2, Scenario.RunAgent("check", "--no-such-option").ExitCode);
}
