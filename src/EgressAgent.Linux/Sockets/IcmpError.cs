namespace EgressAgent.Linux.Sockets;

/// <summary>What an ICMP or ICMPv6 error said about a datagram that was sent.</summary>
/// <param name="Type">Its type: 3 and 1 are "destination unreachable" of ICMP and ICMPv6.</param>
/// <param name="Code">Its code.</param>
/// <param name="Mtu">For "fragmentation needed" and "packet too big"; else 0.</param>
public readonly record struct IcmpError(byte Type, byte Code, uint Mtu);
