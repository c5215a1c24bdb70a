namespace EgressAgent.System.Tests.DataPath;

public sealed class KernelClosedByDefaultTests(DataPathTest.Fixture fixture) : ClosedByDefaultTests(fixture);
