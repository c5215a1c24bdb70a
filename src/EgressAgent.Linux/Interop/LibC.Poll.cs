using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static partial class LibC
{
    internal const short POLLIN = 1;
    internal const short POLLOUT = 4;

    // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
    [LibraryImport(Library, SetLastError = true)]
    internal static unsafe partial int poll(PollFd* fds, nuint nfds, int timeout);
}
