namespace EgressAgent.Linux.Bus;

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
