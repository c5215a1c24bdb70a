using System.Net;
using EgressAgent.Model.Planning;

namespace EgressAgent.Model.Tests.Planning;

public sealed class InsideAddressAllocatorTests
{
    [Theory]
    [InlineData("198.18.0.0/16", "198.18.0.1", "198.18.0.2/16")]
    [InlineData("10.0.0.128/25", "10.0.0.129", "10.0.0.130/25")]
    [InlineData("fd96:e9e5:a::/112", "fd96:e9e5:a::1", "fd96:e9e5:a::2/112")]
    [InlineData("fd96:e9e5:a::/64", "fd96:e9e5:a::1", "fd96:e9e5:a::2/64")]
    public void First_address_is_the_nodes_and_the_second_the_first_routers(string network, string node, string router)
    {
        var inside = IPNetwork.Parse(network);

        Assert.Equal(IPAddress.Parse(node), InsideAddressAllocator.NodeAddress(inside));
        Assert.Equal(Example.Cidr(router), InsideAddressAllocator.Allocate(inside, new HashSet<IPAddress>()));
    }

    [Theory]
    [InlineData("192.0.2.0/29", 5)]
    [InlineData("192.0.2.0/30", 1)]
    [InlineData("192.0.2.0/31", 0)]
    [InlineData("192.0.2.0/32", 0)]
    [InlineData("2001:db8::/125", 6)]
    public void Allocate_hands_out_every_address_once_and_then_none(string network, int count)
    {
        var inside = IPNetwork.Parse(network);
        HashSet<IPAddress> taken = [];
        while (InsideAddressAllocator.Allocate(inside, taken) is { } address)
        {
            Assert.True(inside.Contains(address.Address));
            Assert.True(taken.Add(address.Address));
        }

        Assert.Equal(count, taken.Count);
        Assert.DoesNotContain(InsideAddressAllocator.NodeAddress(inside), taken);
    }

    [Fact]
    public void Allocate_takes_the_lowest_address_that_came_free()
    {
        HashSet<IPAddress> taken = [Example.Ip("198.18.0.2"), Example.Ip("198.18.0.4")];

        Assert.Equal(Example.Cidr("198.18.0.3/16"), InsideAddressAllocator.Allocate(IPNetwork.Parse("198.18.0.0/16"), taken));
    }

    [Fact]
    public void Allocate_carries_over_an_octet()
    {
        HashSet<IPAddress> taken = [.. Enumerable.Range(2, 254).Select(host => Example.Ip($"198.18.0.{host}"))];

        Assert.Equal(Example.Cidr("198.18.1.0/16"), InsideAddressAllocator.Allocate(IPNetwork.Parse("198.18.0.0/16"), taken));
    }

    [Fact]
    public void DeriveMac_is_stable_unicast_and_locally_administered()
    {
        byte[] mac = InsideAddressAllocator.DeriveMac("0123456789abcdef0123456789abcdef", Example.Key).GetAddressBytes();

        Assert.Equal(0x02, mac[0] & 0x03);
        Assert.Equal(mac, InsideAddressAllocator.DeriveMac("0123456789abcdef0123456789abcdef", Example.Key).GetAddressBytes());
        Assert.NotEqual(mac, InsideAddressAllocator.DeriveMac("fedcba9876543210fedcba9876543210", Example.Key).GetAddressBytes());
        Assert.NotEqual(mac, InsideAddressAllocator.DeriveMac("0123456789abcdef0123456789abcdef", new RouterKey("default", "web2")).GetAddressBytes());
    }
}
