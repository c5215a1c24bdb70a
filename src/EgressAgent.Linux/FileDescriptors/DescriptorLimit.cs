using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.FileDescriptors;

/// <summary>How many descriptors this process may have open: RLIMIT_NOFILE, getrlimit(2).</summary>
public static unsafe class DescriptorLimit
{
    /// <summary>The limit in force.</summary>
    public static long Current => Get().rlim_cur is var value && value > long.MaxValue ? long.MaxValue : (long)value;

    /// <summary>Raises the limit in force to the hard limit, which needs no privilege.</summary>
    /// <returns>The limit in force afterwards.</returns>
    public static long RaiseToHard()
    {
        LibC.RLimit limit = Get();
        limit.rlim_cur = limit.rlim_max;
        _ = LibC.setrlimit(LibC.RLIMIT_NOFILE, &limit);
        return Current;
    }

    /// <summary>Sets the limit in force; the hard limit stays.</summary>
    /// <exception cref="LinuxException">It is above the hard limit.</exception>
    public static void Set(long descriptors)
    {
        LibC.RLimit limit = Get();
        limit.rlim_cur = (ulong)descriptors;
        if (LibC.setrlimit(LibC.RLIMIT_NOFILE, &limit) != 0)
        {
            throw new LinuxException("set RLIMIT_NOFILE", descriptors.ToString(), Errno.Last);
        }
    }

    private static LibC.RLimit Get()
    {
        LibC.RLimit limit;
        return LibC.getrlimit(LibC.RLIMIT_NOFILE, &limit) == 0 ? limit : throw new LinuxException("getrlimit", "RLIMIT_NOFILE", Errno.Last);
    }
}
