namespace EgressAgent.Linux.Bus;

/// <summary>
/// A D-Bus error for a caller. Thrown by a method or property handler it becomes the reply, name and message as they are.
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
