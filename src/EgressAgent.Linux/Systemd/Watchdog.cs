using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Systemd;

/// <summary>The service manager's watchdog over this process (sd_watchdog_enabled(3), WatchdogSec=).</summary>
public static class Watchdog
{
    /// <summary>
    /// The longest time between two <see cref="ServiceNotifier.Alive"/> after which the manager takes us for hung; half of it is a
    /// good pace. Null where no watchdog watches this process.
    /// </summary>
    /// <exception cref="LinuxException">EINVAL: WATCHDOG_USEC or WATCHDOG_PID is malformed.</exception>
    public static TimeSpan? Interval =>
        LibSystemd.Check(LibSystemd.sd_watchdog_enabled(0, out ulong microseconds), "read", "WATCHDOG_USEC") > 0
            ? TimeSpan.FromMicroseconds(microseconds)
            : null;
}
