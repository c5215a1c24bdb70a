using System.Runtime.InteropServices;

namespace EgressAgent.Testing.Lab.Interop;

/// <summary>
/// The few calls that the lab makes itself. They are not shared with the product on purpose: a lab that enters namespaces through
/// the code under test would share its faults.
/// </summary>
internal static unsafe partial class LabLibC
{
    internal const int CLONE_NEWNET = 0x40000000;
    internal const int AF_INET = 2;
    internal const int AF_INET6 = 10;
    internal const int SOCK_RAW = 3;
    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int SIGKILL = 9;
    internal const int SIGTERM = 15;
    internal const int SIGCONT = 18;
    internal const int SIGSTOP = 19;
    internal const int F_DUPFD = 0;
    internal const int MSG_DONTWAIT = 0x40;
    internal const int MSG_CMSG_CLOEXEC = 0x40000000;

    // int setns(int fd, int nstype);
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setns(int fd, int nstype);

    // int socket(int domain, int type, int protocol);
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    // int kill(pid_t pid, int sig);
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int kill(int pid, int sig);

    // int close(int fd);
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int close(int fd);

    // int fcntl(int fd, int cmd, ... /* arg */ );
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fcntl(int fd, int cmd, int arg);

    // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags);
    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint recvmsg(int sockfd, MessageHeader* msg, int flags);

    // struct iovec
    internal struct IoVector
    {
        internal void* iov_base;
        internal nuint iov_len;
    }

    // struct msghdr
    internal struct MessageHeader
    {
        internal void* msg_name;
        internal uint msg_namelen;
        internal IoVector* msg_iov;
        internal nuint msg_iovlen;
        internal void* msg_control;
        internal nuint msg_controllen;
        internal int msg_flags;
    }
}
