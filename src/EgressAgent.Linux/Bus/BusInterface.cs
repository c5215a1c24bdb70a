using System.Collections.Frozen;
using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>A declared D-Bus interface. Immutable; a declaration belongs into a static field.</summary>
/// <seealso cref="BusInterface{T}"/>
public abstract class BusInterface
{
    private readonly FrozenDictionary<string, BusMember> _members;

    private protected BusInterface(string name, IReadOnlyList<BusMember> members)
    {
        Name = name;
        _members = members.ToFrozenDictionary(member => member.Name);
        Properties = [.. members.OfType<BusProperty>()];
        IntrospectionXml = BusIntrospection.Describe(name, members);
    }

    /// <summary>The interface's name: <c>org.example.Thing1</c>.</summary>
    public string Name { get; }

    /// <summary>In the order of their declaration.</summary>
    internal IReadOnlyList<BusProperty> Properties { get; }

    internal ReadOnlyMemory<byte> IntrospectionXml { get; }

    /// <summary>Null where there is no such member, or one of another kind.</summary>
    internal TMember? Find<TMember>(string name)
        where TMember : BusMember => _members.GetValueOrDefault(name) as TMember;

    /// <exception cref="ArgumentException">The interface declares no such member.</exception>
    internal TMember Get<TMember>(string name)
        where TMember : BusMember =>
        Find<TMember>(name) ?? throw new ArgumentException($"{Name} declares no {typeof(TMember).Name} '{name}'.", nameof(name));

    /// <summary>Writes an <c>a{sv}</c> of all properties.</summary>
    internal void WriteProperties(object context, ref MessageWriter body)
    {
        ArrayStart dictionary = body.WriteDictionaryStart();
        WriteEntries(context, ref body);
        body.WriteDictionaryEnd(dictionary);
    }

    /// <summary>Writes the entries of such a dictionary.</summary>
    internal void WriteEntries(object context, ref MessageWriter body)
    {
        foreach (BusProperty property in Properties)
        {
            body.WriteDictionaryEntryStart();
            body.WriteString(property.Name);
            property.WriteVariant(context, ref body);
        }
    }
}

/// <summary>
/// A declared interface whose handlers work on a <typeparamref name="T"/>: the object behind a path. Immutable.
/// </summary>
/// <example>
/// <code>
/// static readonly BusInterface&lt;Thing&gt; ThingInterface = new BusInterfaceBuilder&lt;Thing&gt;("org.example.Thing1")
///     .Property("Name", "s", BusPropertyChange.Constant, (thing, ref value) => value.WriteText(thing.Name))
///     .Method("Resize", [("u", "width")], [("b", "changed")], BusAccess.Privileged,
///         (thing, call, ref reply) => reply.WriteBool(thing.Resize(call.Arguments.ReadUInt32())))
///     .Signal("Resized", [("u", "width")])
///     .Build();
/// </code>
/// </example>
public sealed class BusInterface<T> : BusInterface
    where T : class
{
    internal BusInterface(string name, IReadOnlyList<BusMember> members)
        : base(name, members)
    {
    }

    /// <summary>This interface on that object, ready to be put at a path.</summary>
    public BusFace For(T context) => new(this, context);
}

/// <summary>One interface of one object; made by <see cref="BusInterface{T}.For"/>.</summary>
public sealed class BusFace
{
    internal BusFace(BusInterface @interface, object context)
    {
        Interface = @interface;
        Context = context;
    }

    internal BusInterface Interface { get; }

    internal object Context { get; }
}
