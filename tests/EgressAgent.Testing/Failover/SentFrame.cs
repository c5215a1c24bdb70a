namespace EgressAgent.Testing.Failover;

/// <summary>A frame with the router's MAC, or one that speaks for its address.</summary>
/// <param name="Nanoseconds">When the LAN had it, since 1970, by the kernel's stamp.</param>
/// <param name="Node">The number of the node that sent it.</param>
public readonly record struct SentFrame(long Nanoseconds, int Node);
