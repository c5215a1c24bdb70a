using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static unsafe partial class LibC
{
    internal const int CLOCK_BOOTTIME = 7;

    // int clock_gettime(clockid_t clockid, struct timespec *tp);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int clock_gettime(int clockid, Timespec* tp);

    internal struct Timespec
    {
        internal nint tv_sec;
        internal nint tv_nsec;
    }
}
