using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Tests;

/// <summary>What only tests need of the C library.</summary>
internal static partial class NativeMethods
{
    // int setenv(const char *name, const char *value, int overwrite);
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int setenv(string name, string value, int overwrite);

    // int unsetenv(const char *name);
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int unsetenv(string name);

    // int dup(int oldfd);
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int dup(int oldfd);

    // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags);
    [LibraryImport("libc", SetLastError = true)]
    internal static unsafe partial nint recvmsg(int sockfd, MessageHeader* msg, int flags);

    // struct msghdr of sys/socket.h.
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct MessageHeader
    {
        internal void* msg_name;
        internal uint msg_namelen;
        internal IoVector* msg_iov;
        internal nuint msg_iovlen;
        internal void* msg_control;
        internal nuint msg_controllen;
        internal int msg_flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct IoVector
    {
        internal void* iov_base;
        internal nuint iov_len;
    }
}
