using System.Net;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>A flow as its client's packets have it when they reach the relay's socket; at one moment no other flow is the same.</summary>
/// <param name="Protocol">The transport.</param>
/// <param name="Client">The client's end.</param>
/// <param name="Local">The inside address and the port that was dialled.</param>
internal readonly record struct DialledFlow(TransportProtocol Protocol, SocketEndpoint Client, SocketEndpoint Local)
{
    /// <summary>That of a conntrack entry, by its reply; null for protocols that the relay does not carry.</summary>
    internal static DialledFlow? OfReply(ConntrackTuple reply) =>
        Of(reply.Protocol, reply.Destination, reply.DestinationPort, reply.Source, reply.SourcePort);

    /// <summary>That of a conntrack entry, by what its client sent.</summary>
    internal static DialledFlow? OfOriginal(ConntrackTuple original) =>
        Of(original.Protocol, original.Source, original.SourcePort, original.Destination, original.DestinationPort);

    private static DialledFlow? Of(byte number, IPAddress client, ushort? clientPort, IPAddress local, ushort? localPort) =>
        TransportProtocols.OfNumber(number) is { } protocol && clientPort is { } from && localPort is { } to
            ? new(protocol, new SocketEndpoint(client, from), new SocketEndpoint(local, to))
            : null;
}
