using System.Net;
using System.Text.Json;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Asks <c>egressctl explain</c>, and holds the packet to the answer.</summary>
internal sealed class ExplainQuestions(Egressctl control)
{
    internal int Forwarded { get; private set; }

    internal int Refused { get; private set; }

    /// <summary>By routers themselves.</summary>
    internal int Answered { get; private set; }

    // What the destination does not serve it refuses, which nobody can tell from a refusal of the router: that is not sent.
    internal void Compare((string Question, JsonElement? Answer) asked, int[] served, Func<ProbeResult> send)
    {
        if (asked.Answer is not { } answer)
        {
            return;
        }

        string? fate = answer.GetProperty("fate").GetString();
        if (fate == "answered")
        {
            Assert.Equal((asked.Question, ProbeOutcome.Answered), (asked.Question, send().Outcome));
            Answered++;
        }
        else if (fate != "forwarded")
        {
            Assert.Equal((asked.Question, "refused", ProbeOutcome.Refused), (asked.Question, fate, send().Outcome));
            Refused++;
        }
        else if (IPEndPoint.Parse(answer.GetProperty("destination").GetString()!) is var destination && served.Contains(destination.Port))
        {
            ProbeResult result = send();
            Assert.Equal((asked.Question, ProbeOutcome.Answered), (asked.Question, result.Outcome));
            if (destination.Port != 0)
            {
                Assert.Equal(
                    (asked.Question, answer.GetProperty("source").GetString(), $"{destination}"), (asked.Question, result.SeenSource, result.SeenTarget));
            }

            Forwarded++;
        }
    }

    /// <summary>The answer for the family of the inside address; null where the router has no such address.</summary>
    internal (string Question, JsonElement? Answer) Ask(string router, string packet, string from, string inside, bool isAsked = false)
    {
        CommandResult result = control.Run(
            ["explain", router, packet, "--json", .. from.Length == 0 ? Array.Empty<string>() : ["--from", from], .. isAsked ? ["--to", inside] : Array.Empty<string>()]);
        JsonElement[] answers =
        [
            .. JsonDocument.Parse(result.ExitCode <= 1 ? result.Output : throw new InvalidOperationException(result.ToString()))
                .RootElement.GetProperty("answers").EnumerateArray(),
        ];
        int found = Array.FindIndex(answers, answer => answer.GetProperty("inside").GetString() == inside);
        return ($"{router} {packet} from {(from.Length == 0 ? "the node" : from)} to {inside}: {result.Output}", found < 0 ? null : answers[found]);
    }
}
