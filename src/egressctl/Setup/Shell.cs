using System.ComponentModel;
using System.Diagnostics;

namespace EgressAgent.Control.Setup;

/// <summary>Runs commands by sh(1), without input.</summary>
internal static class Shell
{
    /// <summary>Whether it exits with 0. What it prints is nobody's.</summary>
    internal static bool Succeeds(string command) => Run(command).ExitCode == 0;

    /// <exception cref="SetupException">It exits with anything but 0; said with what it printed.</exception>
    internal static void Check(string command)
    {
        (int exitCode, string output) = Run(command);
        if (exitCode != 0)
        {
            throw new SetupException($"`{command}` exits with {exitCode}: {output}");
        }
    }

    private static (int ExitCode, string Output) Run(string command)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"exec 2>&1 </dev/null\n{command}"]) { RedirectStandardOutput = true })!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output.Trim());
        }
        catch (Win32Exception failure)
        {
            throw new SetupException($"/bin/sh: {failure.Message}");
        }
    }
}
