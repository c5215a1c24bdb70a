using System.Net;
using System.Net.NetworkInformation;

namespace EgressAgent.Linux.Ndp;

/// <summary>
/// A neighbour solicitation (RFC 4861, 4.3) as the body of an ICMPv6 packet; the kernel fills in the checksum.
/// </summary>
/// <param name="Mac">The MAC address of who asks.</param>
/// <param name="Target">The address whose holder is asked for.</param>
public readonly record struct NeighbourSolicitation(PhysicalAddress Mac, IPAddress Target)
{
    /// <summary>In bytes: 24 and the option of 8 that carries the MAC address.</summary>
    public const int Length = 32;

    internal const byte Type = 135;

    private const byte SourceLinkLayerAddressOption = 1;

    // Options are counted in units of 8 bytes.
    private const byte OptionUnits = 1;

    /// <summary>The group that holders of the target listen to (RFC 4291, 2.7.1): ff02::1:ff and its last 24 bits.</summary>
    public IPAddress Group => GroupOf(Target);

    internal static IPAddress GroupOf(IPAddress target) => new([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff, .. target.GetAddressBytes().AsSpan(13)]);

    /// <summary>Reads the body of an ICMPv6 packet. False for other messages, and without a MAC address, as duplicate detection sends it.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out NeighbourSolicitation solicitation)
    {
        // Options other than the MAC address are rare, and come after it in what kernels send.
        bool isValid = source.Length >= Length && source[0] == Type && source[24] == SourceLinkLayerAddressOption && source[25] == OptionUnits;
        solicitation = isValid ? new(new PhysicalAddress(source[26..Length].ToArray()), new IPAddress(source[8..24])) : default;
        return isValid;
    }

    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    public void Write(Span<byte> destination)
    {
        destination = destination[..Length];
        destination.Clear();
        destination[0] = Type;
        Target.TryWriteBytes(destination[8..], out _);
        destination[24] = SourceLinkLayerAddressOption;
        destination[25] = OptionUnits;
        Mac.GetAddressBytes().CopyTo(destination[26..]);
    }
}
