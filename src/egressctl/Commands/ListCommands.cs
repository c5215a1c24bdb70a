using System.CommandLine;
using EgressAgent.Control.Agent;
using EgressAgent.Control.Printing;
using EgressAgent.Model;

namespace EgressAgent.Control.Commands;

/// <summary><c>egressctl flows</c>: the connections of one router, or of all.</summary>
internal static class FlowsCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    internal static Command Create()
    {
        Argument<RouterKey?> router = CommandLine.OptionalRouter();
        Option<bool> watch = new("--watch", "-w") { Description = "Print them again each two seconds, until Ctrl-C" };
        var command = new Command("flows", "Show the connections; for root and the groups adm and systemd-journal") { router, watch };
        command.SetAction(parsed => CommandLine.Ask(async (agent, screen) =>
        {
            do
            {
                List<FlowView> flows = await ListsOfRouters.GatherAsync(agent, parsed.GetValue(router), agent.ListFlowsAsync).ConfigureAwait(false);
                Print(screen, flows, parsed.GetValue(CommandLine.Json), parsed.GetValue(watch));
            }
            while (parsed.GetValue(watch) && await PauseAsync().ConfigureAwait(false));

            return ExitCodes.Success;
        }));
        return command;
    }

    private static void Print(Screen screen, List<FlowView> flows, bool json, bool again)
    {
        if (json)
        {
            screen.Raw(ViewJson.Write(new FlowsView(flows), ViewJson.Default.FlowsView) + "\n");
        }
        else
        {
            if (again)
            {
                screen.Clear();
            }

            FlowsPage.Print(screen, flows);
        }

        screen.Flush();
    }

    private static async Task<bool> PauseAsync()
    {
        await Task.Delay(Interval).ConfigureAwait(false);
        return true;
    }
}

/// <summary><c>egressctl events</c>: what became of one router, or of all.</summary>
internal static class EventsCommand
{
    internal static Command Create()
    {
        Argument<RouterKey?> router = CommandLine.OptionalRouter();
        var command = new Command("events", "Show what became of routers, the oldest first; for root and the groups adm and systemd-journal") { router };
        command.SetAction(parsed => CommandLine.Ask(async (agent, screen) =>
        {
            List<EventView> events =
            [
                .. (await ListsOfRouters.GatherAsync(agent, parsed.GetValue(router), agent.ListEventsAsync).ConfigureAwait(false)).OrderBy(happened => happened.Time),
            ];
            if (parsed.GetValue(CommandLine.Json))
            {
                screen.Raw(ViewJson.Write(new EventsView(events), ViewJson.Default.EventsView) + "\n");
            }
            else
            {
                EventsPage.Print(screen, events);
            }

            return ExitCodes.Success;
        }));
        return command;
    }
}

/// <summary>Lists that each router has.</summary>
internal static class ListsOfRouters
{
    /// <summary>That of one router, or those of all, one after the other.</summary>
    internal static async Task<List<T>> GatherAsync<T>(AgentClient agent, RouterKey? router, Func<RouterKey, Task<List<T>>> list)
    {
        List<T> all = [];
        foreach (RouterKey key in router is { } one ? [one] : await agent.ListRoutersAsync().ConfigureAwait(false))
        {
            try
            {
                all.AddRange(await list(key).ConfigureAwait(false));
            }
            catch (Linux.Bus.BusException error) when (router is null && error.Name is BusNames.NoSuchRouter or Linux.Bus.BusErrorNames.UnknownObject)
            {
                // It was removed since.
            }
        }

        return all;
    }
}
