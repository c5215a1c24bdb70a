using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.AddressConflicts;
using EgressAgent.Linux.Arp;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Arp;

public sealed class ArpConflictMonitorTests : IDisposable
{
    private readonly ScratchLan _lan = new();

    public void Dispose() => _lan.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(300)]
    public void Only_who_claims_our_addresses_is_heard(int count)
    {
        IPAddress[] ours = [.. Enumerable.Range(0, count).Select(i => new IPAddress([10, 1, (byte)(i >> 8), (byte)i]))];
        using ArpConflictMonitor monitor = ArpConflictMonitor.Open(_lan.Router.Namespace, _lan.Link.Index, ours);
        using ArpConflictMonitor copies = ArpConflictMonitor.Open(_lan.Router.Namespace, _lan.Link.Index, ours, _lan.Link.MacAddress);
        using ArpSocket own = ArpSocket.Open(_lan.Router.Namespace, _lan.Link.Index, _lan.Link.MacAddress);
        using ArpSocket other = ArpSocket.Open(_lan.Lan.Namespace, _lan.Far.Index, _lan.Far.MacAddress);
        using ArpSocket alike = ArpSocket.Open(_lan.Lan.Namespace, _lan.Far.Index, WithLastByte(_lan.Link.MacAddress, 1));
        using ArpSocket self = ArpSocket.Open(_lan.Lan.Namespace, _lan.Far.Index, _lan.Link.MacAddress);

        // A probe asks for the address without claiming it; the kernel answers that.
        own.SendAnnouncement(ours[0]);
        other.SendProbe(ours[0]);
        other.SendAnnouncement(IPAddress.Parse("10.2.0.1"));
        self.SendAnnouncement(ours[0]);
        other.SendAnnouncement(ours[0]);
        alike.SendAnnouncement(ours[^1]);

        List<AddressUse> heard = [];
        Eventually.True(
            () =>
            {
                heard.AddRange(monitor.Read());
                return heard.Any(use => use.Address.Equals(ours[^1]) && use.Mac.Equals(WithLastByte(_lan.Link.MacAddress, 1)));
            },
            "the last announcement is heard");
        Assert.Equal(
            [(ours[0], _lan.Link.MacAddress), (ours[0], _lan.Far.MacAddress), (ours[^1], WithLastByte(_lan.Link.MacAddress, 1))],
            heard.Select(use => (use.Address, use.Mac)));
        Assert.Equal([(ours[0], _lan.Link.MacAddress)], copies.Read().Select(use => (use.Address, use.Mac)));
    }

    private static PhysicalAddress WithLastByte(PhysicalAddress mac, byte change)
    {
        byte[] bytes = mac.GetAddressBytes();
        bytes[5] ^= change;
        return new PhysicalAddress(bytes);
    }
}
