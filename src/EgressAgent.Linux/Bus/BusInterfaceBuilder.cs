using EgressAgent.Linux.Interop;

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
        if (LibSystemd.sd_bus_interface_name_is_valid(name) <= 0)
        {
            throw new ArgumentException($"'{name}' is not a D-Bus interface name.", nameof(name));
        }

        _name = name;
    }

    public BusInterfaceBuilder<T> Method(
        string name,
        BusArgument[] arguments,
        BusArgument[] results,
        BusAccess access,
        BusMethodHandler<T> handler) => Add(new BusMethod<T>(name, arguments, results, access, handler));

    public BusInterfaceBuilder<T> Property(
        string name,
        string signature,
        BusPropertyChange change,
        BusPropertyGetter<T> getter) => Add(new BusProperty<T>(name, signature, change, getter));

    public BusInterfaceBuilder<T> Signal(string name, BusArgument[] arguments) => Add(new BusSignal(name, arguments));

    /// <exception cref="ArgumentException">A signature or an argument's name is malformed, or a name is declared twice.</exception>
    public BusInterface<T> Build() => new(_name, _members);

    private BusInterfaceBuilder<T> Add(BusMember member)
    {
        _members.Add(member);
        return this;
    }
}
