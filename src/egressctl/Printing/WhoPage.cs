using EgressAgent.Control.Agent;

namespace EgressAgent.Control.Printing;

/// <summary>Who was behind a source of flows.</summary>
internal static class WhoPage
{
    internal static void Print(Screen screen, WhoView answer)
    {
        if (answer.Flows.Count == 0)
        {
            string nearest = answer.Nearest.Count == 0 ? "" : answer.Nearest.Count == 1 ? "; the nearest is" : "; the nearest are";
            screen.Line($"no flow of {answer.Source} is known at {Words.Time(answer.At)}{nearest}", Words.Doubtful);
        }

        IReadOnlyList<FoundFlowView> flows = answer.Flows.Count > 0 ? answer.Flows : answer.Nearest;
        if (flows.Count > 0)
        {
            if (answer.Flows.Count == 0)
            {
                screen.Line();
            }

            Columns table = new("CLIENT", "WHO", "ROUTER", "RULE", "DESTINATION", "BEGAN", "ENDED", "BYTES TO ", "BYTES FROM ");
            foreach (FoundFlowView flow in flows)
            {
                table.Add(
                    flow.Client,
                    Who(flow),
                    flow.Router,
                    Words.OrNone(flow.Rule),
                    Words.OrNone(flow.Destination),
                    flow.Start is { } start ? Words.Time(start) : "not known",
                    flow.End is { } end ? Words.Time(end) : flow.State == "living" ? "it is there" : "not recorded",
                    Words.Bytes(flow.BytesTo),
                    Words.Bytes(flow.BytesFrom));
            }

            table.Print(screen);
        }

        if (flows.Count > 0 && answer.Notes.Count > 0)
        {
            screen.Line();
        }

        foreach (string note in answer.Notes)
        {
            screen.Line(note, Words.Doubtful);
        }
    }

    private static string Who(FoundFlowView flow)
    {
        string who = string.Join(", ", new[] { flow.Container, flow.Unit }.Where(name => name.Length > 0));
        return flow.Masqueraded.Length == 0 ? Words.OrNone(who)
            : who.Length == 0 ? $"the node, on behalf of {flow.Masqueraded}"
            : $"the node, on behalf of {who} ({flow.Masqueraded})";
    }
}
