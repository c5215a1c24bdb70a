namespace EgressAgent.System.Tests.DataPath;

public sealed class KernelLocalProcessTests(DataPathTest.Fixture fixture) : LocalProcessTests(fixture);
