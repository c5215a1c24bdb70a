using System.Diagnostics;

namespace EgressAgent.Testing;

/// <summary>Runs a program to its end.</summary>
public static class Command
{
    /// <summary>Runs <paramref name="words"/> and hands back what it printed, whatever its exit code.</summary>
    public static CommandResult Run(params IReadOnlyList<string> words)
    {
        using Process process = Process.Start(StartInfo(words))!;
        process.StandardInput.Close();

        // Once they were read from, the process leaves them to their reader.
        using StreamReader errorReader = process.StandardError;
        using StreamReader outputReader = process.StandardOutput;
        Task<string> errors = errorReader.ReadToEndAsync();
        string output = outputReader.ReadToEnd();
        process.WaitForExit();
        return new CommandResult(string.Join(' ', words), process.ExitCode, output, errors.GetAwaiter().GetResult());
    }

    /// <summary>Runs <paramref name="words"/> and hands back its standard output.</summary>
    /// <exception cref="InvalidOperationException">It exited with anything but 0.</exception>
    public static string Check(params IReadOnlyList<string> words)
    {
        CommandResult result = Run(words);
        return result.ExitCode == 0 ? result.Output : throw new InvalidOperationException(result.ToString());
    }

    /// <summary>How <paramref name="words"/> is started with all three standard streams piped.</summary>
    internal static ProcessStartInfo StartInfo(IReadOnlyList<string> words) => new(words[0], words.Skip(1))
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    };
}
