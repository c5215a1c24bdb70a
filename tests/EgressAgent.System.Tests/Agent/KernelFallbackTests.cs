using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

public sealed class KernelFallbackTests() : FallbackTests("kernel")
{
    [Fact]
    public void Icmp_leads_to_the_fallback()
    {
        (_, _, string inside) = StartWithWebRouter(Document);
        using PacketCapture capture = Lab.SecureWeb.Capture("eth0");

        Assert.Equal(ProbeOutcome.Answered, Lab.Node.Ping(inside).Outcome);

        Assert.Contains(capture.Packets, p => p is { Protocol: PacketProtocol.Icmp, Kind: 0x0800 } && $"{p.Source}" == EgressLab.ReservedAddress);
    }
}
