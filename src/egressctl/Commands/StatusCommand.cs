using System.CommandLine;
using EgressAgent.Control.Agent;
using EgressAgent.Control.Printing;
using EgressAgent.Linux;
using EgressAgent.Linux.Bus;

namespace EgressAgent.Control.Commands;

/// <summary><c>egressctl status</c>: the agent, its routers and what is wrong.</summary>
internal static class StatusCommand
{
    internal static readonly Option<bool> Check = new("--check")
    {
        Description = "Print one line, and exit as Nagios wants it: 0 all is well, 1 pending, degraded or a file in error, 2 failed or no agent, 3 usage",
    };

    internal static Command Create()
    {
        var command = new Command("status", "Show the agent, its routers, and what is wrong; exit 0 when all is well, 1 when not") { Check };
        command.SetAction(parsed => parsed.GetValue(Check)
            ? CheckAgent()
            : CommandLine.Ask((agent, screen) => RunAsync(agent, screen, parsed.GetValue(CommandLine.Json))));
        return command;
    }

    private static async Task<int> RunAsync(AgentClient client, Screen screen, bool json)
    {
        AgentView agent = await client.GetAgentAsync().ConfigureAwait(false);
        if (json)
        {
            screen.Raw(ViewJson.Write(agent, ViewJson.Default.AgentView) + "\n");
        }
        else
        {
            StatusPage.Print(screen, agent);
        }

        return agent.State == "running" ? ExitCodes.Success : ExitCodes.Degraded;
    }

    private static int CheckAgent()
    {
        (NagiosState state, string text) = AskAsync().GetAwaiter().GetResult();
        using Screen screen = new();
        screen.Raw($"{state.ToString().ToUpperInvariant()}: {text}\n");
        return (int)state;
    }

    private static async Task<(NagiosState State, string Text)> AskAsync()
    {
        try
        {
            using AgentClient client = await AgentClient.OpenAsync().ConfigureAwait(false);
            return NagiosCheck.Judge(await client.GetAgentAsync().ConfigureAwait(false));
        }
        catch (BusException error) when (CommandLine.IsNobody(error))
        {
            return (NagiosState.Critical, "egress-agentd is not running");
        }
        catch (Exception failure) when (failure is LinuxException or BusException)
        {
            return (NagiosState.Critical, failure.Message);
        }
    }
}
