namespace EgressAgent.System.Tests.DataPath;

public sealed class RelayLocalProcessTests(DataPathTest.RelayFixture fixture) : LocalProcessTests(fixture), IClassFixture<DataPathTest.RelayFixture>;
