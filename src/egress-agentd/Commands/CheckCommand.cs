using System.CommandLine;
using EgressAgent.Daemon.Watch;

namespace EgressAgent.Daemon.Commands;

/// <summary><c>egress-agentd check</c>: says what is wrong with router files, without touching anything.</summary>
internal static class CheckCommand
{
    private static readonly Argument<string[]> Targets = new("path")
    {
        Description = $"Files and directories; {Paths.Routers} when none is given",
        Arity = ArgumentArity.ZeroOrMore,
    };

    internal static Command Create()
    {
        var command = new Command("check", "Print the errors of router files; exit 0 when all are valid, 1 when not") { Targets };
        command.SetAction(parsed => Run(parsed.GetValue(Targets) is { Length: > 0 } targets ? targets : [Paths.Routers]));
        return command;
    }

    private static int Run(IReadOnlyList<string> targets)
    {
        RouterFileCheck check = RouterFileCheck.Run(targets);
        foreach (string missing in check.Missing)
        {
            Console.Error.WriteLine($"{missing}: no such file or directory");
        }

        foreach (var finding in check.Findings)
        {
            Console.WriteLine(finding);
        }

        return check.Missing.Count > 0 ? ExitCodes.Usage : check.IsValid ? ExitCodes.Success : ExitCodes.Failure;
    }
}
