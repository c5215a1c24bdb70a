using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Sockets;

/// <summary>
/// An address and a port in the kernel's own form (struct sockaddr_in and sockaddr_in6), to be handed to system calls without
/// conversion. Equality is by family, address and port.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 28)]
public readonly struct SocketEndpoint : IEquatable<SocketEndpoint>
{
    // Bytes 8 to 11 of an IPv4-mapped address, 00 00 ff ff, as a little-endian word.
    internal const int MappedPrefixWord = unchecked((int)0xffff0000);

    [FieldOffset(0)]
    private readonly ushort _family;

    [FieldOffset(2)]
    private readonly ushort _port;

    // sin_addr of IPv4, sin6_flowinfo of IPv6.
    [FieldOffset(4)]
    private readonly uint _address4;

    [FieldOffset(8)]
    private readonly uint _address6A;

    [FieldOffset(12)]
    private readonly uint _address6B;

    [FieldOffset(16)]
    private readonly uint _address6C;

    [FieldOffset(20)]
    private readonly uint _address6D;

    [FieldOffset(24)]
    private readonly uint _scope;

    public SocketEndpoint(IPAddress address, ushort port)
    {
        _port = BinaryPrimitives.ReverseEndianness(port);
        Span<uint> words = stackalloc uint[4];
        address.TryWriteBytes(MemoryMarshal.AsBytes(words), out _);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            _family = LibC.AF_INET;
            _address4 = words[0];
        }
        else
        {
            _family = LibC.AF_INET6;
            (_address6A, _address6B, _address6C, _address6D) = (words[0], words[1], words[2], words[3]);
            _scope = (uint)address.ScopeId;
        }
    }

    /// <param name="address">Its 4 or 16 bytes, in network order.</param>
    /// <param name="port">In host order.</param>
    public SocketEndpoint(ReadOnlySpan<byte> address, ushort port)
    {
        _port = BinaryPrimitives.ReverseEndianness(port);
        if (address.Length == sizeof(uint))
        {
            _family = LibC.AF_INET;
            _address4 = MemoryMarshal.Read<uint>(address);
        }
        else
        {
            ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(address);
            _family = LibC.AF_INET6;
            (_address6A, _address6B, _address6C, _address6D) = (words[0], words[1], words[2], words[3]);
        }
    }

    private SocketEndpoint(in SocketEndpoint other, ushort port)
    {
        this = other;
        _port = BinaryPrimitives.ReverseEndianness(port);
    }

    public bool IsIPv4 => _family == LibC.AF_INET;

    public bool IsIPv6 => _family == LibC.AF_INET6;

    /// <summary>In host order.</summary>
    public ushort Port => BinaryPrimitives.ReverseEndianness(_port);

    public IPAddress Address
    {
        get
        {
            if (!IsIPv6)
            {
                return new IPAddress(_address4);
            }

            ReadOnlySpan<uint> words = [_address6A, _address6B, _address6C, _address6D];
            return new IPAddress(MemoryMarshal.AsBytes(words), _scope);
        }
    }

    internal int Family => _family;

    /// <summary>The socklen_t that goes with it.</summary>
    internal uint Length => IsIPv6 ? 28u : 16u;

    public SocketEndpoint WithPort(ushort port) => new(this, port);

    /// <summary>The address as 16 bytes in network order; IPv4 as ::ffff:a.b.c.d.</summary>
    public void WriteMappedAddress(Span<byte> destination)
    {
        for (int word = 0; word < 4; word++)
        {
            MemoryMarshal.Write(destination[(word * sizeof(int))..], MappedWord(word));
        }
    }

    /// <summary>The address as its 4 or 16 bytes, in network order.</summary>
    /// <returns>How many they are.</returns>
    public int WriteAddress(Span<byte> destination)
    {
        Span<byte> mapped = stackalloc byte[16];
        WriteMappedAddress(mapped);
        Span<byte> address = IsIPv6 ? mapped : mapped[12..];
        address.CopyTo(destination);
        return address.Length;
    }

    /// <summary>The four bytes at 4 × <paramref name="index"/> of the mapped address, as they lie in memory.</summary>
    internal int MappedWord(int index) => unchecked((int)(index switch
    {
        0 => IsIPv6 ? _address6A : 0,
        1 => IsIPv6 ? _address6B : 0,
        2 => IsIPv6 ? _address6C : unchecked((uint)MappedPrefixWord),
        _ => IsIPv6 ? _address6D : _address4,
    }));

    public IPEndPoint ToIPEndPoint() => new(Address, Port);

    public bool Equals(SocketEndpoint other) =>
        _family == other._family && _port == other._port
        && (IsIPv6
            ? _address6A == other._address6A && _address6B == other._address6B && _address6C == other._address6C
                && _address6D == other._address6D && _scope == other._scope
            : _address4 == other._address4);

    public override bool Equals(object? obj) => obj is SocketEndpoint other && Equals(other);

    public override int GetHashCode() => IsIPv6
        ? HashCode.Combine(_port, _address6A, _address6B, _address6C, _address6D)
        : HashCode.Combine(_port, _address4);

    public override string ToString() => ToIPEndPoint().ToString();

    public static bool operator ==(SocketEndpoint left, SocketEndpoint right) => left.Equals(right);

    public static bool operator !=(SocketEndpoint left, SocketEndpoint right) => !left.Equals(right);
}
