using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>A method, property or signal of an interface. Their handlers have forgotten the type of the object behind the path.</summary>
internal abstract record BusMember(string Name)
{
    internal static string SignatureOf(IEnumerable<BusArgument> arguments) => string.Concat(arguments.Select(argument => argument.Signature));
}

internal sealed record BusMethod(string Name, BusArgument[] Arguments, BusArgument[] Results, BusAccess Access) : BusMember(Name)
{
    internal delegate void FastHandler(object context, BusMethodCall call, ref MessageWriter reply);

    /// <summary>Null for a slow method.</summary>
    internal FastHandler? Handler { get; init; }

    /// <summary>Null for any other.</summary>
    internal Func<object, BusMethodCall, Task<BusBody>>? SlowHandler { get; init; }

    internal string Signature { get; } = SignatureOf(Arguments);

    internal string ResultSignature { get; } = SignatureOf(Results);
}

internal sealed record BusProperty(string Name, string Signature, BusPropertyChange Change) : BusMember(Name)
{
    internal delegate void Getter(object context, ref MessageWriter value);

    internal required Getter Get { get; init; }

    /// <summary>Null where the value is at hand.</summary>
    internal Func<object, Task>? Refresh { get; init; }

    internal void WriteVariant(object context, ref MessageWriter body)
    {
        body.WriteSignature(Signature);
        Get(context, ref body);
    }
}

internal sealed record BusSignal(string Name, BusArgument[] Arguments) : BusMember(Name)
{
    internal string Signature { get; } = SignatureOf(Arguments);
}

/// <summary>One argument of a method or a signal, as introspection shows it.</summary>
/// <param name="Signature">One complete type: <c>s</c>, <c>a(sssso)</c>.</param>
/// <param name="Name">Its name: letters, digits and underscores.</param>
public readonly record struct BusArgument(string Signature, string Name)
{
    public static implicit operator BusArgument((string Signature, string Name) pair) => new(pair.Signature, pair.Name);
}

/// <summary>What a client may expect of <c>PropertiesChanged</c> for a property (the EmitsChangedSignal annotation).</summary>
public enum BusPropertyChange
{
    /// <summary>Each change is announced with the new value.</summary>
    Emits,

    /// <summary>Each change is announced without the value, which is costly or large.</summary>
    Invalidates,

    /// <summary>The value never changes while the object lives.</summary>
    Constant,

    /// <summary>Changes are not announced; a client that wants the value asks for it. For counters.</summary>
    Silent,
}

/// <summary>
/// Who may call a method, whatever the bus policy says beyond that. Others get <see cref="BusErrorNames.AccessDenied"/>. The bus
/// vouches for the identity; a caller that has left by then has none and is refused too.
/// </summary>
public enum BusAccess
{
    /// <summary>Everyone who can reach the service.</summary>
    Everyone,

    /// <summary>Root, and the user that the service itself runs as.</summary>
    Privileged,

    /// <summary>
    /// Those who may read the system's journal (journalctl(1)): the privileged, and the members of the groups
    /// <c>adm</c> and <c>systemd-journal</c>.
    /// </summary>
    JournalReaders,
}
