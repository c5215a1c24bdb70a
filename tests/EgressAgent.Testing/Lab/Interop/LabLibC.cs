using System.Runtime.InteropServices;

namespace EgressAgent.Testing.Lab.Interop;

/// <summary>
/// The few calls that the lab makes itself. They are not shared with the product on purpose: a lab that enters namespaces through
/// the code under test would share its faults.
/// </summary>
internal static partial class LabLibC
{
    internal const int CLONE_NEWNET = 0x40000000;
    internal const int AF_INET = 2;
    internal const int SOCK_RAW = 3;
    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int SIGKILL = 9;
    internal const int SIGTERM = 15;

    // int setns(int fd, int nstype);
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setns(int fd, int nstype);

    // int socket(int domain, int type, int protocol);
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    // int kill(pid_t pid, int sig);
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int kill(int pid, int sig);
}
