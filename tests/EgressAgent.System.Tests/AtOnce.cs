using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests;

/// <summary>What is refused by the answer to the first question, however slow the machine is.</summary>
internal static class AtOnce
{
    internal static void AssertRefusesTcp(LabHost client, string address, int port, string? from = null) =>
        AssertEnds(ProbeOutcome.Refused, client, ProtocolType.Tcp, address, port, from);

    internal static void AssertRefusesUdp(LabHost client, string address, int port, string? from = null) =>
        AssertEnds(ProbeOutcome.Refused, client, ProtocolType.Udp, address, port, from);

    /// <summary>What a router does not forward: "communication administratively prohibited".</summary>
    internal static void AssertProhibitsUdp(LabHost client, string address, int port) =>
        AssertEnds(ProbeOutcome.Unreachable, client, ProtocolType.Udp, address, port, from: null);

    private static void AssertEnds(ProbeOutcome outcome, LabHost client, ProtocolType protocol, string address, int port, string? from)
    {
        RefusedProbe asked = RefusedProbe.Run(client, protocol, address, port, from);
        while (asked.Outcome == ProbeOutcome.TimedOut && UnsentIcmp.HasChanged())
        {
            asked.Dispose();
            asked = RefusedProbe.Run(client, protocol, address, port, from);
        }

        using RefusedProbe probe = asked;
        Assert.Equal((address, port, outcome), (address, port, probe.Outcome));

        // A client that waits for longer than it should asks again.
        Assert.NotEqual(0, probe.Questions);
        Eventually.Holds(() => Assert.Equal((address, port, probe.Questions), (address, port, probe.Refusals)));
    }
}
