namespace EgressAgent.Linux.Interop;

/// <summary><c>struct pollfd</c> of poll.h.</summary>
internal struct PollFd
{
    internal int fd;
    internal short events;
    internal short revents;
}
