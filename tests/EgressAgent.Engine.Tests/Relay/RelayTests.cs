namespace EgressAgent.Engine.Tests.Relay;

/// <summary>The relay's tests share a lab and run one after the other, since some of them change limits of the process.</summary>
[CollectionDefinition(nameof(RelayTests), DisableParallelization = true)]
public sealed class RelayTests : ICollectionFixture<RelayLab.Fixture>;
