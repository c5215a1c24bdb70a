using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static unsafe partial class LibC
{
    internal const int O_NONBLOCK = 0x800;
    internal const int F_DUPFD_CLOEXEC = 1030;
    internal const int F_SETPIPE_SZ = 1031;
    internal const uint SPLICE_F_MOVE = 1;
    internal const uint SPLICE_F_NONBLOCK = 2;
    internal const int RLIMIT_NOFILE = 7;

    [StructLayout(LayoutKind.Sequential)]
    internal struct RLimit
    {
        internal ulong rlim_cur;
        internal ulong rlim_max;
    }

    // int pipe2(int pipefd[2], int flags);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int pipe2(int* pipefd, int flags);

    // int fcntl(int fd, int cmd, int arg);  Variadic in C; an int argument is passed alike on x86-64, arm64 and riscv64 Linux.
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fcntl(int fd, int cmd, int arg);

    // int dup3(int oldfd, int newfd, int flags);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int dup3(int oldfd, int newfd, int flags);

    // ssize_t splice(int fd_in, off64_t *off_in, int fd_out, off64_t *off_out, size_t len, unsigned int flags);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint splice(int fd_in, void* off_in, int fd_out, void* off_out, nuint len, uint flags);

    // int getrlimit(int resource, struct rlimit *rlim);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getrlimit(int resource, RLimit* rlim);

    // int setrlimit(int resource, const struct rlimit *rlim);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setrlimit(int resource, RLimit* rlim);
}
