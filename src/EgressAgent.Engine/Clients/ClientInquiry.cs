using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Clients;

/// <summary>What is asked about the client of a flow, until it is answered.</summary>
/// <param name="Question">What has the answer then.</param>
/// <param name="Protocol">The IP protocol number.</param>
/// <param name="Client">As the router sees it.</param>
/// <param name="Dialled">The router's end.</param>
/// <param name="IsByService">Whether a Service has brought the flow; null where that is not known.</param>
internal sealed record ClientInquiry(ClientQuestion Question, byte Protocol, SocketEndpoint Client, SocketEndpoint Dialled, bool? IsByService);
