using System.Net;

namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>What the packets of one direction of a flow have in common.</summary>
/// <param name="Protocol">The IP protocol number: 6 TCP, 17 UDP, 132 SCTP, 1 ICMP, 58 ICMPv6.</param>
/// <param name="Source">The source address.</param>
/// <param name="Destination">The destination address.</param>
public sealed record ConntrackTuple(byte Protocol, IPAddress Source, IPAddress Destination)
{
    /// <summary>Null for protocols without ports. For GRE the key, as the kernel has it.</summary>
    public ushort? SourcePort { get; init; }

    /// <inheritdoc cref="SourcePort"/>
    public ushort? DestinationPort { get; init; }

    /// <summary>The identifier of an ICMP or ICMPv6 query; null for other protocols.</summary>
    public ushort? IcmpId { get; init; }

    /// <summary>The type of an ICMP or ICMPv6 message; null for other protocols.</summary>
    public byte? IcmpType { get; init; }

    /// <summary>The code of an ICMP or ICMPv6 message; null for other protocols.</summary>
    public byte? IcmpCode { get; init; }

    /// <summary><c>6 198.18.0.1:40000 → 198.18.0.2:8080</c>.</summary>
    public override string ToString() =>
        IcmpType is null
            ? $"{Protocol} {Endpoint(Source, SourcePort)} → {Endpoint(Destination, DestinationPort)}"
            : $"{Protocol} {Source} → {Destination} type {IcmpType} code {IcmpCode} id {IcmpId}";

    private static string Endpoint(IPAddress address, ushort? port) =>
        port is ushort number ? new IPEndPoint(address, number).ToString() : address.ToString();
}
