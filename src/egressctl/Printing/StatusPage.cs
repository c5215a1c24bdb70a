using EgressAgent.Control.Agent;
using EgressAgent.Model;

namespace EgressAgent.Control.Printing;

/// <summary>The agent, its routers and what is wrong.</summary>
internal static class StatusPage
{
    internal static void Print(Screen screen, AgentView agent)
    {
        screen.Line($"egress-agentd {agent.Version} is {agent.State}: {Summarize(agent)}", Words.State(agent.State).Style);
        if (agent.Routers.Count > 0)
        {
            screen.Line();
            Columns routers = new("ROUTER", "STATE", "REACHED AT", "LEAVES AS", "BY", "DATAPATH");
            foreach (RouterView router in agent.Routers)
            {
                routers.Add(
                    router.Key.ToString(),
                    Words.State(router.State) with { Value = router.Standing },
                    Words.OrNone(router.InsideAddresses),
                    Words.OrNone(router.SourceAddresses),
                    Words.OrNone(router.Master),
                    Words.OrNone(router.Datapath));
            }

            routers.Print(screen);
        }

        string[] troubles =
        [
            .. agent.Routers.Where(router => router.State != "active").Select(router => $"{router.Key}: {router.Message}"),
            .. agent.Faults.Select(fault => fault.ToString()).Where(fault => agent.Routers.All(router => !router.Message.Contains(fault, StringComparison.Ordinal))),
        ];
        if (troubles.Length > 0)
        {
            screen.Line();
        }

        foreach (string trouble in troubles)
        {
            screen.Line(trouble, Words.Doubtful);
        }
    }

    /// <summary><c>2 routers, 1 active, 1 pending, 1 file in error</c></summary>
    internal static string Summarize(AgentView agent)
    {
        int files = agent.Faults.Select(fault => fault.File).Where(SourceLocation.IsFile).Distinct().Count();
        IEnumerable<string> parts = agent.Routers.CountBy(router => router.State)
            .OrderBy(state => state.Key == "active" ? 0 : 1).ThenBy(state => state.Key, StringComparer.Ordinal)
            .Select(state => $"{state.Value} {state.Key}");
        string[] all =
        [
            Words.Count(agent.Routers.Count, "router"),
            .. parts,
            .. files == 0 ? Array.Empty<string>() : [$"{Words.Count(files, "file")} in error"],
        ];
        return string.Join(", ", all);
    }
}
