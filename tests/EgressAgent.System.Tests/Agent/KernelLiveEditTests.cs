namespace EgressAgent.System.Tests.Agent;

public sealed class KernelLiveEditTests() : LiveEditTests("kernel");
