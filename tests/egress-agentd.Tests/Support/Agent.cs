using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Support;

/// <summary>The agent as it was built beside the tests, as a process of its own.</summary>
internal static class Agent
{
    internal static readonly string Assembly = Path.Combine(AppContext.BaseDirectory, "egress-agentd.dll");

    internal static CommandResult Run(params string[] arguments) => Command.Run(["dotnet", Assembly, .. arguments]);

    /// <summary>As a user without rights.</summary>
    internal static CommandResult RunAsNobody(params string[] arguments) =>
        Command.Run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "dotnet", Assembly, .. arguments]);
}
