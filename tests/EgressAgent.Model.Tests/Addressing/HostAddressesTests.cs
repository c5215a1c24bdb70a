using System.Net;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Tests.Addressing;

public class HostAddressesTests
{
    [Theory]
    [InlineData("192.168.12.99")]
    [InlineData("169.254.169.254")]
    [InlineData("223.255.255.255")]
    [InlineData("2001:db8::1")]
    [InlineData("fd00::1")]
    public void WhyNotUnicast_hostAddress_isNull(string address) => Assert.Null(HostAddresses.WhyNotUnicast(IPAddress.Parse(address)));

    [Theory]
    [InlineData("10.0.0.0/24", "10.0.0.0", "the network address of 10.0.0.0/24")]
    [InlineData("10.0.0.0/24", "10.0.0.255", "the broadcast address of 10.0.0.0/24")]
    [InlineData("10.0.0.0/23", "10.0.0.255", null)]
    [InlineData("10.0.0.4/30", "10.0.0.7", "the broadcast address of 10.0.0.4/30")]
    [InlineData("10.0.0.4/31", "10.0.0.4", null)]
    [InlineData("10.0.0.4/31", "10.0.0.5", null)]
    [InlineData("10.0.0.4/32", "10.0.0.4", null)]
    [InlineData("10.0.0.0/24", "10.0.1.0", null)]
    [InlineData("10.0.0.0/24", "2001:db8::", null)]
    [InlineData("2001:db8::/64", "2001:db8::", "the anycast address of the routers of 2001:db8::/64")]
    [InlineData("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", null)]
    [InlineData("2001:db8::/126", "2001:db8::", "the anycast address of the routers of 2001:db8::/126")]
    [InlineData("2001:db8::/127", "2001:db8::", null)]
    [InlineData("2001:db8::/128", "2001:db8::", null)]
    public void WhyNotHostOf_address_knowsWhatANetworkKeepsForItself(string network, string address, string? expected) =>
        Assert.Equal(expected, HostAddresses.WhyNotHostOf(IPNetwork.Parse(network), IPAddress.Parse(address)));
}
