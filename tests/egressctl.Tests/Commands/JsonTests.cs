using EgressAgent.Control.Agent;
using EgressAgent.Control.Tests.Support;

namespace EgressAgent.Control.Tests.Commands;

/// <summary>What is written is what the schema says, and the schema would see if it were not.</summary>
public sealed class JsonTests
{
    private static readonly string Agent =
        ViewJson.Write(Views.Agent("degraded", Views.Router(), Views.Pending("other")) with { Faults = [Views.Fault] }, ViewJson.Default.AgentView);

    [Fact]
    public void Views_are_as_the_schema_says()
    {
        Assert.Equal("", OutputSchema.Judge("agent", Agent));
        Assert.Equal("", OutputSchema.Judge("router", ViewJson.Write(Views.Router(), ViewJson.Default.RouterView)));
        Assert.Equal("", OutputSchema.Judge("router", ViewJson.Write(Views.Relayed(new DroppedView(1, 2, 3)), ViewJson.Default.RouterView)));
        Assert.Equal("", OutputSchema.Judge("services", ViewJson.Write(
            new ServicesView([Views.Service(), Views.Service("other", "unavailable") with { ClusterIPs = [], Ports = [], Routers = [] }, Views.External()]), ViewJson.Default.ServicesView)));
        Assert.Equal("", OutputSchema.Judge("flows", ViewJson.Write(
            new FlowsView([new FlowView("default/web", "TCP", "10.0.0.1:1", "198.18.0.2:80", "192.168.12.99:1", "203.0.113.26:80", 1, ulong.MaxValue)]),
            ViewJson.Default.FlowsView)));
        Assert.Equal("", OutputSchema.Judge("who", ViewJson.Write(
            new WhoView("192.168.12.99:41022/tcp", Views.Time, [Views.Found(), Views.Found() with { State = "living", Start = null, End = null }], [Views.Found()], ["why"]),
            ViewJson.Default.WhoView)));
        Assert.Equal("", OutputSchema.Judge("events", ViewJson.Write(
            new EventsView([new EventView("default/web", Views.Time.AddMilliseconds(5), 1, "active", "InForce", "all is well")]), ViewJson.Default.EventsView)));
        Assert.Equal("", OutputSchema.Judge("explanation", ViewJson.Write(
            new ExplanationView("default/web", "tcp/80", [new AnswerView("refused", "", "", "", "", "", ["why"])]), ViewJson.Default.ExplanationView)));
    }

    [Theory]
    [InlineData("\"state\": \"pending\"", "\"state\": \"odd\"")]
    [InlineData("\"targetPort\": 80", "\"targetPort\": 0")]
    [InlineData("\"column\"", "\"columns\"")]
    [InlineData("2026-11-28T", "28.11.2026 ")]
    [InlineData("\"version\": \"0.1.0\"", "\"version\": null")]
    public void Anything_else_is_not(string written, string instead)
    {
        Assert.Contains(written, Agent);
        Assert.NotEqual("", OutputSchema.Judge("agent", Agent.Replace(written, instead)));
    }
}
