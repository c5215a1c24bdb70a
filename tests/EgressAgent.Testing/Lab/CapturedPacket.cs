using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;

namespace EgressAgent.Testing.Lab;

/// <summary>One Ethernet frame, as far as the tests look into it.</summary>
/// <param name="SourceMac">The sender's MAC.</param>
/// <param name="DestinationMac">The receiver's MAC.</param>
/// <param name="Protocol">What the frame carries.</param>
/// <param name="Source">The IP source, or the sender's address of an ARP packet; null for what is neither.</param>
/// <param name="Destination">The IP destination, or the target of an ARP packet; null for what is neither.</param>
/// <param name="SourcePort">0 where the protocol has none.</param>
/// <param name="DestinationPort">0 where the protocol has none.</param>
/// <param name="Kind">TCP's flags, the type of SCTP's first chunk, ICMP's type and code (type in the upper byte), or ARP's operation.</param>
public sealed record CapturedPacket(
    PhysicalAddress SourceMac,
    PhysicalAddress DestinationMac,
    PacketProtocol Protocol,
    IPAddress? Source,
    IPAddress? Destination,
    int SourcePort,
    int DestinationPort,
    int Kind)
{
    private const int EthernetHeader = 14;
    private const int TcpReset = 0x04;

    /// <summary>Whether it is an IPv4 packet, whatever it carries.</summary>
    public bool IsIPv4 => Protocol is not PacketProtocol.Arp && Source?.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;

    /// <summary>Whether it is a TCP segment that resets a connection.</summary>
    public bool IsReset => Protocol == PacketProtocol.Tcp && (Kind & TcpReset) != 0;

    /// <summary>Reads a frame. What is cut short or unknown comes back as <see cref="PacketProtocol.Other"/>.</summary>
    public static CapturedPacket Parse(ReadOnlySpan<byte> frame)
    {
        PhysicalAddress destinationMac = new(frame[..6].ToArray());
        PhysicalAddress sourceMac = new(frame[6..12].ToArray());
        ReadOnlySpan<byte> payload = frame[EthernetHeader..];
        return BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch
        {
            0x0806 when payload.Length >= 28 => new(
                sourceMac, destinationMac, PacketProtocol.Arp,
                new IPAddress(payload[14..18]), new IPAddress(payload[24..28]), 0, 0, payload[7]),
            0x0800 when payload.Length >= 20 => Transport(
                sourceMac, destinationMac, payload[9],
                new IPAddress(payload[12..16]), new IPAddress(payload[16..20]), payload[((payload[0] & 0xf) * 4)..]),
            0x86dd when payload.Length >= 40 => Transport(
                sourceMac, destinationMac, payload[6],
                new IPAddress(payload[8..24]), new IPAddress(payload[24..40]), payload[40..]),
            _ => new(sourceMac, destinationMac, PacketProtocol.Other, null, null, 0, 0, 0),
        };
    }

    public override string ToString() => Protocol switch
    {
        PacketProtocol.Arp => $"{SourceMac} > {DestinationMac} ARP {(Kind == 1 ? "who has" : "reply")} {Destination} tell {Source}",
        PacketProtocol.Icmp or PacketProtocol.IcmpV6 => $"{Source} > {Destination} {Protocol} type {Kind >> 8} code {Kind & 0xff}",
        PacketProtocol.Sctp => $"{Source}:{SourcePort} > {Destination}:{DestinationPort} SCTP chunk {Kind}",
        PacketProtocol.Tcp => $"{Source}:{SourcePort} > {Destination}:{DestinationPort} TCP flags 0x{Kind:x2}",
        _ => $"{SourceMac} > {DestinationMac} {Source}:{SourcePort} > {Destination}:{DestinationPort} {Protocol}",
    };

    private static CapturedPacket Transport(
        PhysicalAddress sourceMac,
        PhysicalAddress destinationMac,
        byte number,
        IPAddress source,
        IPAddress destination,
        ReadOnlySpan<byte> segment)
    {
        PacketProtocol protocol = number switch
        {
            1 => PacketProtocol.Icmp,
            6 => PacketProtocol.Tcp,
            17 => PacketProtocol.Udp,
            58 => PacketProtocol.IcmpV6,
            132 => PacketProtocol.Sctp,
            _ => PacketProtocol.Other,
        };
        bool hasPorts = protocol is PacketProtocol.Tcp or PacketProtocol.Udp or PacketProtocol.Sctp && segment.Length >= 4;
        int kind = protocol switch
        {
            PacketProtocol.Tcp when segment.Length >= 14 => segment[13],
            PacketProtocol.Sctp when segment.Length >= 13 => segment[12],
            PacketProtocol.Icmp or PacketProtocol.IcmpV6 when segment.Length >= 2 => (segment[0] << 8) | segment[1],
            _ => 0,
        };
        return new(
            sourceMac, destinationMac, protocol, source, destination,
            hasPorts ? BinaryPrimitives.ReadUInt16BigEndian(segment) : 0,
            hasPorts ? BinaryPrimitives.ReadUInt16BigEndian(segment[2..]) : 0,
            kind);
    }
}
