using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.Interop.Uapi;

namespace EgressAgent.Linux.Arp;

/// <summary>
/// A socket filter (linux/filter.h) that lets only the ARP packets through in which somebody else says that it has one of our
/// addresses: on a busy network the others are thousands a second.
/// </summary>
internal static class ArpConflictFilter
{
    // linux/bpf_common.h: BPF_LD | BPF_W | BPF_ABS and so on. Offsets count from the ARP header, as the socket is of SOCK_DGRAM.
    private const ushort LoadWord = 0x20;
    private const ushort LoadHalf = 0x28;
    private const ushort JumpIfEqual = 0x15;
    private const ushort Jump = 0x05;
    private const ushort Return = 0x06;
    private const uint SenderMac = 8;
    private const uint SenderAddress = 14;

    internal static SockFilter[] Compile(PhysicalAddress own, IReadOnlyCollection<IPAddress> addresses)
    {
        byte[] mac = own.GetAddressBytes();
        List<SockFilter> program = [new(LoadWord, 0, 0, SenderAddress)];
        int left = addresses.Count;
        foreach (IPAddress address in addresses)
        {
            // Conditional jumps reach 255 instructions, unconditional ones everything: past the pairs that follow and their drop.
            left--;
            program.Add(new(JumpIfEqual, 0, 1, BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes())));
            program.Add(new(Jump, 0, 0, (uint)(2 * left) + 1));
        }

        program.AddRange(
        [
            new(Return, 0, 0, 0),
            new(LoadWord, 0, 0, SenderMac),
            new(JumpIfEqual, 0, 2, BinaryPrimitives.ReadUInt32BigEndian(mac)),
            new(LoadHalf, 0, 0, SenderMac + 4),
            new(JumpIfEqual, 1, 0, BinaryPrimitives.ReadUInt16BigEndian(mac.AsSpan(4))),
            new(Return, 0, 0, uint.MaxValue),
            new(Return, 0, 0, 0),
        ]);
        return [.. program];
    }
}
