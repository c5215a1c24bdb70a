using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>The handshake with the client is complete before the destination is asked.</summary>
public sealed class RelayReturnPathTests(DataPathTest.RelayFixture fixture) : ReturnPathTests(fixture), IClassFixture<DataPathTest.RelayFixture>
{
    protected override ProbeOutcome RefusalOfDestination => ProbeOutcome.Reset;
}
