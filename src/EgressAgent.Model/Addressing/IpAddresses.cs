using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace EgressAgent.Model.Addressing;

/// <summary>What <see cref="IPAddress"/> does not say by itself.</summary>
public static class IpAddresses
{
    extension(IPAddress address)
    {
        /// <summary>32 for IPv4, 128 for IPv6.</summary>
        public int MaxPrefixLength => address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;

        public bool IsIPv4 => address.AddressFamily == AddressFamily.InterNetwork;

        /// <summary><c>IPv4</c> or <c>IPv6</c>, as messages say it.</summary>
        public string FamilyName => address.IsIPv4 ? "IPv4" : "IPv6";

        /// <summary>The network of the given prefix length that holds the address.</summary>
        public IPNetwork ToNetwork(int prefixLength)
        {
            Span<byte> bytes = stackalloc byte[16];
            address.TryWriteBytes(bytes, out int length);
            bytes = bytes[..length];
            for (int bit = prefixLength; bit < length * 8; bit++)
            {
                bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
            }

            return new IPNetwork(new IPAddress(bytes), prefixLength);
        }
    }

    /// <summary>
    /// Reads an address in the one canonical way: dotted quad of four decimal parts without leading zeros, or IPv6 text without
    /// brackets or zone. <see cref="IPAddress.TryParse(string, out IPAddress)"/> also takes <c>10.1</c>, <c>0x7f.1</c> and
    /// <c>010.0.0.1</c>, which a configuration never means. An IPv4-mapped IPv6 address is refused too.
    /// </summary>
    public static bool TryParseStrict(string text, [NotNullWhen(true)] out IPAddress? address)
    {
        if (!IPAddress.TryParse(text, out address))
        {
            return false;
        }

        bool strict = address.IsIPv4
            ? address.ToString() == text
            : !address.IsIPv4MappedToIPv6 && !text.AsSpan().ContainsAny('%', '[', ']');
        if (!strict)
        {
            address = null;
        }

        return strict;
    }

    /// <summary>The usual colon form, in lower case: <c>02:42:ac:11:00:02</c>.</summary>
    public static string ToColonString(this PhysicalAddress mac) =>
        string.Join(':', mac.GetAddressBytes().Select(octet => octet.ToString("x2")));
}
