using System.Globalization;
using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Two nodes that hear each other, of which the holder's clock of the wall is set; CLOCK_BOOTTIME goes on, as it does then.</summary>
public sealed class ClockTests() : TwoNodeTest(hearEachOther: true)
{
    private static readonly string? Library = Directory.GetFiles("/usr/lib", "libfaketimeMT.so.1", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2 }).FirstOrDefault();

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("egress-clock-");

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void Clock_that_jumps_by_an_hour_moves_nothing(int hours)
    {
        Assert.SkipUnless(Library is not null, "needs libfaketime");
        string clock = Path.Combine(_directory.FullName, "offset");
        File.WriteAllText(clock, "+0");
        StartBoth("env", $"LD_PRELOAD={Library}", $"FAKETIME_TIMESTAMP_FILE={clock}", "FAKETIME_CACHE_DURATION=1", "DONT_FAKE_MONOTONIC=1");
        string said = A.Agent.Log;

        File.WriteAllText(clock, $"{hours:+0;-0}h");

        // An edit each time, until its line in the log bears the new time.
        TimeSpan before = TimeOf(said);
        int generation = 1;
        Eventually.True(
            "a's clock to have jumped",
            () =>
            {
                A.Write(Web.Tcp(9000 + ++generation, "203.0.113.26", 80));
                A.Agent.WaitForLog($"generation {generation} accepted");
                return Math.Abs((TimeOf(A.Agent.Log) - before).TotalHours - hours) is var gap && (gap < 0.1 || Math.Abs(gap - 24) < 0.1);
            },
            otherwise: () => A.Agent.Log);

        // Longer than a lease and a fence last that nobody renews.
        Thread.Sleep(TimeSpan.FromSeconds(5));
        AssertServes(A);
        B.WaitFor("standby");
        Assert.DoesNotContain("hold it from now on", A.Agent.Log[said.Length..] + B.Agent.Log);

        A.Agent.Kill();
        B.WaitFor("active");
        AssertServes(B);
    }

    protected override void Dispose(bool isDisposing)
    {
        base.Dispose(isDisposing);
        _directory.Delete(recursive: true);
    }

    // That of its last line.
    private static TimeSpan TimeOf(string log) =>
        TimeSpan.ParseExact(log.TrimEnd('\n').Split('\n')[^1].Split(' ')[0], @"hh\:mm\:ss\.fff", CultureInfo.InvariantCulture);
}
