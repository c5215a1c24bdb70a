namespace EgressAgent.Linux.Bus;

/// <summary>How a <see cref="BusService"/> connects and to whom it reports.</summary>
public sealed record BusOptions
{
    /// <summary>The server address (<see cref="BusAddress"/>).</summary>
    public required string Address { get; init; }

    /// <summary>The well-known name to own. Somebody else's ownership counts as unavailability and is waited out.</summary>
    public required string Name { get; init; }

    /// <summary>The pause after the first failed attempt to connect; doubled by each further one.</summary>
    public TimeSpan InitialBackoff { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause between attempts.</summary>
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Told on the service's loop when the name becomes served and when it ceases to be, each with the reason; a further attempt that
    /// fails for the same reason is not told again. Must not throw.
    /// </summary>
    public Action<BusStatus> StatusChanged { get; init; } = _ => { };

    /// <summary>
    /// Told on the service's loop when calls have been answered and none has come for a second; each half a minute where they never
    /// stop. Must not throw.
    /// </summary>
    public Action Quiet { get; init; } = () => { };

    /// <summary>
    /// Told on the service's loop which member, or which posted key, threw what. Its own fault, so it belongs in the log. Must not throw.
    /// </summary>
    public Action<string, Exception> Faulted { get; init; } = (_, _) => { };
}

/// <summary>Whether a <see cref="BusService"/> serves its name.</summary>
/// <param name="IsReady">The connection is up and the name is owned, so that clients reach the objects.</param>
/// <param name="Message">
/// A sentence for the log: the address and the unique name, or why there is no connection.
/// </param>
public sealed record BusStatus(bool IsReady, string Message);
