using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Relay;

/// <summary>A client that has been accepted and is about to get its connection to the destination.</summary>
/// <param name="Socket">Its descriptor.</param>
/// <param name="Endpoint">Its end.</param>
/// <param name="DialledPort">The port that it connected to.</param>
/// <param name="Route">Where it goes.</param>
internal readonly record struct AcceptedClient(int Socket, SocketEndpoint Endpoint, ushort DialledPort, Route Route);
