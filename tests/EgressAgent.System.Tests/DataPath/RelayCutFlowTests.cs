namespace EgressAgent.System.Tests.DataPath;

public sealed class RelayCutFlowTests(DataPathTest.RelayFixture fixture) : CutFlowTests(fixture), IClassFixture<DataPathTest.RelayFixture>;
