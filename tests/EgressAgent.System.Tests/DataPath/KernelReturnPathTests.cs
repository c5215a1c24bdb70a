using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

public sealed class KernelReturnPathTests(DataPathTest.Fixture fixture) : ReturnPathTests(fixture)
{
    protected override ProbeOutcome RefusalOfDestination => ProbeOutcome.Refused;
}
