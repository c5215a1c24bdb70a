namespace EgressAgent.System.Tests.Agent;

public sealed class RelayLiveEditTests() : LiveEditTests("relay");
