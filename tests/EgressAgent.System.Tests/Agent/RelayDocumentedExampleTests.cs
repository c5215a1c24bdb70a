namespace EgressAgent.System.Tests.Agent;

public sealed class RelayDocumentedExampleTests(RelayDocumentedExampleTests.RelayFixture fixture)
    : DocumentedExampleTests(fixture), IClassFixture<RelayDocumentedExampleTests.RelayFixture>
{
    public sealed class RelayFixture() : Fixture("relay");
}
