using System.Diagnostics;
using System.Text.Json;

namespace EgressAgent.Linux.Tests.Support;

/// <summary>Runs the distribution's own tools, which the tests take as second opinion.</summary>
internal static class Tool
{
    /// <summary>Runs a command and returns what it printed; any other end than 0 fails the test.</summary>
    public static string Run(string file, params string[] arguments)
    {
        (int exitCode, string output, string error) = TryRun(file, arguments);
        Assert.True(exitCode == 0, $"{file} {string.Join(' ', arguments)}: exit {exitCode}: {error}");
        return output;
    }

    public static JsonElement RunJson(string file, params string[] arguments)
    {
        string output = Run(file, arguments);
        return JsonDocument.Parse(output.Length == 0 ? "[]" : output).RootElement;
    }

    public static (int ExitCode, string Output, string Error) TryRun(string file, params string[] arguments)
    {
        using Process process = Start(file, arguments);
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    /// <summary>Starts a command that the caller ends.</summary>
    public static Process Start(string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        return Process.Start(start)!;
    }
}
