namespace EgressAgent.System.Tests.Agent;

public sealed class KernelGatewayTests() : GatewayTests("kernel");
