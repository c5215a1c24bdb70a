using System.Net;
using EgressAgent.Linux.Bus;
using EgressAgent.Testing.Lab;
using Tmds.DBus.Protocol;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Asks the agent what becomes of a packet, as <c>egressctl explain</c> does, and holds the packet to the answer.</summary>
/// <param name="agent">The agent: hundreds of questions are asked, and a process for each takes longer than the packets.</param>
internal sealed class ExplainQuestions(BusClient agent)
{
    internal int Forwarded { get; private set; }

    internal int Refused { get; private set; }

    /// <summary>By routers themselves.</summary>
    internal int Answered { get; private set; }

    // What the destination does not serve it refuses, which nobody can tell from a refusal of the router: that is not sent.
    internal void Compare((string Question, ExplainAnswer? Answer) asked, int[] served, Func<ProbeResult> send)
    {
        if (asked.Answer is not { } answer)
        {
            return;
        }

        if (answer.Fate == "answered")
        {
            Assert.Equal((asked.Question, ProbeOutcome.Answered), (asked.Question, send().Outcome));
            Answered++;
        }
        else if (answer.Fate != "forwarded")
        {
            Assert.Equal((asked.Question, "refused", ProbeOutcome.Refused), (asked.Question, answer.Fate, send().Outcome));
            Refused++;
        }
        else if (IPEndPoint.Parse(answer.Destination) is var destination && served.Contains(destination.Port))
        {
            ProbeResult result = send();
            Assert.Equal((asked.Question, ProbeOutcome.Answered), (asked.Question, result.Outcome));
            if (destination.Port != 0)
            {
                Assert.Equal((asked.Question, answer.Source, $"{destination}"), (asked.Question, result.SeenSource, result.SeenTarget));
            }

            Forwarded++;
        }
    }

    /// <summary>The answer for the family of the inside address; null where the router has no such address.</summary>
    internal (string Question, ExplainAnswer? Answer) Ask(string router, string packet, string from, string inside, bool isAsked = false)
    {
        string[] arguments = ["default", router, packet, from, .. isAsked ? (string[])[inside] : []];
        ExplainAnswer[] answers = agent.CallAsync(
            "/org/egressagent/Agent1",
            "org.egressagent.Agent1.Manager",
            isAsked ? "ExplainTo" : "Explain",
            new string('s', arguments.Length),
            (ref MessageWriter body) =>
            {
                foreach (string argument in arguments)
                {
                    body.WriteString(argument);
                }
            },
            Read).GetAwaiter().GetResult();
        return (
            $"{router} {packet} from {(from.Length == 0 ? "the node" : from)} to {inside}: {string.Join<ExplainAnswer>(' ', answers)}",
            answers.FirstOrDefault(answer => answer.Inside == inside));
    }

    private static ExplainAnswer[] Read(Message message)
    {
        Reader reader = message.GetBodyReader();
        List<ExplainAnswer> answers = [];
        ArrayEnd end = reader.ReadArrayStart(DBusType.Struct);
        while (reader.HasNext(end))
        {
            reader.AlignStruct();
            string fate = reader.ReadString();
            _ = reader.ReadString();
            string inside = reader.ReadString();
            _ = reader.ReadString();
            answers.Add(new ExplainAnswer(fate, inside, reader.ReadString(), reader.ReadString(), string.Join("; ", reader.ReadArrayOfString())));
        }

        return [.. answers];
    }
}

/// <summary>What the agent says becomes of a packet: endpoints as text, empty where there is none.</summary>
internal sealed record ExplainAnswer(string Fate, string Inside, string Source, string Destination, string Why);
