using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Systemd;

/// <summary>The descriptors that the service manager passed at the start: sockets to listen on, and what we had it store.</summary>
public static unsafe class PassedDescriptors
{
    // SD_LISTEN_FDS_START
    private const int First = 3;

    /// <summary>
    /// Takes them over, now close-on-exec, in the order in which they were passed; empty where there are none for this process
    /// (LISTEN_PID), and on every further call. They are moved beyond the lowest numbers, which others need. To be called early,
    /// while nobody else reads the environment, which loses the LISTEN_ variables.
    /// </summary>
    /// <exception cref="LinuxException">EINVAL: LISTEN_FDS or LISTEN_PID is malformed; EBADF: a descriptor is not open.</exception>
    public static IReadOnlyList<PassedDescriptor> Take()
    {
        int count = LibSystemd.Check(LibSystemd.sd_listen_fds_with_names(1, out byte** names), "take", "LISTEN_FDS");
        var passed = new PassedDescriptor[count];
        for (int i = 0; i < count; i++)
        {
            string name = Utf8StringMarshaller.ConvertToManaged(names[i])!;
            passed[i] = new PassedDescriptor(name, new FileHandle(LowDescriptors.Leave(First + i)));
            NativeMemory.Free(names[i]);
        }

        NativeMemory.Free(names);
        return passed;
    }
}

/// <summary>A descriptor that the service manager passed to us.</summary>
/// <param name="Name">FileDescriptorName= of a socket unit, or the name under which we had it stored; <c>unknown</c> without one.</param>
/// <param name="Handle">The descriptor; the receiver closes it.</param>
public sealed record PassedDescriptor(string Name, FileHandle Handle);
