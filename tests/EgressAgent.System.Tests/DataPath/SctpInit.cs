using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>An SCTP packet with an INIT chunk (RFC 9260, 3.3.2), enough to be taken for the beginning of an association.</summary>
internal static class SctpInit
{
    private const int IpHeader = 20;
    private const int Header = 12;
    private const int Chunk = 20;
    internal const int InitAck = 2;
    private const int ProtocolNumber = 132;

    internal static byte[] Packet(ushort sourcePort, ushort destinationPort)
    {
        byte[] packet = new byte[Header + Chunk];
        BinaryPrimitives.WriteUInt16BigEndian(packet, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), destinationPort);
        packet[Header] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(Header + 2), Chunk);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(Header + 4), 1);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(Header + 8), 65536);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(Header + 12), 1);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(Header + 14), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(packet.AsSpan(8), Crc32C(packet));
        return packet;
    }

    /// <summary>Whether somebody listens: an INIT is answered with INIT ACK, by a port that is closed with ABORT.</summary>
    internal static bool IsAnswered(LabHost from, string address, int port)
    {
        using Socket socket = from.CreateRawSocket(ProtocolNumber);
        socket.ReceiveTimeout = 200;
        socket.SendTo(Packet(sourcePort: 4000, (ushort)port), new IPEndPoint(IPAddress.Parse(address), 0));
        byte[] answer = new byte[512];
        try
        {
            return socket.Receive(answer) > IpHeader + Header && answer[IpHeader + Header] == InitAck;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    // RFC 9260, appendix A: the checksum field itself counts as zero.
    private static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte next in bytes)
        {
            crc ^= next;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0x82f63b78);
            }
        }

        return ~crc;
    }
}
