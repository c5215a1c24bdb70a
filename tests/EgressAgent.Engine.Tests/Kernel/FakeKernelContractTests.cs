namespace EgressAgent.Engine.Tests.Kernel;

/// <inheritdoc/>
public sealed class FakeKernelContractTests() : KernelContract(new FakeKernelLab());
