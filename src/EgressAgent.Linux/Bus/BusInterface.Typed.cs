namespace EgressAgent.Linux.Bus;

/// <summary>
/// A declared interface whose handlers work on a <typeparamref name="T"/>: the object behind a path. Immutable.
/// </summary>
/// <example>
/// <code>
/// static readonly BusInterface&lt;Thing&gt; ThingInterface = new BusInterfaceBuilder&lt;Thing&gt;("org.example.Thing1")
///     .Property("Name", "s", BusPropertyChange.Constant, (thing, value) => value.WriteString(thing.Name))
///     .Method("Resize", [("u", "width")], [("b", "changed")], BusAccess.Privileged,
///         (thing, call) => call.Reply.WriteBoolean(thing.Resize(call.Arguments.ReadUInt32())))
///     .Signal("Resized", [("u", "width")])
///     .Build();
/// </code>
/// </example>
public sealed class BusInterface<T> : BusInterface
    where T : class
{
    internal BusInterface(string name, IEnumerable<BusMember> members)
        : base(name, members)
    {
    }

    /// <summary>This interface on that object, ready to be put at a path.</summary>
    public BusFace For(T context) => new(this, context);

    internal override void Invoke(object context, int member, BusMethodCall call) =>
        ((BusMethod<T>)Member(member)).Handler((T)context, call);

    internal override void Get(object context, int member, BusMessageWriter value) =>
        ((BusProperty<T>)Member(member)).Getter((T)context, value);
}
