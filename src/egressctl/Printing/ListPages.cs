using EgressAgent.Control.Agent;

namespace EgressAgent.Control.Printing;

/// <summary>Connections.</summary>
internal static class FlowsPage
{
    internal static void Print(Screen screen, IReadOnlyList<FlowView> flows)
    {
        if (flows.Count == 0)
        {
            screen.Line("no connection");
            return;
        }

        Columns table = new("ROUTER", "PROTOCOL", "CLIENT", "CONNECTS TO", "LEAVES AS", "DESTINATION", "BYTES TO ", "BYTES FROM ");
        foreach (FlowView flow in flows)
        {
            table.Add(
                flow.Router, flow.Protocol, flow.Client, flow.Inside, flow.Source, flow.Destination, Words.Bytes(flow.BytesTo), Words.Bytes(flow.BytesFrom));
        }

        table.Print(screen);
    }
}

/// <summary>What became of routers.</summary>
internal static class EventsPage
{
    internal static void Print(Screen screen, IReadOnlyList<EventView> events)
    {
        if (events.Count == 0)
        {
            screen.Line("no event");
            return;
        }

        Columns table = new("TIME", "ROUTER", "GENERATION ", "STATE", "REASON", "MESSAGE");
        foreach (EventView happened in events)
        {
            table.Add(
                Words.Time(happened.Time), happened.Router, Words.Number(happened.Generation), Words.State(happened.State), happened.Reason, happened.Message);
        }

        table.Print(screen);
    }
}

/// <summary>What would become of a packet.</summary>
internal static class ExplanationPage
{
    internal static void Print(Screen screen, ExplanationView explanation)
    {
        foreach (AnswerView answer in explanation.Answers)
        {
            screen.Line(Headline(explanation, answer), Words.State(answer.Fate).Style);
            foreach (string sentence in answer.Why)
            {
                screen.Line($"  {sentence}");
            }
        }
    }

    private static string Headline(ExplanationView explanation, AnswerView answer)
    {
        string from = answer.Client.Length == 0 || answer.Inside.Length == 0 ? "" : $" from {answer.Client}";
        string way = $"{explanation.Packet}{from} to {(answer.Inside.Length == 0 ? explanation.Router : answer.Inside)}";
        string end = answer.Fate switch
        {
            "forwarded" => $"forwarded to {answer.Destination}, which sees {answer.Source}",
            "answered" => "answered by the router itself",
            _ => answer.Fate,
        };
        return $"{way}: {end}";
    }
}
