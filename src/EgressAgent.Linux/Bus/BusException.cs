namespace EgressAgent.Linux.Bus;

/// <summary>
/// A D-Bus error. Thrown by a method or property handler it becomes the reply to the caller, name and message as they are; thrown
/// by <see cref="BusClient"/> it is the error that the peer, the bus or the client's libsystemd reports.
/// </summary>
public sealed class BusException : Exception
{
    /// <param name="name">The error's name (<see cref="BusErrorNames"/>), by the rules of interface names.</param>
    /// <param name="message">One sentence for the caller.</param>
    public BusException(string name, string message)
        : base(message) => Name = name;

    /// <summary>The error's name: <c>org.freedesktop.DBus.Error.InvalidArgs</c>.</summary>
    public string Name { get; }
}
