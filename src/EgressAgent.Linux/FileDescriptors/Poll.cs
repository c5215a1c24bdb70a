using System.Diagnostics;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.FileDescriptors;

/// <summary>Waits for descriptors with poll(2).</summary>
internal static class Poll
{
    /// <summary>
    /// True when the descriptor is readable or has an error to read, false when <paramref name="timeout"/> has passed. A signal
    /// does not cut the wait short.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static bool Readable(FileHandle handle, TimeSpan timeout) => AnyReadable(handle, null, timeout);

    /// <summary>As <see cref="Readable"/>, for one of two; the second may be null.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static unsafe bool AnyReadable(FileHandle first, FileHandle? second, TimeSpan timeout)
    {
        PollFd* entries = stackalloc PollFd[2];
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            TimeSpan left = timeout - Stopwatch.GetElapsedTime(start);
            int milliseconds = (int)Math.Clamp(Math.Ceiling(left.TotalMilliseconds), 0, int.MaxValue);
            entries[0] = new PollFd { fd = first.Descriptor, events = LibC.POLLIN };
            entries[1] = new PollFd { fd = second?.Descriptor ?? -1, events = LibC.POLLIN };
            int count = LibC.poll(entries, 2, milliseconds);
            if (count >= 0)
            {
                return count > 0;
            }

            Errno errno = Errno.Last;
            if (errno != Errno.EINTR)
            {
                throw new LinuxException("poll", "", errno);
            }
        }
    }
}
