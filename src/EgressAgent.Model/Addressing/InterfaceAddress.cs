using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace EgressAgent.Model.Addressing;

/// <summary>
/// A host address together with the length of its network's prefix, as an interface carries it: <c>192.168.12.99/24</c>.
/// Unlike <see cref="IPNetwork"/> it keeps the host bits.
/// </summary>
public sealed record InterfaceAddress
{
    /// <exception cref="ArgumentOutOfRangeException">The prefix is longer than the family's addresses.</exception>
    public InterfaceAddress(IPAddress address, int prefixLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(prefixLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLength, address.MaxPrefixLength);
        Address = address;
        PrefixLength = prefixLength;
    }

    public IPAddress Address { get; }

    /// <summary>0 to 32 for IPv4, 0 to 128 for IPv6.</summary>
    public int PrefixLength { get; }

    public AddressFamily Family => Address.AddressFamily;

    public bool IsSingleHost => PrefixLength == Address.MaxPrefixLength;

    /// <summary>The network that the address is in.</summary>
    public IPNetwork Network => Address.ToNetwork(PrefixLength);

    public override string ToString() => $"{Address}/{PrefixLength.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Reads <c>ADDRESS/LENGTH</c>, or a plain address as a single host (/32 or /128).</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out InterfaceAddress? result)
    {
        result = null;
        int slash = text.IndexOf('/');
        if (!IpAddresses.TryParseStrict(slash < 0 ? text : text[..slash], out IPAddress? address))
        {
            return false;
        }

        int length = address.MaxPrefixLength;
        if (slash >= 0)
        {
            ReadOnlySpan<char> digits = text.AsSpan(slash + 1);
            if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out length)
                || length > address.MaxPrefixLength
                || (digits.Length > 1 && digits[0] == '0'))
            {
                return false;
            }
        }

        result = new InterfaceAddress(address, length);
        return true;
    }
}
