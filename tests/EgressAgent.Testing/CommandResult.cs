namespace EgressAgent.Testing;

/// <summary>How a program ended and what it printed.</summary>
public sealed record CommandResult(string CommandLine, int ExitCode, string Output, string Errors)
{
    public override string ToString() => $"{CommandLine}: exit code {ExitCode}\n{Output}{Errors}";
}
