using System.Buffers.Binary;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Sockets;

/// <summary>
/// Tells the sender of a UDP datagram that it was not delivered, as a router on the way would: by an ICMP error that quotes the
/// headers of such a datagram (RFC 792, RFC 4443). Needs CAP_NET_RAW.
/// </summary>
public sealed unsafe class IcmpSender : IDisposable
{
    private const int IcmpHeader = 8;
    private const int UdpHeader = 8;
    private const int Ipv4Header = 20;
    private const int Ipv6Header = 40;
    private const byte HopLimit = 64;

    private readonly FileHandle _socket;

    private IcmpSender(FileHandle socket) => _socket = socket;

    /// <summary>Opens in the network namespace of the calling thread.</summary>
    /// <param name="from">The address from which the errors come; port 0.</param>
    /// <param name="error">Why there is none.</param>
    public static IcmpSender? TryOpen(in SocketEndpoint from, out Errno error)
    {
        IoResult opened = Open(from);
        error = opened.Errno;
        if (opened.IsError)
        {
            return null;
        }

        var handle = new FileHandle(opened.Value);
        error = NativeSocket.Bind(opened.Value, from);
        if (!error.IsSuccess)
        {
            handle.Dispose();
            return null;
        }

        return new IcmpSender(handle);
    }

    /// <summary>Sends the error; that it cannot be sent is no fault of anyone's.</summary>
    /// <param name="client">Who sent the datagram.</param>
    /// <param name="destination">Where the client had sent it.</param>
    /// <param name="error">Type and code, of the same family.</param>
    public void Send(in SocketEndpoint client, in SocketEndpoint destination, IcmpError error)
    {
        Span<byte> packet = stackalloc byte[IcmpHeader + Ipv6Header + UdpHeader];
        packet.Clear();
        packet[0] = error.Type;
        packet[1] = error.Code;
        BinaryPrimitives.WriteUInt32BigEndian(packet[4..], error.Mtu);
        int ipLength = client.IsIPv4 ? Ipv4Header : Ipv6Header;
        packet = packet[..(IcmpHeader + ipLength + UdpHeader)];
        Span<byte> ip = packet.Slice(IcmpHeader, ipLength);
        if (client.IsIPv4)
        {
            WriteIpv4(ip, client, destination);
        }
        else
        {
            WriteIpv6(ip, client, destination);
        }

        Span<byte> udp = packet[(IcmpHeader + ipLength)..];
        BinaryPrimitives.WriteUInt16BigEndian(udp, client.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], destination.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], UdpHeader);
        if (client.IsIPv4)
        {
            // The kernel computes that of ICMPv6 itself.
            BinaryPrimitives.WriteUInt16BigEndian(packet[2..], Checksum(packet));
        }

        // Raw sockets take the protocol, not a port, from the address.
        SocketEndpoint to = client.WithPort(0);
        fixed (byte* data = packet)
        {
            _ = LibC.sendto(_socket.Descriptor, data, (nuint)packet.Length, LibC.MSG_DONTWAIT, &to, to.Length);
        }
    }

    public void Dispose() => _socket.Dispose();

    internal static ushort Checksum(ReadOnlySpan<byte> data)
    {
        uint sum = 0;
        for (int index = 0; index < data.Length; index += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(data[index..]);
        }

        sum = (sum & 0xffff) + (sum >> 16);
        sum += sum >> 16;
        return (ushort)~sum;
    }

    private static IoResult Open(in SocketEndpoint family) => IoResult.From(LibC.socket(
        family.IsIPv4 ? LibC.AF_INET : LibC.AF_INET6,
        LibC.SOCK_RAW | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC,
        family.IsIPv4 ? LibC.IPPROTO_ICMP : LibC.IPPROTO_ICMPV6));

    private static void WriteIpv4(Span<byte> header, in SocketEndpoint from, in SocketEndpoint to)
    {
        header[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], Ipv4Header + UdpHeader);
        header[8] = HopLimit;
        header[9] = LibC.IPPROTO_UDP;
        Span<byte> mapped = stackalloc byte[16];
        from.WriteMappedAddress(mapped);
        mapped[12..].CopyTo(header[12..]);
        to.WriteMappedAddress(mapped);
        mapped[12..].CopyTo(header[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], Checksum(header));
    }

    private static void WriteIpv6(Span<byte> header, in SocketEndpoint from, in SocketEndpoint to)
    {
        header[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], UdpHeader);
        header[6] = LibC.IPPROTO_UDP;
        header[7] = HopLimit;
        from.WriteMappedAddress(header[8..]);
        to.WriteMappedAddress(header[24..]);
    }
}
