namespace EgressAgent.Linux.Bus;

/// <summary>One argument of a method or a signal, as introspection shows it.</summary>
/// <param name="Signature">One complete type: <c>s</c>, <c>a(sssso)</c>.</param>
/// <param name="Name">Its name: letters, digits and underscores.</param>
public readonly record struct BusArgument(string Signature, string Name)
{
    public static implicit operator BusArgument((string Signature, string Name) pair) => new(pair.Signature, pair.Name);
}
