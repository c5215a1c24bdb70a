namespace EgressAgent.Linux.Bus;

/// <summary>An interface of an object of a peer.</summary>
/// <param name="Destination">The peer's well-known or unique name.</param>
/// <param name="Path">The object.</param>
/// <param name="Interface">The interface.</param>
public sealed record BusTarget(string Destination, string Path, string Interface);
