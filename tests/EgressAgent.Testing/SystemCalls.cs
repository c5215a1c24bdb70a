using System.Diagnostics;
using Xunit;

namespace EgressAgent.Testing;

/// <summary>Counts by strace(1) what a piece of code asks the kernel for. Memory and waiting, which are the runtime's, are left out.</summary>
public static class SystemCalls
{
    private const string Strace = "/usr/bin/strace";
    private const string Counted = "trace=socket,bind,setsockopt,getsockopt,sendto,sendmsg,recvfrom,recvmsg,setns,memfd_create,openat";

    // Where a collection looks how much memory there is, on the thread that allocates.
    private static readonly string[] Memory = ["/sys/fs/cgroup/", "/proc/meminfo", "/proc/self/"];

    /// <summary>The calls in order, each with its name alone. The test is skipped where there is no strace.</summary>
    public static IReadOnlyList<string> Of(Action action) => Read(output => Trace(action, output));

    /// <summary>The calls of one of this process's threads while the action runs on the caller's.</summary>
    /// <param name="name">The only thread that is named so.</param>
    /// <param name="counted">The names of the calls, separated by commas.</param>
    /// <param name="action">Ends when the thread has made its last call of interest.</param>
    public static IReadOnlyList<string> OfThread(string name, string counted, Action action) => Read(output =>
    {
        string thread = Directory.GetDirectories("/proc/self/task").Single(task => File.ReadAllText($"{task}/comm").TrimEnd() == name);
        using Process strace = Attach(thread, $"trace={counted}", output);
        try
        {
            action();
        }
        finally
        {
            using Process interrupt = Process.Start("kill", ["-INT", strace.Id.ToString()]);
            interrupt.WaitForExit();
            strace.WaitForExit();
        }
    });

    private static IReadOnlyList<string> Read(Action<string> trace)
    {
        Assert.SkipUnless(File.Exists(Strace), $"needs {Strace}");
        string output = Path.GetTempFileName();
        try
        {
            trace(output);
            return [.. File.ReadLines(output).Where(line => line.Contains('(') && !Memory.Any(line.Contains)).Select(line => line.Split('(')[0])];
        }
        finally
        {
            File.Delete(output);
        }
    }

    // A thread of its own: whatever other threads do is not seen.
    private static void Trace(Action action, string output)
    {
        using var begin = new ManualResetEventSlim();
        string? self = null;
        Exception? failure = null;
        Thread thread = new(() =>
        {
            Volatile.Write(ref self, File.ResolveLinkTarget("/proc/thread-self", returnFinalTarget: false)!.FullName);
            begin.Wait();
            failure = Record.Exception(action);
        });
        thread.Start();
        Eventually.True("the thread runs", () => Volatile.Read(ref self) is not null);
        using Process strace = Attach(self!, Counted, output);
        begin.Set();
        thread.Join();
        strace.WaitForExit();
        Assert.Null(failure);
    }

    private static Process Attach(string thread, string counted, string output)
    {
        Process strace = Process.Start(Strace, ["-qq", "-e", counted, "-e", "signal=none", "-o", output, "-p", Path.GetFileName(thread)]);
        Eventually.True("the thread is traced", () => !File.ReadLines($"{thread}/status").Contains("TracerPid:\t0"));
        return strace;
    }
}
