using System.Diagnostics;

namespace EgressAgent.Testing.Bus;

/// <summary>Runs busctl(1): a client of the bus that has nothing in common with ours.</summary>
/// <param name="address">The bus.</param>
/// <param name="uid">The user to run it as; our own by default.</param>
/// <param name="group">A group that the user is in besides its own.</param>
public sealed class Busctl(string address, int? uid = null, string? group = null)
{
    /// <summary>Runs it to its end.</summary>
    public CommandResult Run(params ReadOnlySpan<string> arguments) => Command.Run(Words(arguments));

    /// <summary>Runs it to its end, which has to be a success, and hands back its output without the line's end.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message holds what it said.</exception>
    public string Check(params ReadOnlySpan<string> arguments) => Command.Check(Words(arguments)).TrimEnd('\n');

    /// <summary>Starts it; the caller ends it and reads its output.</summary>
    public Process Start(params ReadOnlySpan<string> arguments) => Process.Start(Command.StartInfo(Words(arguments)))!;

    private string[] Words(ReadOnlySpan<string> arguments)
    {
        string[] become = uid is null ? [] : ["setpriv", $"--reuid={uid}", $"--regid={uid}", group is null ? "--clear-groups" : $"--groups={group}"];
        return [.. become, "busctl", $"--address={address}", "--no-pager", .. arguments];
    }
}
