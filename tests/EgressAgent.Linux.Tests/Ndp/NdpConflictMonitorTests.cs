using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.AddressConflicts;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Ndp;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Ndp;

public sealed class NdpConflictMonitorTests : IDisposable
{
    private static readonly IPAddress Ours = IPAddress.Parse("2001:db8::99");
    private static readonly IPAddress Gateway = IPAddress.Parse("2001:db8::1");

    // Its last word is that of an address of ours.
    private static readonly IPAddress Alike = IPAddress.Parse("2001:db8:1::99");

    private readonly ScratchLan _lan = new();

    public NdpConflictMonitorTests()
    {
        foreach (IPAddress address in (IPAddress[])[Ours, Alike])
        {
            _lan.Lan.Netlink.AddAddress(new LinkAddress(_lan.Far.Index, address, 64) { Flags = AddressFlags.NoDad });
        }
    }

    public void Dispose() => _lan.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(300)]
    public void Who_advertises_our_address_is_heard_and_nobody_else(int count)
    {
        using NdpConflictMonitor monitor = NdpConflictMonitor.Open(
            _lan.Router.Namespace, _lan.Link.Index, [.. Enumerable.Range(1, count - 1).Select(i => IPAddress.Parse($"2001:db8:2::{i:x}")), Ours]);
        PhysicalAddress other = PhysicalAddress.Parse("02-00-5E-00-53-01");
        PhysicalAddress last = PhysicalAddress.Parse("02-00-5E-00-53-02");

        SendAdvertisement(other, hopLimit: 64);
        NdpSocket.Announce(_lan.Lan.Namespace, _lan.Far.Index, _lan.Far.MacAddress, Alike);
        NdpSocket.Announce(_lan.Lan.Namespace, _lan.Far.Index, _lan.Far.MacAddress, Ours);
        SendAdvertisement(last, hopLimit: 255);

        Assert.Equal([new AddressUse(Ours, _lan.Far.MacAddress), new AddressUse(Ours, last)], ReadUntil(monitor, last));
    }

    [Fact]
    public void Who_asks_for_a_gateway_from_our_address_is_heard()
    {
        using NdpConflictMonitor monitor = NdpConflictMonitor.Open(_lan.Router.Namespace, _lan.Link.Index, [Ours]);
        monitor.HearQuestionsTo([Gateway, Gateway]);
        monitor.HearQuestionsTo([Gateway]);

        foreach (IPAddress source in (IPAddress[])[Alike, Ours])
        {
            _lan.Lan.Ip($"-6 route replace {Gateway} dev lan src {source}");
            _lan.Lan.Ip("-6 neighbour flush dev lan");
            _lan.Lan.Exec("bash", "-c", $"echo >/dev/udp/{Gateway}/9");
        }

        Assert.All(ReadUntil(monitor, _lan.Far.MacAddress), use => Assert.Equal(new AddressUse(Ours, _lan.Far.MacAddress), use));
    }

    [Fact]
    public void Own_announcement_is_not_heard()
    {
        using NdpConflictMonitor monitor = NdpConflictMonitor.Open(_lan.Lan.Namespace, _lan.Far.Index, [Ours]);
        PhysicalAddress last = PhysicalAddress.Parse("02-00-5E-00-53-02");
        _lan.Router.Netlink.AddAddress(new LinkAddress(_lan.Link.Index, Ours, 64) { Flags = AddressFlags.NoDad });

        NdpSocket.Announce(_lan.Lan.Namespace, _lan.Far.Index, _lan.Far.MacAddress, Ours);
        NdpSocket.Announce(_lan.Router.Namespace, _lan.Link.Index, last, Ours);

        Assert.Equal([new AddressUse(Ours, last)], ReadUntil(monitor, last));
    }

    private static List<AddressUse> ReadUntil(NdpConflictMonitor monitor, PhysicalAddress last)
    {
        List<AddressUse> heard = [];
        Eventually.True(
            () =>
            {
                heard.AddRange(monitor.Read());
                return heard.Any(use => use.Mac.Equals(last));
            },
            $"{last} is heard");
        return heard;
    }

    private unsafe void SendAdvertisement(PhysicalAddress mac, int hopLimit)
    {
        using FileHandle socket = _lan.Lan.Namespace.CreateSocket(LibC.AF_INET6, LibC.SOCK_RAW, In6H.IPPROTO_ICMPV6);
        Assert.Equal(0, LibC.setsockopt(socket, In6H.IPPROTO_IPV6, In6H.IPV6_MULTICAST_IF, _lan.Far.Index));
        Assert.Equal(0, LibC.setsockopt(socket, In6H.IPPROTO_IPV6, In6H.IPV6_MULTICAST_HOPS, hopLimit));
        var destination = new SockAddrIn6 { sin6_family = LibC.AF_INET6, sin6_scope_id = (uint)_lan.Far.Index };
        IPAddress.Parse("ff02::1").TryWriteBytes(destination.sin6_addr, out _);
        byte* packet = stackalloc byte[NeighbourAdvertisement.Length];
        new NeighbourAdvertisement(mac, Ours).Write(new Span<byte>(packet, NeighbourAdvertisement.Length));
        Assert.Equal(NeighbourAdvertisement.Length, LibC.sendto(socket, packet, NeighbourAdvertisement.Length, 0, &destination, (uint)sizeof(SockAddrIn6)));
    }
}
