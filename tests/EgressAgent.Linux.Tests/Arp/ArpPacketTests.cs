using System.Net;
using System.Net.NetworkInformation;
using CsCheck;
using EgressAgent.Linux.Arp;

namespace EgressAgent.Linux.Tests.Arp;

public sealed class ArpPacketTests
{
    private static readonly PhysicalAddress Own = PhysicalAddress.Parse("02:00:5e:00:53:01");
    private static readonly PhysicalAddress Other = PhysicalAddress.Parse("02:00:5e:00:53:02");
    private static readonly IPAddress Address = IPAddress.Parse("192.168.12.99");
    private static readonly IPAddress Neighbour = IPAddress.Parse("192.168.12.1");

    [Fact]
    public void Probe_has_the_bytes_of_rfc_5227() =>
        Assert.Equal("0001080006040001" + "02005e005301" + "00000000" + "000000000000" + "c0a80c63", Hex(ArpPacket.Probe(Own, Address)));

    [Fact]
    public void Announcement_has_the_bytes_of_rfc_5227() =>
        Assert.Equal("0001080006040001" + "02005e005301" + "c0a80c63" + "000000000000" + "c0a80c63", Hex(ArpPacket.Announcement(Own, Address)));

    [Fact]
    public void Announcement_by_reply_has_the_sender_for_target() =>
        Assert.Equal("0001080006040002" + "02005e005301" + "c0a80c63" + "02005e005301" + "c0a80c63", Hex(ArpPacket.AnnouncementByReply(Own, Address)));

    [Fact]
    public void Padded_packet_is_read_back()
    {
        byte[] frame = new byte[46];
        var packet = new ArpPacket(ArpOperation.Reply, Other, Address, Own, Neighbour);
        packet.Write(frame);

        Assert.True(ArpPacket.TryRead(frame, out ArpPacket read));
        Assert.Equal(packet, read);
        Assert.False(ArpPacket.TryRead(frame.AsSpan(0, 27), out _));
    }

    [Fact]
    public void Holder_and_simultaneous_prober_conflict_and_nobody_else()
    {
        var reply = new ArpPacket(ArpOperation.Reply, Other, Address, Own, IPAddress.Any);
        Assert.True(reply.ConflictsWithProbe(Own, Address));
        Assert.True(ArpPacket.Announcement(Other, Address).ConflictsWithProbe(Own, Address));
        Assert.True(ArpPacket.Probe(Other, Address).ConflictsWithProbe(Own, Address));
        Assert.True(new ArpPacket(ArpOperation.Request, Other, Address, Own, Neighbour).ConflictsWithProbe(Own, Address));

        Assert.False(ArpPacket.Probe(Own, Address).ConflictsWithProbe(Own, Address));
        Assert.False(ArpPacket.Probe(Other, Neighbour).ConflictsWithProbe(Own, Address));
        Assert.False(new ArpPacket(ArpOperation.Request, Other, Neighbour, Own, Address).ConflictsWithProbe(Own, Address));
    }

    [Fact]
    public void Noise_is_survived() => Gen.Byte.Array[0, 60].Sample(bytes => { _ = ArpPacket.TryRead(bytes, out _); });

    private static string Hex(ArpPacket packet)
    {
        byte[] bytes = new byte[ArpPacket.Length];
        packet.Write(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
