using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace EgressAgent.Benchmarks.Edits;

/// <summary>A running agent.</summary>
internal sealed partial class AgentRun : IDisposable
{
    private const int SIGTERM = 15;

    private readonly Process _process;

    private AgentRun(Process process, TimeSpan startTime)
    {
        _process = process;
        StartTime = startTime;
    }

    /// <summary>From the start of the process until it has looked at every router once, which is when systemd hears READY.</summary>
    internal TimeSpan StartTime { get; }

    internal double ResidentMiB => double.Parse(
        File.ReadLines($"/proc/{_process.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ')[^2],
        CultureInfo.InvariantCulture) / 1024;

    internal static AgentRun Start(string[] words)
    {
        long start = Stopwatch.GetTimestamp();
        Process process = Process.Start(new ProcessStartInfo(words[0], words[1..]) { RedirectStandardOutput = true })!;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (line.Contains(" ready: ", StringComparison.Ordinal))
            {
                TimeSpan startTime = Stopwatch.GetElapsedTime(start);
                new Thread(() => process.StandardOutput.ReadToEnd()) { IsBackground = true }.Start();
                return new AgentRun(process, startTime);
            }
        }

        throw new InvalidOperationException("the agent ended before it was ready");
    }

    public void Dispose()
    {
        _ = kill(_process.Id, SIGTERM);
        _process.WaitForExit();
        _process.Dispose();
    }

    [LibraryImport("libc")]
    private static partial int kill(int pid, int signal);
}
