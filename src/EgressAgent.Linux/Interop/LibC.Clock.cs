using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static unsafe partial class LibC
{
    internal const int CLOCK_MONOTONIC = 1;

    [StructLayout(LayoutKind.Sequential)]
    internal struct TimeSpec
    {
        internal long tv_sec;
        internal long tv_nsec;
    }

    // int clock_gettime(clockid_t clockid, struct timespec *tp);
    [LibraryImport(Library)]
    internal static partial int clock_gettime(int clockid, out TimeSpec tp);

    /// <summary>Microseconds of CLOCK_MONOTONIC, the clock in which libsystemd counts.</summary>
    internal static ulong MonotonicMicroseconds()
    {
        // Fails only for a clock that does not exist.
        _ = clock_gettime(CLOCK_MONOTONIC, out TimeSpec now);
        return ((ulong)now.tv_sec * 1_000_000) + ((ulong)now.tv_nsec / 1_000);
    }
}
