using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.Ndp;
using EgressAgent.Linux.Netlink.Addresses;
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
        using ScratchLan lan = new();
        lan.Lan.Ip("-6 addr add 2001:db8::1/64 dev lan nodad");
        lan.Lan.Ip("neigh add 2001:db8::99 lladdr 02:00:5e:00:53:77 nud stale dev lan");

        var absent = Assert.Throws<LinuxException>(() => NdpSocket.Announce(lan.Router.Namespace, lan.Link.Index, lan.Link.MacAddress, Address));
        Assert.Equal(Errno.EADDRNOTAVAIL, absent.Errno);

        lan.Router.Netlink.AddAddress(new LinkAddress(lan.Link.Index, Address, 64) { Flags = AddressFlags.NoDad });
        NdpSocket.Announce(lan.Router.Namespace, lan.Link.Index, lan.Link.MacAddress, Address);

        Eventually.True(
            () => lan.Lan.Netlink.GetNeighbours(lan.Far.Index).Any(item => item.Address.Equals(Address) && lan.Link.MacAddress.Equals(item.MacAddress)),
            "the neighbour entry has the new MAC address");
    }
}
