using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>All that makes a route what it is: a flow lives on over a change of plan when this stays the same.</summary>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="Rule">Null for a fallback.</param>
/// <param name="Inside">The inside address, port 0.</param>
/// <param name="Source">The address for outgoing sockets, port 0.</param>
/// <param name="Destination">The destination; a fallback's port is that which was dialled.</param>
internal sealed record RouteKey(
    TransportProtocol Protocol,
    RedirectRuleSpec? Rule,
    SocketEndpoint Inside,
    SocketEndpoint Source,
    SocketEndpoint Destination);
