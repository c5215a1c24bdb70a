using EgressAgent.Control.Agent;
using EgressAgent.Control.Printing;

namespace EgressAgent.Control.Commands;

/// <summary>What a plug-in of Nagios exits with.</summary>
internal enum NagiosState
{
    Ok = 0,
    Warning = 1,
    Critical = 2,
    Unknown = 3,
}

/// <summary>Judges the agent for a monitoring system.</summary>
internal static class NagiosCheck
{
    internal static (NagiosState State, string Text) Judge(AgentView agent)
    {
        RouterView? failed = agent.Routers.FirstOrDefault(router => router.State == "failed");
        RouterView? troubled = failed ?? agent.Routers.FirstOrDefault(router => !router.IsWell);
        NagiosState state = failed is not null ? NagiosState.Critical
            : troubled is not null || agent.Faults.Count > 0 || agent.State == "starting" ? NagiosState.Warning
            : NagiosState.Ok;
        string trouble = troubled is not null ? $": {troubled.Key}: {troubled.Message}"
            : agent.Faults.Count > 0 ? $": {agent.Faults[0]}"
            : agent.State == "starting" ? ": the agent is starting" : "";

        // One line; what stands behind a bar would be taken for numbers.
        return (state, (StatusPage.Summarize(agent) + trouble).ReplaceLineEndings(" ").Replace('|', '/'));
    }
}
