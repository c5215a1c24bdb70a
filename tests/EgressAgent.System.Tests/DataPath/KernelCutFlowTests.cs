namespace EgressAgent.System.Tests.DataPath;

public sealed class KernelCutFlowTests(DataPathTest.Fixture fixture) : CutFlowTests(fixture);
