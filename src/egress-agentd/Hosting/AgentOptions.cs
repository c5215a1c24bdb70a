namespace EgressAgent.Daemon.Hosting;

/// <summary>The options of <c>egress-agentd run</c>.</summary>
/// <param name="Routers">The directory of router files.</param>
/// <param name="Configuration">The agent's settings; they need not exist.</param>
/// <param name="State">The directory of the state database.</param>
/// <param name="Runtime">The directory for what lasts until the next boot.</param>
/// <param name="Bus">The address of the D-Bus to serve; null for none.</param>
internal sealed record AgentOptions(string Routers, string Configuration, string State, string Runtime, string? Bus);
