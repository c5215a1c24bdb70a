using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace EgressAgent.Benchmarks.Edits;

/// <summary>A running agent.</summary>
internal sealed partial class AgentRun : IDisposable
{
    private const int SIGTERM = 15;

    private readonly Process _process;
    private readonly List<string> _log = [];

    private AgentRun(Process process, TimeSpan startTime)
    {
        _process = process;
        StartTime = startTime;
        new Thread(ReadLog) { IsBackground = true }.Start();
    }

    /// <summary>How many lines it has printed since it was ready that hold <paramref name="words"/>.</summary>
    internal int CountInLog(string words)
    {
        lock (_log)
        {
            return _log.Count(line => line.Contains(words, StringComparison.Ordinal));
        }
    }

    /// <summary>From the start of the process until it has looked at every router once, which is when systemd hears READY.</summary>
    internal TimeSpan StartTime { get; }

    /// <summary>What it has used of the processors since the start.</summary>
    internal TimeSpan CpuTime => Process.GetProcessById(_process.Id).TotalProcessorTime;

    internal double ResidentMiB => double.Parse(
        File.ReadLines($"/proc/{_process.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ')[^2],
        CultureInfo.InvariantCulture) / 1024;

    internal static AgentRun Start(IReadOnlyList<string> words)
    {
        long start = Stopwatch.GetTimestamp();
        Process process = Process.Start(new ProcessStartInfo(words[0], words.Skip(1)) { RedirectStandardOutput = true })!;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (line.Contains(" ready: ", StringComparison.Ordinal))
            {
                TimeSpan startTime = Stopwatch.GetElapsedTime(start);
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

    private void ReadLog()
    {
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            lock (_log)
            {
                _log.Add(line);
            }
        }
    }

    [LibraryImport("libc")]
    private static partial int kill(int pid, int signal);
}
