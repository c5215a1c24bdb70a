using System.Net;
using System.Net.NetworkInformation;

namespace EgressAgent.Linux.Ndp;

/// <summary>
/// A neighbour advertisement (RFC 4861, 4.4 and 7.2.6) as the body of an ICMPv6 packet; the kernel fills in the
/// checksum.
/// </summary>
public readonly record struct NeighbourAdvertisement(PhysicalAddress Mac, IPAddress Address)
{
    /// <summary>In bytes: 24 and the option of 8 that carries the MAC address.</summary>
    public const int Length = 32;

    internal const byte Type = 136;

    private const byte SolicitedFlag = 0x40;
    private const byte OverrideFlag = 0x20;
    private const byte TargetLinkLayerAddressOption = 2;

    // Options are counted in units of 8 bytes.
    private const byte OptionUnits = 1;

    /// <summary>Reads the body of an ICMPv6 packet, solicited or not. False for other messages, and without a MAC address.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out NeighbourAdvertisement advertisement)
    {
        // Options other than the MAC address are rare, and come after it in what kernels send.
        bool isValid = source.Length >= Length && source[0] == Type && source[24] == TargetLinkLayerAddressOption && source[25] == OptionUnits;
        advertisement = isValid ? new(new PhysicalAddress(source[26..Length].ToArray()), new IPAddress(source[8..24])) : default;
        return isValid;
    }

    /// <summary>Whether an advertisement in that form answers a question.</summary>
    internal static bool IsSolicited(ReadOnlySpan<byte> source) => (source[4] & SolicitedFlag) != 0;

    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    public void Write(Span<byte> destination)
    {
        destination = destination[..Length];
        destination.Clear();
        destination[0] = Type;
        destination[4] = OverrideFlag;
        Address.TryWriteBytes(destination[8..], out _);
        destination[24] = TargetLinkLayerAddressOption;
        destination[25] = OptionUnits;
        Mac.GetAddressBytes().CopyTo(destination[26..]);
    }
}
