using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

public sealed class RelayFallbackTests() : FallbackTests("relay")
{
    // The relay has sockets for TCP and UDP alone.
    [Fact]
    public void Icmp_is_refused()
    {
        (_, _, string inside) = StartWithWebRouter(Document);

        Assert.Equal(ProbeOutcome.Refused, Lab.Node.Ping(inside).Outcome);
    }
}
