using System.CommandLine;
using EgressAgent.Control.Agent;
using EgressAgent.Control.Printing;

namespace EgressAgent.Control.Commands;

/// <summary><c>egressctl reload</c>: has the agent read all router files again, and says what is wrong in them.</summary>
internal static class ReloadCommand
{
    internal static Command Create()
    {
        var command = new Command("reload", "Have all router files read again, and print what is wrong in them; exit 1 when something is. For root");
        command.SetAction(parsed => CommandLine.Ask(async (client, screen) =>
        {
            await client.ReloadAsync().ConfigureAwait(false);
            AgentView agent = await client.GetAgentAsync().ConfigureAwait(false);
            if (parsed.GetValue(CommandLine.Json))
            {
                screen.Raw(ViewJson.Write(agent, ViewJson.Default.AgentView) + "\n");
            }
            else
            {
                foreach (FaultView fault in agent.Faults)
                {
                    screen.Line(fault.ToString(), Words.Bad);
                }
            }

            return agent.Faults.Count == 0 ? ExitCodes.Success : ExitCodes.Degraded;
        }));
        return command;
    }
}
