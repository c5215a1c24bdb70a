using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>Declares an interface, member by member, in the order in which introspection shows them.</summary>
public sealed class BusInterfaceBuilder<T>
    where T : class
{
    private readonly string _name;
    private readonly List<BusMember> _members = [];

    /// <exception cref="ArgumentException">Not an interface name.</exception>
    public BusInterfaceBuilder(string name)
    {
        if (!BusNaming.IsInterfaceName(name))
        {
            throw new ArgumentException($"'{name}' is not a D-Bus interface name.", nameof(name));
        }

        _name = name;
    }

    /// <exception cref="ArgumentException">A name or a signature is malformed, or the name is declared twice.</exception>
    public BusInterfaceBuilder<T> Method(
        string name, BusArgument[] arguments, BusArgument[] results, BusAccess access, BusMethodHandler<T> handler) =>
        Add(new BusMethod(name, Checked(arguments), Checked(results), access)
        {
            Handler = (context, call, ref reply) => handler((T)context, call, ref reply),
        });

    /// <inheritdoc cref="Method"/>
    public BusInterfaceBuilder<T> SlowMethod(
        string name, BusArgument[] arguments, BusArgument[] results, BusAccess access, BusSlowMethodHandler<T> handler) =>
        Add(new BusMethod(name, Checked(arguments), Checked(results), access)
        {
            SlowHandler = (context, call) => handler((T)context, call),
        });

    /// <inheritdoc cref="Method"/>
    public BusInterfaceBuilder<T> Property(string name, string signature, BusPropertyChange change, BusPropertyGetter<T> getter) =>
        Property(name, signature, change, getter, refresh: null);

    /// <summary>A property that is made ready before a caller reads it, by whichever method.</summary>
    /// <inheritdoc cref="Method"/>
    public BusInterfaceBuilder<T> Property(
        string name, string signature, BusPropertyChange change, BusPropertyGetter<T> getter, BusPropertyRefresh<T>? refresh) =>
        Add(new BusProperty(name, Checked(signature), change)
        {
            Get = (object context, ref MessageWriter value) => getter((T)context, ref value),
            Refresh = refresh is null ? null : context => refresh((T)context),
        });

    /// <inheritdoc cref="Method"/>
    public BusInterfaceBuilder<T> Signal(string name, BusArgument[] arguments) => Add(new BusSignal(name, Checked(arguments)));

    public BusInterface<T> Build() => new(_name, _members);

    private BusInterfaceBuilder<T> Add(BusMember member)
    {
        if (!BusNaming.IsMemberName(member.Name))
        {
            throw new ArgumentException($"'{member.Name}' is not a D-Bus member name.", nameof(member));
        }

        if (_members.Exists(other => other.Name == member.Name))
        {
            throw new ArgumentException($"{_name}.{member.Name} is declared twice.", nameof(member));
        }

        _members.Add(member);
        return this;
    }

    private static BusArgument[] Checked(BusArgument[] arguments)
    {
        foreach (BusArgument argument in arguments)
        {
            Checked(argument.Signature);
            if (!BusNaming.IsMemberName(argument.Name))
            {
                throw new ArgumentException($"'{argument.Name}' is not the name of an argument.", nameof(arguments));
            }
        }

        return arguments;
    }

    private static string Checked(string signature) => BusSignature.IsSingleType(signature)
        ? signature
        : throw new ArgumentException($"'{signature}' is not the signature of one type.", nameof(signature));
}
