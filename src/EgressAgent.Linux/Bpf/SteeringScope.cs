using EgressAgent.Linux.Sockets;

namespace EgressAgent.Linux.Bpf;

/// <summary>What a <see cref="PortSteering"/> is about; everything else is left to the kernel.</summary>
/// <param name="InsideIPv4">The local IPv4 address; its port is ignored.</param>
/// <param name="InsideIPv6">The local IPv6 address; its port is ignored.</param>
/// <param name="InterfaceName">The interface by which it must come in, which needs Linux 5.17; null for any.</param>
public sealed record SteeringScope(SocketEndpoint? InsideIPv4, SocketEndpoint? InsideIPv6, string? InterfaceName);
