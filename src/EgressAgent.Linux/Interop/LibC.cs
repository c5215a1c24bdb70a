using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

/// <summary>
/// The C library. One file an aspect (<c>LibC.Sockets.cs</c>); the C prototype stands above each import, and errno is read in
/// the statement after the call.
/// </summary>
internal static partial class LibC
{
    private const string Library = "libc";

    // int close(int fd);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int close(int fd);

    internal const int SIG_SETMASK = 2;

    // sizeof(sigset_t) of glibc, in words of 64 bits.
    internal const int SignalSetWords = 16;

    // int pthread_sigmask(int how, const sigset_t *set, sigset_t *oldset);
    [LibraryImport(Library)]
    internal static unsafe partial int pthread_sigmask(int how, ulong* set, ulong* former);

    // uid_t geteuid(void);
    [LibraryImport(Library)]
    internal static partial uint geteuid();
}
