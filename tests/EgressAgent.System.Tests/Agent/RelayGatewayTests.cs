namespace EgressAgent.System.Tests.Agent;

public sealed class RelayGatewayTests() : GatewayTests("relay");
