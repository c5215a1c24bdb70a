using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Sockets;

public static unsafe partial class NativeSocket
{
    /// <summary>The pending error, which reading clears: SO_ERROR, socket(7).</summary>
    public static Errno TakeError(int socket)
    {
        int value = 0;
        uint length = sizeof(int);
        return LibC.getsockopt(socket, LibC.SOL_SOCKET, LibC.SO_ERROR, &value, &length) == 0 ? new Errno(value) : Errno.Last;
    }

    public static Errno SetNoDelay(int socket) => Set(socket, LibC.IPPROTO_TCP, LibC.TCP_NODELAY, 1);

    /// <summary>Probes a silent peer when and as often as the network namespace says (net.ipv4.tcp_keepalive_*), tcp(7).</summary>
    public static Errno SetKeepAlive(int socket) => Set(socket, LibC.SOL_SOCKET, LibC.SO_KEEPALIVE, 1);

    /// <summary>The urgent byte of TCP is received in its place among the others, instead of apart: SO_OOBINLINE, socket(7).</summary>
    public static Errno SetUrgentInline(int socket) => Set(socket, LibC.SOL_SOCKET, LibC.SO_OOBINLINE, 1);

    public static Errno SetReuseAddress(int socket) => Set(socket, LibC.SOL_SOCKET, LibC.SO_REUSEADDR, 1);

    /// <summary>Also beyond net.core.rmem_max, for those with CAP_NET_ADMIN; for others up to it.</summary>
    public static Errno SetReceiveBuffer(int socket, int bytes) => Set(socket, LibC.SOL_SOCKET, LibC.SO_RCVBUFFORCE, bytes) is { IsSuccess: true } forced
        ? forced
        : Set(socket, LibC.SOL_SOCKET, LibC.SO_RCVBUF, bytes);

    /// <summary>Also beyond net.core.wmem_max, for those with CAP_NET_ADMIN.</summary>
    public static Errno ForceSendBuffer(int socket, int bytes) => Set(socket, LibC.SOL_SOCKET, LibC.SO_SNDBUFFORCE, bytes);

    /// <summary>What the socket sends from now on bears the firewall mark: SO_MARK, socket(7). Needs CAP_NET_ADMIN.</summary>
    public static Errno SetMark(int socket, uint mark) => Set(socket, LibC.SOL_SOCKET, LibC.SO_MARK, (int)mark);

    /// <summary>Lets a socket bind to an address that is not (or not yet) on an interface, ip(7).</summary>
    public static Errno SetFreeBind(int socket, in SocketEndpoint family) => family.IsIPv4
        ? Set(socket, LibC.IPPROTO_IP, LibC.IP_FREEBIND, 1)
        : Set(socket, LibC.IPPROTO_IPV6, LibC.IPV6_FREEBIND, 1);

    /// <summary>
    /// Binding to an address with port 0 leaves the port to connect(2), where one local port serves many destinations, ip(7).
    /// IPv6 sockets take it at the IPv4 level too.
    /// </summary>
    public static Errno SetBindAddressNoPort(int socket) => Set(socket, LibC.IPPROTO_IP, LibC.IP_BIND_ADDRESS_NO_PORT, 1);

    /// <summary>Each datagram comes with the address and port that it was sent to, whatever the socket is bound to.</summary>
    public static Errno SetReceiveOriginalDestination(int socket, in SocketEndpoint family) => family.IsIPv4
        ? Set(socket, LibC.IPPROTO_IP, LibC.IP_RECVORIGDSTADDR, 1)
        : Set(socket, LibC.IPPROTO_IPV6, LibC.IPV6_RECVORIGDSTADDR, 1);

    /// <summary>
    /// Datagrams of one size that came in a row may be received as one message, which a <see cref="DatagramBatch"/> takes apart:
    /// UDP_GRO. A kernel that has it (5.0) also has UDP_SEGMENT (4.18), by which they are sent so.
    /// </summary>
    public static Errno SetReceiveCoalesced(int socket) => Set(socket, LibC.IPPROTO_UDP, LibC.UDP_GRO, 1);

    private static Errno Set(int socket, int level, int option, int value) =>
        LibC.setsockopt(socket, level, option, &value, sizeof(int)) == 0 ? Errno.Success : Errno.Last;
}
