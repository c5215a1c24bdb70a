using System.Net;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Tests.Planning;

public sealed class InsideAddressAllocatorTests
{
    [Theory]
    [InlineData("198.18.0.0/16", "198.18.0.1")]
    [InlineData("10.0.0.128/25", "10.0.0.129")]
    [InlineData("fd96:e9e5:a::/112", "fd96:e9e5:a::1")]
    public void First_address_is_the_nodes(string network, string node) =>
        Assert.Equal(IPAddress.Parse(node), InsideAddressAllocator.NodeAddress(IPNetwork.Parse(network)));

    [Theory]
    [InlineData("198.18.0.0/16", "198.18.250.86/16")]
    [InlineData("10.0.0.0/8", "10.127.184.113/8")]
    [InlineData("192.0.2.0/24", "192.0.2.36/24")]
    [InlineData("fd96:e9e5:a::/112", "fd96:e9e5:a::fa56/112")]
    [InlineData("fd96:e9e5:a::/64", "fd96:e9e5:a:0:6a7a:ab32:6451:ab7c/64")]
    public void Derive_is_what_the_manual_says(string network, string address) =>
        Assert.Equal(Example.Cidr(address), InsideAddressAllocator.Derive(IPNetwork.Parse(network), new RouterKey("default", "web")));

    [Theory]
    [InlineData("192.0.2.0/29", 5)]
    [InlineData("192.0.2.0/30", 1)]
    [InlineData("192.0.2.0/31", 0)]
    [InlineData("192.0.2.0/32", 0)]
    [InlineData("192.0.2.0/24", 253)]
    [InlineData("192.0.2.0/23", 509)]
    [InlineData("2001:db8::/125", 5)]
    [InlineData("2001:db8::/119", 509)]
    public void Allocate_hands_out_every_address_once_and_then_none(string network, int count)
    {
        var inside = IPNetwork.Parse(network);
        HashSet<IPAddress> taken = [];
        while (InsideAddressAllocator.Allocate(inside, Example.Key, taken.Contains) is { } address)
        {
            Assert.True(inside.Contains(address.Address));
            Assert.True(taken.Add(address.Address));
        }

        Assert.Equal(count, taken.Count);
        Assert.DoesNotContain(InsideAddressAllocator.NodeAddress(inside), taken);
    }

    [Fact]
    public void Allocate_gives_the_next_address_where_the_derived_one_is_taken()
    {
        var network = IPNetwork.Parse("198.18.0.0/16");
        IPAddress derived = InsideAddressAllocator.Derive(network, Example.Key)!.Address;

        InterfaceAddress next = InsideAddressAllocator.Allocate(network, Example.Key, derived.Equals)!;

        Assert.Equal(HostOf(derived) + 1, HostOf(next.Address));
    }

    [Fact]
    public void Allocate_begins_anew_after_the_last_address_and_leaves_the_first_256_to_pins()
    {
        var network = IPNetwork.Parse("198.18.0.0/16");
        int derived = HostOf(InsideAddressAllocator.Derive(network, Example.Key)!.Address);

        Assert.Equal(256, HostOf(InsideAddressAllocator.Allocate(network, Example.Key, address => HostOf(address) >= derived)!.Address));
    }

    [Fact]
    public void Derived_addresses_are_spread_over_the_network_without_its_first_256()
    {
        var network = IPNetwork.Parse("198.18.0.0/16");
        int[] hosts = [.. Enumerable.Range(0, 1000).Select(number => HostOf(InsideAddressAllocator.Derive(network, new RouterKey("default", $"r{number}"))!.Address))];

        Assert.All(hosts, host => Assert.InRange(host, 256, 65534));
        Assert.InRange(hosts.Distinct().Count(), 980, 1000);
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

    private static int HostOf(IPAddress address) => (address.GetAddressBytes()[2] << 8) | address.GetAddressBytes()[3];
}
