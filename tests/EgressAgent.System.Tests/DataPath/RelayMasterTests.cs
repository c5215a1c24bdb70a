using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>The handshake with the client is complete before the destination is asked.</summary>
public sealed class RelayMasterTests(DataPathTest.RelayFixture fixture) : MasterTests(fixture), IClassFixture<DataPathTest.RelayFixture>
{
    protected override ProbeOutcome WithoutMaster => ProbeOutcome.Reset;
}
