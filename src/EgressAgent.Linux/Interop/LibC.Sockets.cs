using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static partial class LibC
{
    internal const int AF_UNSPEC = 0;
    internal const int AF_UNIX = 1;
    internal const int AF_INET = 2;
    internal const int AF_BRIDGE = 7;
    internal const int AF_INET6 = 10;
    internal const int AF_NETLINK = 16;
    internal const int AF_PACKET = 17;

    internal const int SOCK_DGRAM = 2;
    internal const int SOCK_RAW = 3;
    internal const int SOCK_NONBLOCK = 0x800;
    internal const int SOCK_CLOEXEC = 0x80000;

    internal const int SOL_SOCKET = 1;
    internal const int SO_SNDBUF = 7;
    internal const int SO_RCVBUF = 8;
    internal const int SO_SNDTIMEO = 21;
    internal const int SO_ATTACH_FILTER = 26;
    internal const int SO_MARK = 36;
    internal const int SO_RCVBUFFORCE = 33;
    internal const int SO_MEMINFO = 55;
    internal const int SO_BINDTOIFINDEX = 62;
    internal const int SO_NETNS_COOKIE = 71;

    internal const int MSG_PEEK = 0x2;
    internal const int MSG_TRUNC = 0x20;
    internal const int MSG_DONTWAIT = 0x40;

    // int socket(int domain, int type, int protocol);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
    [LibraryImport(Library, SetLastError = true)]
    internal static unsafe partial int bind(FileHandle sockfd, void* addr, uint addrlen);

    // int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen);
    [LibraryImport(Library, SetLastError = true)]
    internal static unsafe partial int getsockname(FileHandle sockfd, void* addr, uint* addrlen);

    // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
    [LibraryImport(Library, SetLastError = true)]
    internal static unsafe partial int setsockopt(FileHandle sockfd, int level, int optname, void* optval, uint optlen);

    // ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *dest_addr, socklen_t addrlen);
    [LibraryImport(Library, SetLastError = true)]
    internal static unsafe partial nint sendto(FileHandle sockfd, byte* buf, nuint len, int flags, void* dest_addr, uint addrlen);

    // ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *src_addr, socklen_t *addrlen);
    [LibraryImport(Library, SetLastError = true)]
    internal static unsafe partial nint recvfrom(FileHandle sockfd, byte* buf, nuint len, int flags, void* src_addr, uint* addrlen);

    internal static unsafe int setsockopt(FileHandle sockfd, int level, int optname, int optval) =>
        setsockopt(sockfd, level, optname, &optval, sizeof(int));
}
