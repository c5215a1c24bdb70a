namespace EgressAgent.Linux.Bus;

/// <summary>Whether a <see cref="BusService"/> serves its name.</summary>
/// <param name="IsReady">The connection is up and the name is owned, so that clients reach the objects.</param>
/// <param name="Message">
/// A sentence for the log: the address and the unique name, or why there is no connection.
/// </param>
public sealed record BusStatus(bool IsReady, string Message);
