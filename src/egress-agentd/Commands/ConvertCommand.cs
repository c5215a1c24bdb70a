using System.CommandLine;
using EgressAgent.Model;
using EgressAgent.Model.Legacy;

namespace EgressAgent.Daemon.Commands;

/// <summary><c>egress-agentd convert</c>: says in an EgressRouter what a legacy egress router Pod says.</summary>
internal static class ConvertCommand
{
    private static readonly Argument<string> Source = new("file") { Description = "A file with Pods, or what has a template of one, that set EGRESS_SOURCE" };

    internal static Command Create()
    {
        var command = new Command("convert", "Print the EgressRouter that does what a legacy egress router Pod does; exit 1 when it cannot be said") { Source };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(Source)));
        return command;
    }

    private static int Run(string path)
    {
        byte[] content;
        try
        {
            content = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{path}: {exception.Message}");
            return ExitCodes.Usage;
        }

        LegacyConversion conversion = LegacyRouterConverter.Convert(path, content);
        Console.Out.Write(conversion.Text);
        foreach (Diagnostic finding in conversion.Diagnostics)
        {
            Console.Error.WriteLine(finding);
        }

        return conversion.Diagnostics.Any(finding => finding.Severity == DiagnosticSeverity.Error) ? ExitCodes.Failure : ExitCodes.Success;
    }
}
