using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.FileDescriptors;

/// <summary>
/// Keeps most of the descriptors below 1024 free for those who cannot do without. libnftables waits with select(2), which knows no
/// others (FD_SETSIZE) and ends the process when it is given one; an agent with hundreds of routers, or of connections, has more.
/// </summary>
internal static class LowDescriptors
{
    private const int End = 1024;

    // Below this, descriptors that there may be any number of stay where they are.
    private const int Shared = 256;

    /// <summary>
    /// Moves a descriptor that is kept for long, or one of many, out of the range. Where the process may not have any beyond it
    /// (RLIMIT_NOFILE), it stays.
    /// </summary>
    /// <param name="descriptor">Ours alone; close-on-exec afterwards. A negative number is passed through.</param>
    internal static int Leave(int descriptor)
    {
        if (descriptor is < 0 or >= End)
        {
            return descriptor;
        }

        int moved = LibC.fcntl(descriptor, LibC.F_DUPFD_CLOEXEC, End);
        if (moved < 0)
        {
            return descriptor;
        }

        _ = LibC.close(descriptor);
        return moved;
    }

    /// <summary>
    /// As <see cref="Leave"/>, for descriptors that there may be any number of. Those of them that come first may stay: to move one costs
    /// two system calls. Where those beyond the range are all taken, it is closed and errno says EMFILE, so that the rest of the
    /// range stays free.
    /// </summary>
    internal static int LeaveOrClose(int descriptor)
    {
        if (TryLeave(ref descriptor))
        {
            return descriptor;
        }

        _ = LibC.close(descriptor);
        Marshal.SetLastPInvokeError(Errno.EMFILE.Value);
        return -1;
    }

    /// <summary>
    /// As <see cref="LeaveOrClose"/>, but never in vain: where those beyond the range are all taken, it is moved to
    /// <paramref name="seat"/>, which is closed.
    /// </summary>
    /// <param name="descriptor">A negative number is passed through.</param>
    /// <param name="seat">Another one, of which there may be any number; -1 afterwards where it gave way.</param>
    internal static int LeaveOrReplace(int descriptor, ref int seat)
    {
        if (TryLeave(ref descriptor))
        {
            return descriptor;
        }

        int taken = LibC.dup3(descriptor, seat, LibC.O_CLOEXEC);
        seat = -1;
        _ = LibC.close(descriptor);
        return taken;
    }

    /// <exception cref="LinuxException">The next descriptor would be out of the range (EMFILE).</exception>
    internal static void DemandFree(string operation, string subject)
    {
        int next = LibC.open("/", LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
        Errno errno = next < 0 ? Errno.Last : Errno.Success;
        _ = LibC.close(next);
        if (next is < 0 or >= End)
        {
            throw new LinuxException(
                operation, subject, errno.IsSuccess ? Errno.EMFILE : errno, "no descriptor below 1024 is free, and libnftables needs one");
        }
    }

    // False when it would have to go beyond the range, and those there are all taken.
    private static bool TryLeave(ref int descriptor)
    {
        if (descriptor >= Shared)
        {
            descriptor = Leave(descriptor);
        }

        return descriptor is < Shared or >= End || DescriptorLimit.Current <= End;
    }
}
