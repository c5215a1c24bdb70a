using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Netlink.Codec;

/// <summary>Addresses, networks and families between the kernel's form and .NET's.</summary>
internal static class KernelAddress
{
    public static bool IsIp(byte family) => family is LibC.AF_INET or LibC.AF_INET6;

    /// <exception cref="ArgumentOutOfRangeException">Another family than IPv4, IPv6 or unspecified.</exception>
    public static byte FamilyOf(AddressFamily family) => family switch
    {
        AddressFamily.InterNetwork => LibC.AF_INET,
        AddressFamily.InterNetworkV6 => LibC.AF_INET6,
        AddressFamily.Unspecified => LibC.AF_UNSPEC,
        _ => throw new ArgumentOutOfRangeException(nameof(family), family, "neither IPv4 nor IPv6"),
    };

    /// <summary>0.0.0.0 or ::, which stand for "any" and are left out of messages.</summary>
    public static IPAddress Any(byte family) => family == LibC.AF_INET6 ? IPAddress.IPv6Any : IPAddress.Any;

    /// <summary>
    /// The network of an address and a prefix length that came in different parts of a message. One that is not possible makes
    /// the reader malformed.
    /// </summary>
    public static IPNetwork ReadNetwork(ref NetlinkReader reader, IPAddress address, int prefixLength)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        if (prefixLength > length * 8)
        {
            reader.Fail($"a prefix of {prefixLength} bits for {address}");
            return default;
        }

        for (int bit = prefixLength; bit < length * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        return new IPNetwork(new IPAddress(bytes[..length]), prefixLength);
    }
}
