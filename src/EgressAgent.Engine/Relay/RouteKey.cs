using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>All that makes a route what it is: it stays the same object, with its counters, while this stays the same.</summary>
/// <param name="Protocol">The transport.</param>
/// <param name="Rule">Null for a fallback.</param>
/// <param name="Inside">The inside address, port 0.</param>
/// <param name="Destination">The destination; a fallback's port is that which was dialled.</param>
internal sealed record RouteKey(
    TransportProtocol Protocol,
    RedirectRuleSpec? Rule,
    SocketEndpoint Inside,
    SocketEndpoint Destination);
