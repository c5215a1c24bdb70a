using System.CommandLine;
using EgressAgent.Control.Agent;
using EgressAgent.Control.Printing;

namespace EgressAgent.Control.Commands;

/// <summary><c>egressctl services</c>: all Services, who is behind them and what is wrong.</summary>
internal static class ServicesCommand
{
    internal static Command Create()
    {
        var command = new Command("services", "Show the Services with their routers, and what is wrong; exit 0 when all is well, 1 when not");
        command.SetAction(parsed => CommandLine.Ask(async (agent, screen) =>
        {
            List<ServiceView> services = await agent.GetServicesAsync().ConfigureAwait(false);
            if (parsed.GetValue(CommandLine.Json))
            {
                screen.Raw(ViewJson.Write(new ServicesView(services), ViewJson.Default.ServicesView) + "\n");
            }
            else
            {
                ServicesPage.Print(screen, services);
            }

            return services.All(service => service.IsWell) ? ExitCodes.Success : ExitCodes.Degraded;
        }));
        return command;
    }
}
