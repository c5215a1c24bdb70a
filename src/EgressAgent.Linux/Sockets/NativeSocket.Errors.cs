using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Sockets;

public static unsafe partial class NativeSocket
{
    // SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6, linux/errqueue.h
    private const byte OriginIcmp = 2;
    private const byte OriginIcmpV6 = 3;

    /// <summary>ICMP errors about what the socket sent are kept, each with its type and code: IP_RECVERR, ip(7).</summary>
    public static Errno SetKeepErrors(int socket, in SocketEndpoint family) => family.IsIPv4
        ? Set(socket, LibC.IPPROTO_IP, LibC.IP_RECVERR, 1)
        : Set(socket, LibC.IPPROTO_IPV6, LibC.IPV6_RECVERR, 1);

    /// <summary>Takes one kept error.</summary>
    /// <param name="socket">A socket with <see cref="SetKeepErrors"/>.</param>
    /// <param name="error">What the network said; null for an error that this machine made.</param>
    /// <returns>False when there are no more.</returns>
    public static bool TryTakeIcmpError(int socket, out IcmpError? error)
    {
        byte* control = stackalloc byte[256];
        byte payload;
        var vector = new LibC.IoVec { iov_base = &payload, iov_len = 1 };
        var message = new LibC.MsgHdr { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = 256 };
        error = null;
        if (LibC.recvmsg(socket, &message, LibC.MSG_ERRQUEUE | LibC.MSG_DONTWAIT) < 0)
        {
            return false;
        }

        var header = (LibC.CMsgHdr*)control;
        bool present = message.msg_controllen >= (nuint)(sizeof(LibC.CMsgHdr) + sizeof(LibC.SockExtendedErr))
            && ((header->cmsg_level == LibC.IPPROTO_IP && header->cmsg_type == LibC.IP_RECVERR)
                || (header->cmsg_level == LibC.IPPROTO_IPV6 && header->cmsg_type == LibC.IPV6_RECVERR));
        var extended = (LibC.SockExtendedErr*)(header + 1);
        if (present && extended->ee_origin is OriginIcmp or OriginIcmpV6)
        {
            error = new IcmpError(extended->ee_type, extended->ee_code, extended->ee_info);
        }

        return true;
    }
}

/// <summary>What an ICMP or ICMPv6 error said about a datagram that was sent.</summary>
/// <param name="Type">Its type: 3 and 1 are "destination unreachable" of ICMP and ICMPv6.</param>
/// <param name="Code">Its code.</param>
/// <param name="Mtu">For "fragmentation needed" and "packet too big"; else 0.</param>
public readonly record struct IcmpError(byte Type, byte Code, uint Mtu);
