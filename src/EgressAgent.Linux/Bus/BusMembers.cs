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
