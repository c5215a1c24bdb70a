using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Linux.Arp;

/// <summary>
/// A <see cref="SocketFilter"/> that lets only the ARP packets through in which somebody says that it has one of our
/// addresses: on a busy network the others are thousands a second.
/// </summary>
internal static class ArpConflictFilter
{
    // Counted from the ARP header, as the socket is of SOCK_DGRAM.
    private const uint SenderMac = 8;
    private const uint SenderAddress = 14;

    /// <param name="sender">The only MAC that is let through, but for what is said to the link alone; null for any.</param>
    /// <param name="addresses">Our addresses.</param>
    internal static SockFilter[] Compile(PhysicalAddress? sender, IReadOnlyCollection<IPAddress> addresses)
    {
        List<SockFilter> program = [new(SocketFilter.LoadWord, 0, 0, SenderAddress), .. SocketFilter.RequireLastWord(addresses)];
        if (sender?.GetAddressBytes() is { } mac)
        {
            program.AddRange(
            [
                new(SocketFilter.LoadWord, 0, 0, SenderMac),
                new(SocketFilter.JumpIfEqual, 0, 2, BinaryPrimitives.ReadUInt32BigEndian(mac)),
                new(SocketFilter.LoadHalf, 0, 0, SenderMac + 4),
                new(SocketFilter.JumpIfEqual, 3, 0, BinaryPrimitives.ReadUInt16BigEndian(mac.AsSpan(4))),
                new(SocketFilter.LoadWord, 0, 0, SocketFilter.PacketType),
                new(SocketFilter.JumpIfEqual, 1, 0, IfPacketH.PACKET_HOST),
                SocketFilter.Drop,
            ]);
        }

        return [.. program, SocketFilter.Accept];
    }
}
