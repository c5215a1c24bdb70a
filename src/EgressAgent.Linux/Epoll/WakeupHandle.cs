using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Epoll;

/// <summary>An eventfd(2) by which other threads wake one that waits in epoll.</summary>
public sealed unsafe class WakeupHandle : FileHandle
{
    private WakeupHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <exception cref="LinuxException">No descriptor or no memory is left.</exception>
    public static WakeupHandle Create()
    {
        int descriptor = LibC.eventfd(0, LibC.EFD_CLOEXEC | LibC.EFD_NONBLOCK);
        return descriptor >= 0 ? new WakeupHandle(descriptor) : throw new LinuxException("eventfd", "", Errno.Last);
    }

    /// <summary>Makes the descriptor readable. Any thread; several signals before a <see cref="Reset"/> count as one.</summary>
    public void Signal()
    {
        // It can only fail with EAGAIN, when the counter is full: then it is readable already.
        ulong one = 1;
        _ = LibC.write(Descriptor, &one, sizeof(ulong));
    }

    public void Reset()
    {
        ulong value;
        _ = LibC.read(Descriptor, &value, sizeof(ulong));
    }
}
