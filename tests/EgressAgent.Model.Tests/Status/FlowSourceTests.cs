using EgressAgent.Model.Status;

namespace EgressAgent.Model.Tests.Status;

public sealed class FlowSourceTests
{
    [Theory]
    [InlineData("192.168.12.99:41022/tcp", "192.168.12.99:41022/tcp")]
    [InlineData("192.168.12.99:1/UDP", "192.168.12.99:1/udp")]
    [InlineData("[2001:DB8:0::99]:65535/sctp", "[2001:db8::99]:65535/sctp")]
    [InlineData("192.168.12.99:0/icmp", "192.168.12.99:0/icmp")]
    [InlineData("[2001:db8::99]:0/ICMPv6", "[2001:db8::99]:0/58")]
    [InlineData("192.168.12.99:41022/6", "192.168.12.99:41022/tcp")]
    [InlineData("192.168.12.99:0/47", "192.168.12.99:0/47")]
    public void Source_isReadAndWritten(string text, string written)
    {
        Assert.True(FlowSource.TryParse(text, out FlowSource? source));
        Assert.Equal(written, source.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("192.168.12.99:41022")]
    [InlineData("192.168.12.99/tcp")]
    [InlineData("192.168.12.99:/tcp")]
    [InlineData(":41022/tcp")]
    [InlineData("192.168.12.99:0/tcp")]
    [InlineData("192.168.12.99:0/17")]
    [InlineData("192.168.12.99:65536/tcp")]
    [InlineData("192.168.12.99:-1/tcp")]
    [InlineData("192.168.12.99:41022/")]
    [InlineData("192.168.12.99:41022/http")]
    [InlineData("192.168.12.99:41022/256")]
    [InlineData("192.168.12.99:41022/06")]
    [InlineData("192.168.12:41022/tcp")]
    [InlineData("[192.168.12.99]:41022/tcp")]
    [InlineData("2001:db8::99:41022/tcp")]
    [InlineData("[2001:db8::99%eth0]:41022/tcp")]
    [InlineData("[[2001:db8::99]]:41022/tcp")]
    [InlineData("partner.example.com:41022/tcp")]
    public void Anything_else_isRefused(string text) => Assert.False(FlowSource.TryParse(text, out _));
}
