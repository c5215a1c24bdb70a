using System.Net;

namespace EgressAgent.Model.Planning;

/// <summary>A router's gateway, as the physical network shows it.</summary>
/// <param name="Address">Its address.</param>
/// <param name="IsReachable">Whether it answers ARP or neighbour discovery; null while it is being asked for the first time.</param>
public sealed record ObservedGateway(IPAddress Address, bool? IsReachable);
