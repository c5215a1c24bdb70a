using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

// sd-daemon.h
internal static unsafe partial class LibSystemd
{
    // int sd_pid_notify_with_fds(pid_t pid, int unset_environment, const char *state, const int *fds, unsigned n_fds);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_pid_notify_with_fds(int pid, int unset_environment, string state, int* fds, uint n_fds);

    // int sd_watchdog_enabled(int unset_environment, uint64_t *usec);
    [LibraryImport(Library)]
    internal static partial int sd_watchdog_enabled(int unset_environment, out ulong usec);

    // int sd_listen_fds_with_names(int unset_environment, char ***names);
    [LibraryImport(Library)]
    internal static partial int sd_listen_fds_with_names(int unset_environment, out byte** names);
}
