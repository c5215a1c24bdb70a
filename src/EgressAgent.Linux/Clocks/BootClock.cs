using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Clocks;

/// <summary>
/// The clock of this boot, CLOCK_BOOTTIME: nobody sets it, and it goes on while the machine is suspended. BPF programs read it too
/// (bpf_ktime_get_boot_ns). Source: clock_gettime(2).
/// </summary>
public static class BootClock
{
    /// <summary>Since the boot, in nanoseconds. Any thread.</summary>
    public static unsafe long Nanoseconds
    {
        get
        {
            LibC.Timespec time;
            return LibC.clock_gettime(LibC.CLOCK_BOOTTIME, &time) == 0
                ? (time.tv_sec * 1_000_000_000L) + time.tv_nsec
                : throw new LinuxException("read clock", "CLOCK_BOOTTIME", Errno.Last);
        }
    }
}
