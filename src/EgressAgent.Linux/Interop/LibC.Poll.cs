using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static partial class LibC
{
    internal const short POLLIN = 1;

    // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
    [LibraryImport(Library, SetLastError = true)]
    internal static unsafe partial int poll(PollFd* fds, nuint nfds, int timeout);
}

/// <summary><c>struct pollfd</c> of poll.h.</summary>
internal struct PollFd
{
    internal int fd;
    internal short events;
    internal short revents;
}
