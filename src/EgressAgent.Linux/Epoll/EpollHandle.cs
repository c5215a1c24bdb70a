using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Epoll;

/// <summary>An epoll(7) instance. Descriptors may be added from any thread; one thread waits.</summary>
public sealed unsafe class EpollHandle : FileHandle
{
    private EpollHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <exception cref="LinuxException">No descriptor or no memory is left.</exception>
    public static EpollHandle Create()
    {
        int descriptor = LibC.epoll_create1(LibC.EPOLL_CLOEXEC);
        return descriptor >= 0 ? new EpollHandle(descriptor) : throw new LinuxException("epoll_create1", "", Errno.Last);
    }

    /// <param name="descriptor">What to watch. It leaves the instance by itself when its last copy is closed.</param>
    /// <param name="events">What to report; errors and hang-ups always are.</param>
    /// <param name="data">Comes back with every event of the descriptor.</param>
    public Errno Add(int descriptor, EpollEvents events, ulong data)
    {
        byte* entry = stackalloc byte[EpollEventBuffer.Stride];
        EpollEventBuffer.Write(entry, events, data);
        return LibC.epoll_ctl(Descriptor, LibC.EPOLL_CTL_ADD, descriptor, entry) == 0 ? Errno.Success : Errno.Last;
    }

    public Errno Remove(int descriptor) =>
        LibC.epoll_ctl(Descriptor, LibC.EPOLL_CTL_DEL, descriptor, null) == 0 ? Errno.Success : Errno.Last;

    /// <summary>Waits and fills the buffer.</summary>
    /// <param name="events">Where the events go.</param>
    /// <param name="timeoutMilliseconds">−1 waits for ever, 0 polls.</param>
    /// <returns>The number of events; 0 also after a signal.</returns>
    /// <exception cref="LinuxException">The instance is closed.</exception>
    public int Wait(EpollEventBuffer events, int timeoutMilliseconds)
    {
        int count = LibC.epoll_wait(Descriptor, events.Pointer, events.Capacity, timeoutMilliseconds);
        if (count >= 0)
        {
            return count;
        }

        Errno errno = Errno.Last;
        return errno == Errno.EINTR ? 0 : throw new LinuxException("epoll_wait", "", errno);
    }
}
