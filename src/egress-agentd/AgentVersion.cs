namespace EgressAgent.Daemon;

/// <summary>The version of this build.</summary>
internal static class AgentVersion
{
    internal static string Text { get; } = typeof(AgentVersion).Assembly.GetName().Version?.ToString(3) ?? "unknown";
}
