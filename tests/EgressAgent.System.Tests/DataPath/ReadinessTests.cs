using EgressAgent.Testing;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>When the agent says that it is ready, and what it then says of routers that are not.</summary>
public sealed class ReadinessTests : IDisposable
{
    private readonly DataPathLab _lab = new();

    public void Dispose() => _lab.Dispose();

    [Fact]
    public void Agent_is_ready_while_the_network_is_still_asked_for_another_holder_of_an_IPv6_address()
    {
        _lab.Files.Write("six.yaml", """
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata: { name: six }
            spec: { addresses: [ { ip: "2001:db8:12::66/64" } ], redirect: { fallbackIP: "2001:db8:ff::27" } }
            """);

        _ = _lab.Agent;
        _lab.Agent.WaitForLog("default/six: in force");

        string log = _lab.Agent.Log;
        Assert.Contains("ready: 1 routers, 0 active", log);
        Assert.True(log.IndexOf("ready:", StringComparison.Ordinal) < log.IndexOf("default/six: in force", StringComparison.Ordinal), log);
        Eventually.True("the status", () => _lab.Agent.Status.StartsWith("1 router active at ", StringComparison.Ordinal), otherwise: () => _lab.Agent.Status);
    }
}
