using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace EgressAgent.Testing.Lab;

/// <summary>Ethernet frames with IP packets of either family, checksums included.</summary>
public static class Frame
{
    private const int Ethernet = 14;
    private const byte Syn = 0x02;

    /// <summary>A TCP segment without data; with SYN unless <paramref name="flags"/> says otherwise.</summary>
    public static byte[] Tcp(
        PhysicalAddress from, PhysicalAddress to, IPAddress source, int sourcePort, IPAddress destination, int destinationPort, byte flags = Syn)
    {
        byte[] segment = new byte[20];
        WritePorts(segment, sourcePort, destinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), 1);
        segment[12] = 5 << 4;
        segment[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), 8192);
        return Build(from, to, source, destination, 6, segment, checksumAt: 16);
    }

    /// <summary>A datagram of a few bytes.</summary>
    public static byte[] Udp(PhysicalAddress from, PhysicalAddress to, IPAddress source, int sourcePort, IPAddress destination, int destinationPort)
    {
        byte[] datagram = [0, 0, 0, 0, 0, 12, 0, 0, .. "ping"u8];
        WritePorts(datagram, sourcePort, destinationPort);
        return Build(from, to, source, destination, 17, datagram, checksumAt: 6);
    }

    /// <summary>An ICMP or ICMPv6 echo request.</summary>
    public static byte[] Ping(PhysicalAddress from, PhysicalAddress to, IPAddress source, IPAddress destination)
    {
        bool isV6 = source.AddressFamily == AddressFamily.InterNetworkV6;
        return Build(from, to, source, destination, isV6 ? (byte)58 : (byte)1, [isV6 ? (byte)128 : (byte)8, 0, 0, 0, 0, 7, 0, 1], checksumAt: 2);
    }

    /// <summary>A few bytes of a protocol without a checksum.</summary>
    public static byte[] Other(PhysicalAddress from, PhysicalAddress to, IPAddress source, IPAddress destination, byte protocol) =>
        Build(from, to, source, destination, protocol, [.. "other"u8, 0, 0, 0], checksumAt: 6);

    private static byte[] Build(
        PhysicalAddress from, PhysicalAddress to, IPAddress source, IPAddress destination, byte protocol, byte[] payload, int checksumAt)
    {
        bool isV6 = source.AddressFamily == AddressFamily.InterNetworkV6;
        int header = isV6 ? 40 : 20;
        byte[] frame = new byte[Ethernet + header + payload.Length];
        to.GetAddressBytes().CopyTo(frame, 0);
        from.GetAddressBytes().CopyTo(frame, 6);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), isV6 ? (ushort)0x86dd : (ushort)0x0800);
        Span<byte> ip = frame.AsSpan(Ethernet, header);
        Span<byte> addresses = isV6 ? ip[8..] : ip[12..];
        source.GetAddressBytes().CopyTo(addresses);
        destination.GetAddressBytes().CopyTo(addresses[(addresses.Length / 2)..]);
        if (isV6)
        {
            ip[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)payload.Length);
            ip[6] = protocol;
            ip[7] = 64;
        }
        else
        {
            ip[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(header + payload.Length));
            ip[8] = 64;
            ip[9] = protocol;
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Fold(Sum(ip)));
        }

        // ICMP alone, of IPv4, is without a pseudo-header (RFC 792).
        uint pseudoHeader = protocol == 1 ? 0 : Sum(addresses) + protocol + (uint)payload.Length;
        BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(checksumAt), Fold(Sum(payload) + pseudoHeader));
        payload.CopyTo(frame, Ethernet + header);
        return frame;
    }

    private static void WritePorts(Span<byte> payload, int source, int destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)source);
        BinaryPrimitives.WriteUInt16BigEndian(payload[2..], (ushort)destination);
    }

    // RFC 1071. The lengths here are even.
    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        return sum;
    }

    private static ushort Fold(uint sum)
    {
        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~(sum + (sum >> 16));
    }
}
