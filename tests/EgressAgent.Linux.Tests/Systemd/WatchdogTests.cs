using EgressAgent.Linux.Systemd;

namespace EgressAgent.Linux.Tests.Systemd;

public sealed class WatchdogTests : IDisposable
{
    [Fact]
    public void Interval_noWatchdog_isNull() => Assert.Null(Watchdog.Interval);

    [Fact]
    public void Interval_oursIs30Seconds_isThat()
    {
        Set("30000000", Environment.ProcessId);
        Assert.Equal(TimeSpan.FromSeconds(30), Watchdog.Interval);
    }

    [Fact]
    public void Interval_watchdogOfAnotherProcess_isNull()
    {
        Set("30000000", 1);
        Assert.Null(Watchdog.Interval);
    }

    [Fact]
    public void Interval_malformed_throws()
    {
        Set("soon", Environment.ProcessId);
        Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => Watchdog.Interval).Errno);
    }

    public void Dispose()
    {
        _ = NativeMethods.unsetenv("WATCHDOG_USEC");
        _ = NativeMethods.unsetenv("WATCHDOG_PID");
    }

    private static void Set(string microseconds, int process)
    {
        _ = NativeMethods.setenv("WATCHDOG_USEC", microseconds, 1);
        _ = NativeMethods.setenv("WATCHDOG_PID", $"{process}", 1);
    }
}
