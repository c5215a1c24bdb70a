using System.Net;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>One TCP connection, SCTP association or UDP association, as it was at one moment.</summary>
/// <param name="Protocol">The transport.</param>
/// <param name="Client">The client's end.</param>
/// <param name="Inside">The address and port that the client dialled.</param>
/// <param name="Source">The relay's end towards the destination; port 0 while TCP has not chosen one.</param>
/// <param name="Destination">The destination's end.</param>
/// <param name="Rule">The rule that took it; null for the fallback.</param>
/// <param name="State">Where it is in its life.</param>
/// <param name="BytesToDestination">Payload bytes handed to the socket towards the destination.</param>
/// <param name="BytesToClient">Payload bytes handed to the socket towards the client.</param>
/// <param name="StartedAt">When the connection was accepted or the first datagram came.</param>
internal sealed record RelayFlow(
    TransportProtocol Protocol,
    IPEndPoint Client,
    IPEndPoint Inside,
    IPEndPoint Source,
    IPEndPoint Destination,
    RedirectRuleSpec? Rule,
    RelayFlowState State,
    long BytesToDestination,
    long BytesToClient,
    DateTimeOffset StartedAt);

/// <summary>Where a flow is in its life.</summary>
internal enum RelayFlowState
{
    /// <summary>The destination has not answered yet.</summary>
    Connecting,

    /// <summary>Both sides may send. UDP associations always are.</summary>
    Established,

    /// <summary>TCP: one side has sent its FIN, the other may still send.</summary>
    HalfClosed,
}
