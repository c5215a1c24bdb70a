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
}
