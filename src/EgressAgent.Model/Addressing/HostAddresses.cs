using System.Buffers.Binary;
using System.Net;

namespace EgressAgent.Model.Addressing;

/// <summary>Which addresses can be a host's own, and why the others cannot.</summary>
public static class HostAddresses
{
    private static readonly IPNetwork ThisNetwork = IPNetwork.Parse("0.0.0.0/8");
    private static readonly IPNetwork Multicast = IPNetwork.Parse("224.0.0.0/4");
    private static readonly IPNetwork Reserved = IPNetwork.Parse("240.0.0.0/4");

    /// <summary>
    /// Null for a unicast address that packets can carry through a router, else what it is instead: <c>a multicast address</c>.
    /// An IPv6 link-local address counts as the latter, because it means nothing without an interface.
    /// </summary>
    public static string? WhyNotUnicast(IPAddress address) => address switch
    {
        _ when address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) => "the unspecified address",
        _ when IPAddress.IsLoopback(address) => "a loopback address",
        _ when address.Equals(IPAddress.Broadcast) => "the broadcast address",
        _ when address.IsIPv6Multicast || Multicast.Contains(address) => "a multicast address",
        _ when address.IsIPv6LinkLocal => "a link-local address",
        _ when ThisNetwork.Contains(address) => "in 0.0.0.0/8, which is no host's (RFC 1122)",
        _ when Reserved.Contains(address) => "in 240.0.0.0/4, which is reserved (RFC 1112)",
        _ => null,
    };

    /// <summary>
    /// Null unless the address is one of those that its network keeps for itself: an IPv4 network's first and last address
    /// (RFC 1122; not in a /31, RFC 3021), an IPv6 network's first one (the routers' anycast address, RFC 4291 2.6.1; not in a
    /// /127, RFC 6164).
    /// </summary>
    public static string? WhyNotHostOf(IPNetwork network, IPAddress address)
    {
        if (address.AddressFamily != network.BaseAddress.AddressFamily || network.PrefixLength > address.MaxPrefixLength - 2)
        {
            return null;
        }

        if (address.Equals(network.BaseAddress))
        {
            return address.IsIPv4 ? $"the network address of {network}" : $"the anycast address of the routers of {network}";
        }

        return address.IsIPv4 && NumberOf(address) == (NumberOf(network.BaseAddress) | (uint.MaxValue >> network.PrefixLength))
            ? $"the broadcast address of {network}"
            : null;
    }

    private static uint NumberOf(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        address.TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }
}
