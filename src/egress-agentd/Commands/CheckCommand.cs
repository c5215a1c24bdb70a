using System.CommandLine;
using EgressAgent.Daemon.Watch;
using EgressAgent.Linux.Bus;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Commands;

/// <summary><c>egress-agentd check</c>: says what is wrong with router files and settings, without touching anything.</summary>
internal static class CheckCommand
{
    private static readonly Argument<string[]> Targets = new("path")
    {
        Description = $"Files and directories; {Paths.Routers} and {Paths.Configuration} when none is given",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object, for editors and programs" };

    internal static Command Create()
    {
        var command = new Command("check", "Print the errors of router files and settings; exit 0 when there is none, 1 when there is") { Targets, Json };
        command.SetAction(parsed => Run(
            parsed.GetValue(Targets) is { Length: > 0 } targets ? targets : [Paths.Routers, .. File.Exists(Paths.Configuration) ? [Paths.Configuration] : Array.Empty<string>()],
            parsed.GetValue(Json)));
        return command;
    }

    private static int Run(IReadOnlyList<string> targets, bool json)
    {
        IReadOnlyDictionary<RouterKey, RunningRouter>? running = AgentInquiry.TryAsk(BusAddress.System);
        RouterFileCheck check = RouterFileCheck.Run(targets, new CheckedAgent(Paths.Routers, Paths.Configuration)
        {
            RunningFiles = running?.ToDictionary(router => router.Key, router => router.Value.File) ?? [],
        });

        using StreamWriter output = new(new StandardOutputStream());
        if (json)
        {
            output.WriteLine(CheckReport.ToJson(check));
        }
        else
        {
            Print(check, running, output);
        }

        return check.Missing.Count > 0 ? ExitCodes.Usage : check.IsValid ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static void Print(RouterFileCheck check, IReadOnlyDictionary<RouterKey, RunningRouter>? running, StreamWriter output)
    {
        foreach (string missing in check.Missing)
        {
            Console.Error.WriteLine($"{missing}: no such file or directory");
        }

        foreach (Diagnostic finding in check.Findings)
        {
            output.WriteLine(finding);
        }

        // A program that reads the findings counts them itself.
        if (!Console.IsOutputRedirected)
        {
            output.WriteLine(running is null ? CheckReport.Summarize(check) : $"{CheckReport.Summarize(check)}; {AgentInquiry.Compare(check, running)}");
        }
    }
}
