namespace EgressAgent.System.Tests.Agent;

public sealed class KernelDocumentedExampleTests(KernelDocumentedExampleTests.KernelFixture fixture)
    : DocumentedExampleTests(fixture), IClassFixture<KernelDocumentedExampleTests.KernelFixture>
{
    public sealed class KernelFixture() : Fixture("kernel");
}
