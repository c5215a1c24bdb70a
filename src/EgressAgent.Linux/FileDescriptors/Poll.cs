using System.Diagnostics;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.FileDescriptors;

/// <summary>Waits for one descriptor with poll(2).</summary>
internal static class Poll
{
    /// <summary>
    /// True when the descriptor is readable or has an error to read, false when <paramref name="timeout"/> has passed. A signal
    /// does not cut the wait short.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static unsafe bool Readable(FileHandle handle, TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            TimeSpan left = timeout - Stopwatch.GetElapsedTime(start);
            int milliseconds = (int)Math.Clamp(Math.Ceiling(left.TotalMilliseconds), 0, int.MaxValue);
            var entry = new PollFd { fd = handle.Descriptor, events = LibC.POLLIN };
            int count = LibC.poll(&entry, 1, milliseconds);
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
