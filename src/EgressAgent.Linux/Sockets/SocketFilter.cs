using System.Buffers.Binary;
using System.Net;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;

namespace EgressAgent.Linux.Sockets;

/// <summary>Classic BPF on a socket (linux/filter.h): what the filter returns 0 for is not received.</summary>
internal static class SocketFilter
{
    // linux/bpf_common.h: BPF_LD | BPF_W | BPF_ABS and so on.
    internal const ushort LoadWord = 0x20;
    internal const ushort LoadHalf = 0x28;
    internal const ushort LoadByte = 0x30;
    internal const ushort Jump = 0x05;
    internal const ushort JumpIfEqual = 0x15;

    // linux/filter.h: SKF_AD_OFF, and SKF_AD_PROTOCOL and SKF_AD_PKTTYPE from there.
    internal const uint Protocol = unchecked((uint)-0x1000);
    internal const uint PacketType = Protocol + 4;

    private const ushort Return = 0x06;

    /// <summary>Receives nothing.</summary>
    internal static SockFilter Drop => new(Return, 0, 0, 0);

    internal static SockFilter Accept => new(Return, 0, 0, uint.MaxValue);

    /// <summary>Goes on with what follows if the loaded word is the last one of any of the addresses, and drops the packet if not.</summary>
    internal static IEnumerable<SockFilter> RequireLastWord(IReadOnlyCollection<IPAddress> addresses)
    {
        int left = addresses.Count;
        foreach (IPAddress address in addresses)
        {
            // Conditional jumps reach 255 instructions, unconditional ones everything: past the pairs that follow and their drop.
            left--;
            yield return new(JumpIfEqual, 0, 1, BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes().AsSpan()[^sizeof(uint)..]));
            yield return new(Jump, 0, 0, (uint)(2 * left) + 1);
        }

        yield return Drop;
    }

    /// <summary>Sets the socket's filter, in place of the one that it has.</summary>
    /// <exception cref="LinuxException">The kernel has no room for a filter of that length (ENOMEM).</exception>
    internal static unsafe void Attach(FileHandle socket, ReadOnlySpan<SockFilter> filter, string where)
    {
        fixed (SockFilter* instructions = filter)
        {
            var program = new SockFProg { len = (ushort)filter.Length, filter = instructions };
            if (LibC.setsockopt(socket, LibC.SOL_SOCKET, LibC.SO_ATTACH_FILTER, &program, (uint)sizeof(SockFProg)) < 0)
            {
                throw new LinuxException("filter packets", where, Errno.Last);
            }
        }
    }
}
