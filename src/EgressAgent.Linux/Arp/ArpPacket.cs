using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;

namespace EgressAgent.Linux.Arp;

/// <summary>An ARP packet for IPv4 over Ethernet (RFC 826), without the Ethernet header.</summary>
public readonly record struct ArpPacket(
    ArpOperation Operation,
    PhysicalAddress SenderMac,
    IPAddress SenderAddress,
    PhysicalAddress TargetMac,
    IPAddress TargetAddress)
{
    /// <summary>In bytes.</summary>
    public const int Length = 28;

    private const ushort Ethernet = 1;
    private const ushort IPv4 = 0x0800;
    private const int MacLength = 6;
    private const int AddressLength = 4;

    private static readonly PhysicalAddress NoMac = new(new byte[MacLength]);

    /// <summary>
    /// Asks whether somebody holds <paramref name="address"/> without claiming it (RFC 5227, 2.1.1): the sender is 0.0.0.0.
    /// </summary>
    public static ArpPacket Probe(PhysicalAddress sender, IPAddress address) =>
        new(ArpOperation.Request, sender, IPAddress.Any, NoMac, address);

    /// <summary>Asks who holds <paramref name="address"/>, for who has <paramref name="from"/>; 0.0.0.0 for nobody.</summary>
    public static ArpPacket Question(PhysicalAddress sender, IPAddress from, IPAddress address) =>
        new(ArpOperation.Request, sender, from, NoMac, address);

    /// <summary>
    /// Says that <paramref name="sender"/> holds <paramref name="address"/> (RFC 5227, 2.3), which also renews what others
    /// remember.
    /// </summary>
    public static ArpPacket Announcement(PhysicalAddress sender, IPAddress address) =>
        new(ArpOperation.Request, sender, address, NoMac, address);

    /// <summary>The same as a reply that nobody asked for: some hosts and firewalls take an announcement in this form alone.</summary>
    public static ArpPacket AnnouncementByReply(PhysicalAddress sender, IPAddress address) =>
        new(ArpOperation.Reply, sender, address, sender, address);

    /// <summary>
    /// Whether this packet, received by a host that has <paramref name="own"/> and probes for <paramref name="address"/>, says that
    /// the address is not free (RFC 5227, 2.1.1): somebody holds it, or somebody else probes for it at the same time.
    /// </summary>
    public bool ConflictsWithProbe(PhysicalAddress own, IPAddress address)
    {
        if (SenderMac.Equals(own))
        {
            return false;
        }

        bool holds = SenderAddress.Equals(address);
        bool probesToo = Operation == ArpOperation.Request && SenderAddress.Equals(IPAddress.Any) && TargetAddress.Equals(address);
        return holds || probesToo;
    }

    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, Ethernet);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], IPv4);
        destination[4] = MacLength;
        destination[5] = AddressLength;
        BinaryPrimitives.WriteUInt16BigEndian(destination[6..], (ushort)Operation);
        SenderMac.GetAddressBytes().CopyTo(destination[8..]);
        SenderAddress.TryWriteBytes(destination[14..], out _);
        TargetMac.GetAddressBytes().CopyTo(destination[18..]);
        TargetAddress.TryWriteBytes(destination[24..], out _);
    }

    /// <summary>False for what is no ARP packet for IPv4 over Ethernet. Bytes after the packet are the frame's padding.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out ArpPacket packet)
    {
        packet = default;
        if (source.Length < Length
            || BinaryPrimitives.ReadUInt16BigEndian(source) != Ethernet
            || BinaryPrimitives.ReadUInt16BigEndian(source[2..]) != IPv4
            || source[4] != MacLength
            || source[5] != AddressLength)
        {
            return false;
        }

        packet = new ArpPacket(
            (ArpOperation)BinaryPrimitives.ReadUInt16BigEndian(source[6..]),
            new PhysicalAddress(source[8..14].ToArray()),
            new IPAddress(source[14..18]),
            new PhysicalAddress(source[18..24].ToArray()),
            new IPAddress(source[24..28]));
        return true;
    }
}

/// <summary>RFC 826's ar$op.</summary>
public enum ArpOperation : ushort
{
    None = 0,
    Request = 1,
    Reply = 2,
}
