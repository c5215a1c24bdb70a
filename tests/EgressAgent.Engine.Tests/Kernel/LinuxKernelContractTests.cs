namespace EgressAgent.Engine.Tests.Kernel;

/// <inheritdoc/>
public sealed class LinuxKernelContractTests() : KernelContract(new LinuxKernelLab());
