using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.Ndp;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Ndp;

public sealed class NdpTests
{
    private static readonly IPAddress Address = IPAddress.Parse("2001:db8::99");

    [Fact]
    public void Advertisement_has_the_bytes_of_rfc_4861()
    {
        byte[] bytes = new byte[NeighbourAdvertisement.Length];
        new NeighbourAdvertisement(PhysicalAddress.Parse("02:00:5e:00:53:01"), Address).Write(bytes);

        Assert.Equal("88000000" + "20000000" + "20010db8000000000000000000000099" + "0201" + "02005e005301", Convert.ToHexStringLower(bytes));
    }

    [Fact]
    public void Announcement_renews_what_the_lan_remembers()
    {
        using ScratchNetns router = ScratchNetns.Create();
        using ScratchNetns lan = ScratchNetns.Create();
        router.Netlink.AddVeth(new NewVeth { Name = "net1", PeerName = "lan", PeerNetns = lan.Namespace });
        Link far = lan.Up("lan");
        Link link = router.Up("net1");
        lan.AwaitOperational("lan");
        router.AwaitOperational("net1");
        lan.Ip("-6 addr add 2001:db8::1/64 dev lan nodad");
        lan.Ip("neigh add 2001:db8::99 lladdr 02:00:5e:00:53:77 nud stale dev lan");

        var absent = Assert.Throws<LinuxException>(() => NdpSocket.Announce(router.Namespace, link.Index, link.MacAddress, Address));
        Assert.Equal(Errno.EADDRNOTAVAIL, absent.Errno);

        router.Netlink.AddAddress(new LinkAddress(link.Index, Address, 64) { Flags = AddressFlags.NoDad });
        NdpSocket.Announce(router.Namespace, link.Index, link.MacAddress, Address);

        Eventually.True(
            () => lan.Netlink.GetNeighbours(far.Index).Any(item => item.Address.Equals(Address) && link.MacAddress.Equals(item.MacAddress)),
            "the neighbour entry has the new MAC address");
    }
}
