namespace EgressAgent.System.Tests.DataPath;

public sealed class RelayClosedByDefaultTests(DataPathTest.RelayFixture fixture) : ClosedByDefaultTests(fixture), IClassFixture<DataPathTest.RelayFixture>;
