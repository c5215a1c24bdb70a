using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static unsafe partial class LibC
{
    internal const int SOCK_STREAM = 1;

    internal const int IPPROTO_IP = 0;
    internal const int IPPROTO_ICMP = 1;
    internal const int IPPROTO_TCP = 6;
    internal const int IPPROTO_UDP = 17;
    internal const int IPPROTO_IPV6 = 41;
    internal const int IPPROTO_ICMPV6 = 58;
    internal const int IPPROTO_SCTP = 132;

    internal const int SO_REUSEADDR = 2;
    internal const int SO_ERROR = 4;
    internal const int SO_KEEPALIVE = 9;
    internal const int SO_OOBINLINE = 10;
    internal const int SO_LINGER = 13;
    internal const int SO_SNDBUFFORCE = 32;

    internal const int IP_RECVERR = 11;
    internal const int IP_FREEBIND = 15;
    internal const int IP_RECVORIGDSTADDR = 20;
    internal const int IP_BIND_ADDRESS_NO_PORT = 24;
    internal const int IPV6_RECVERR = 25;
    internal const int IPV6_RECVORIGDSTADDR = 74;
    internal const int IPV6_FREEBIND = 78;

    internal const int TCP_NODELAY = 1;

    // linux/udp.h
    internal const int UDP_SEGMENT = 103;
    internal const int UDP_GRO = 104;

    internal const int SHUT_WR = 1;
    internal const int SHUT_RDWR = 2;
    internal const int MSG_NOSIGNAL = 0x4000;
    internal const int MSG_MORE = 0x8000;
    internal const int MSG_ERRQUEUE = 0x2000;

    [StructLayout(LayoutKind.Sequential)]
    internal struct Linger
    {
        internal int l_onoff;
        internal int l_linger;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct IoVec
    {
        internal void* iov_base;
        internal nuint iov_len;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct MsgHdr
    {
        internal void* msg_name;
        internal uint msg_namelen;
        internal IoVec* msg_iov;
        internal nuint msg_iovlen;
        internal void* msg_control;
        internal nuint msg_controllen;
        internal int msg_flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct MMsgHdr
    {
        internal MsgHdr msg_hdr;
        internal uint msg_len;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct CMsgHdr
    {
        internal nuint cmsg_len;
        internal int cmsg_level;
        internal int cmsg_type;
    }

    // linux/errqueue.h
    [StructLayout(LayoutKind.Sequential)]
    internal struct SockExtendedErr
    {
        internal uint ee_errno;
        internal byte ee_origin;
        internal byte ee_type;
        internal byte ee_code;
        internal byte ee_pad;
        internal uint ee_info;
        internal uint ee_data;
    }

    // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bind(int sockfd, void* addr, uint addrlen);

    // int listen(int sockfd, int backlog);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int listen(int sockfd, int backlog);

    // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int connect(int sockfd, void* addr, uint addrlen);

    // int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int accept4(int sockfd, void* addr, uint* addrlen, int flags);

    // int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getsockname(int sockfd, void* addr, uint* addrlen);

    // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setsockopt(int sockfd, int level, int optname, void* optval, uint optlen);

    // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getsockopt(int sockfd, int level, int optname, void* optval, uint* optlen);

    // int shutdown(int sockfd, int how);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int shutdown(int sockfd, int how);

    // ssize_t recv(int sockfd, void *buf, size_t len, int flags);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint recv(int sockfd, void* buf, nuint len, int flags);

    // ssize_t send(int sockfd, const void *buf, size_t len, int flags);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint send(int sockfd, void* buf, nuint len, int flags);

    // ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *dest, socklen_t addrlen);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint sendto(int sockfd, void* buf, nuint len, int flags, void* dest, uint addrlen);

    // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint recvmsg(int sockfd, MsgHdr* msg, int flags);

    // int recvmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags, struct timespec *timeout);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int recvmmsg(int sockfd, MMsgHdr* msgvec, uint vlen, int flags, void* timeout);

    // int sendmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sendmmsg(int sockfd, MMsgHdr* msgvec, uint vlen, int flags);
}
