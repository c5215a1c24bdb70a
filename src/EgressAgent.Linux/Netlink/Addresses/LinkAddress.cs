using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Netlink.Routes;

namespace EgressAgent.Linux.Netlink.Addresses;

/// <summary>An IP address of a link (RTM_NEWADDR, rtnetlink(7)).</summary>
/// <param name="LinkIndex">The link's index.</param>
/// <param name="Address">The local address.</param>
/// <param name="PrefixLength">Of its subnet, in bits.</param>
public sealed record LinkAddress(int LinkIndex, IPAddress Address, int PrefixLength)
{
    public RouteScope Scope { get; init; }

    /// <summary>
    /// On adding, <see cref="AddressFlags.NoDad"/> and <see cref="AddressFlags.NoPrefixRoute"/> are choices of the caller; the
    /// others are the kernel's answer.
    /// </summary>
    public AddressFlags Flags { get; init; }

    /// <summary>On adding: no source for what does not ask for it (RFC 4862, 5.5.4). IPv6 only.</summary>
    public bool IsDeprecated { get; init; }

    /// <summary>IPv4 only: the link's name, or that name with a suffix (<c>eth0:1</c>).</summary>
    public string? Label { get; init; }

    /// <summary>Who put it there, as of a route (<c>IFA_PROTO</c>); 0 when nobody said so, and on kernels before 5.18.</summary>
    public byte Protocol { get; init; }

    public AddressFamily Family => Address.AddressFamily;

    /// <inheritdoc cref="AddressFlags.Tentative"/>
    public bool IsTentative => Flags.HasFlag(AddressFlags.Tentative);

    /// <inheritdoc cref="AddressFlags.DadFailed"/>
    public bool HasDadFailed => Flags.HasFlag(AddressFlags.DadFailed);

    /// <summary><c>192.168.12.99/24</c>.</summary>
    public override string ToString() => $"{Address}/{PrefixLength}";
}
