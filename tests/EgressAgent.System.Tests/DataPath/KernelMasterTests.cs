using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

public sealed class KernelMasterTests(DataPathTest.Fixture fixture) : MasterTests(fixture)
{
    protected override ProbeOutcome WithoutMaster => ProbeOutcome.Unreachable;
}
