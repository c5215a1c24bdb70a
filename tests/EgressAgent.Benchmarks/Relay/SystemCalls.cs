using System.Diagnostics;
using System.Globalization;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>Counts a process's system calls by strace(1), which makes it slow: what is measured in time is measured without.</summary>
internal sealed class SystemCalls : IDisposable
{
    private readonly string _output = Path.GetTempFileName();
    private readonly Process _strace;

    internal SystemCalls(int processId)
    {
        _strace = Process.Start(new ProcessStartInfo("strace", ["-f", "-c", "-o", _output, "-p", processId.ToString()])
        {
            RedirectStandardError = true,
        })!;

        // "attached": from there on it counts.
        _strace.StandardError.ReadLine();
    }

    /// <summary>Stops counting.</summary>
    /// <returns>How often each was called.</returns>
    internal Dictionary<string, long> Read()
    {
        using (Process kill = Process.Start("kill", ["-INT", _strace.Id.ToString()]))
        {
            kill.WaitForExit();
        }

        _strace.WaitForExit();

        // "% time, seconds, usecs/call, calls, errors (may be missing), syscall" between two lines of hyphens.
        return File.ReadLines(_output)
            .SkipWhile(line => !line.StartsWith('-')).Skip(1)
            .TakeWhile(line => !line.StartsWith('-'))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .ToDictionary(words => words[^1], words => long.Parse(words[3], CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        _strace.Dispose();
        File.Delete(_output);
    }
}
