using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using EgressAgent.Control.Agent;
using EgressAgent.Control.Printing;
using EgressAgent.Model.Status;

namespace EgressAgent.Control.Commands;

/// <summary><c>egressctl who</c>: who was behind an address and port that a destination has in its log.</summary>
internal static class WhoCommand
{
    // RFC 3339, and what other commands print, in local time.
    private static readonly string[] TimeForms =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd HH:mm:ss.FFFFFFFK", "yyyy-MM-dd HH:mmK",
    ];

    internal static Command Create()
    {
        Argument<FlowSource> source = new("source")
        {
            Description = FlowSource.Form,
            HelpName = "source",
            CustomParser = ParseSource,
            CompletionSources = { _ => CommandLine.Complete(ListAddressesAsync) },
        };
        Option<DateTimeOffset?> at = new("--at")
        {
            Description = "When: 2026-11-28T14:03:07Z, or 2026-11-28 14:03:07 in local time; now when it is not given",
            HelpName = "time",
            CustomParser = ParseTime,
        };
        var command = new Command("who", "Say who was behind a source address and port; exit 1 when nobody is known. For root and the groups adm and systemd-journal") { source, at };
        command.SetAction(parsed => CommandLine.Ask(async (agent, screen) =>
        {
            WhoView answer = await agent.FindFlowAsync(parsed.GetRequiredValue(source), parsed.GetValue(at) ?? DateTimeOffset.UtcNow).ConfigureAwait(false);
            if (parsed.GetValue(CommandLine.Json))
            {
                screen.Raw(ViewJson.Write(answer, ViewJson.Default.WhoView) + "\n");
            }
            else
            {
                WhoPage.Print(screen, answer);
            }

            return answer.Flows.Count > 0 ? ExitCodes.Success : ExitCodes.Degraded;
        }));
        return command;
    }

    private static FlowSource? ParseSource(ArgumentResult result)
    {
        if (result.Tokens is [var token] && FlowSource.TryParse(token.Value, out FlowSource? source))
        {
            return source;
        }

        result.AddError($"a source is {FlowSource.Form}");
        return null;
    }

    private static DateTimeOffset? ParseTime(ArgumentResult result)
    {
        if (result.Tokens is [var token]
            && DateTimeOffset.TryParseExact(token.Value, TimeForms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out DateTimeOffset time)
            && time >= DateTimeOffset.UnixEpoch)
        {
            return time;
        }

        result.AddError("a time is 2026-11-28T14:03:07Z, or 2026-11-28 14:03:07 in local time");
        return null;
    }

    private static async Task<IEnumerable<string>> ListAddressesAsync(AgentClient agent) =>
        (await agent.GetAgentAsync().ConfigureAwait(false)).Routers.SelectMany(router => router.SourceAddresses)
            .Select(address => address.Contains(':') ? $"[{address}]:" : $"{address}:").Distinct();
}
