using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// Writes the body of a message, on the service's loop and without blocking. What is written is not compared with the declared
/// signature, and a message whose body is of other types makes the bus close the connection.
/// </summary>
public delegate void BusBody(ref MessageWriter body);
