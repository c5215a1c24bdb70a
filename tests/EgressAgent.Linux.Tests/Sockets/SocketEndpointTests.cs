using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Linux.Tests.Sockets;

public sealed class SocketEndpointTests
{
    [Theory]
    [InlineData("192.168.12.99", "02001f90c0a80c63")]
    [InlineData("fd12::99", "0a001f9000000000fd12000000000000000000000000009900000000")]
    public void Layout_is_the_kernels(string address, string expected)
    {
        var endpoint = new SocketEndpoint(IPAddress.Parse(address), 8080);

        string bytes = Convert.ToHexString(MemoryMarshal.AsBytes(new ReadOnlySpan<SocketEndpoint>(in endpoint)));

        Assert.Equal(28, Unsafe.SizeOf<SocketEndpoint>());
        Assert.StartsWith(expected, bytes, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("192.168.12.99", "00000000000000000000ffffc0a80c63")]
    [InlineData("fd12::99", "fd120000000000000000000000000099")]
    public void Mapped_address_puts_IPv4_below_its_prefix(string address, string expected)
    {
        byte[] mapped = new byte[16];
        new SocketEndpoint(IPAddress.Parse(address), 80).WriteMappedAddress(mapped);
        Assert.Equal(expected, Convert.ToHexStringLower(mapped));
    }

    [Theory]
    [InlineData("192.168.12.99")]
    [InlineData("fd12::99")]
    public void Endpoint_goes_round(string address)
    {
        var endpoint = new IPEndPoint(IPAddress.Parse(address), 8080);
        var own = new SocketEndpoint(endpoint.Address, 8080);

        Assert.Equal(endpoint, own.ToIPEndPoint());
        Assert.Equal(own, own.WithPort(1).WithPort(8080));
        Assert.NotEqual(own, own.WithPort(1));
    }
}
