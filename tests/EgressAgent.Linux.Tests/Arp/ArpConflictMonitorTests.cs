using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.Arp;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Arp;

public sealed class ArpConflictMonitorTests : IDisposable
{
    private readonly ScratchNetns _router = ScratchNetns.Create();
    private readonly ScratchNetns _lan = ScratchNetns.Create();
    private readonly Link _link;
    private readonly Link _far;

    public ArpConflictMonitorTests()
    {
        _router.Netlink.AddVeth(new NewVeth { Name = "net1", PeerName = "lan", PeerNetns = _lan.Namespace });
        _far = _lan.Up("lan");
        _link = _router.Up("net1");
        _lan.AwaitOperational("lan");
        _router.AwaitOperational("net1");
    }

    public void Dispose()
    {
        _lan.Dispose();
        _router.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(300)]
    public void Only_others_who_claim_our_addresses_are_heard(int count)
    {
        IPAddress[] ours = [.. Enumerable.Range(0, count).Select(i => new IPAddress([10, 1, (byte)(i >> 8), (byte)i]))];
        using ArpConflictMonitor monitor = ArpConflictMonitor.Open(_router.Namespace, _link.Index, _link.MacAddress, ours);
        using ArpSocket other = ArpSocket.Open(_lan.Namespace, _far.Index, _far.MacAddress);
        using ArpSocket alike = ArpSocket.Open(_lan.Namespace, _far.Index, WithLastByte(_link.MacAddress, 1));
        using ArpSocket self = ArpSocket.Open(_lan.Namespace, _far.Index, _link.MacAddress);

        // A probe asks for the address without claiming it; the kernel answers that.
        other.SendProbe(ours[0]);
        other.SendAnnouncement(IPAddress.Parse("10.2.0.1"));
        self.SendAnnouncement(ours[0]);
        other.SendAnnouncement(ours[0]);
        alike.SendAnnouncement(ours[^1]);

        List<ArpPacket> heard = [];
        Eventually.True(
            () =>
            {
                heard.AddRange(monitor.Read());
                return heard.Any(packet => packet.SenderAddress.Equals(ours[^1]) && packet.SenderMac.Equals(WithLastByte(_link.MacAddress, 1)));
            },
            "the last announcement is heard");
        Assert.Equal(
            [(ours[0], _far.MacAddress), (ours[^1], WithLastByte(_link.MacAddress, 1))],
            heard.Select(packet => (packet.SenderAddress, packet.SenderMac)));
    }

    private static PhysicalAddress WithLastByte(PhysicalAddress mac, byte change)
    {
        byte[] bytes = mac.GetAddressBytes();
        bytes[5] ^= change;
        return new PhysicalAddress(bytes);
    }
}
