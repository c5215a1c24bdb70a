using System.Diagnostics;

namespace EgressAgent.Linux.Tests.Support;

/// <summary>Waits for a condition that another thread or the kernel brings about.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    public static void True(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Deadline, $"not within {Deadline.TotalSeconds} s: {what}");
            Thread.Sleep(2);
        }
    }
}
