using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Relay;

/// <summary>A rule or fallback in force. It stays the same object over plan changes that do not concern it.</summary>
internal sealed class Route(RouteKey key, int loops)
{
    private readonly RouteCounters[] _counters = new RouteCounters[loops];

    internal RouteKey Key { get; } = key;

    /// <summary>Where a client goes that dialled <paramref name="port"/>.</summary>
    internal SocketEndpoint DestinationOf(ushort port) => Key.Rule is null ? Key.Destination.WithPort(port) : Key.Destination;

    internal ref RouteCounters CountersOf(RelayLoop loop) => ref _counters[loop.Index];

    internal RelayCounters Sum()
    {
        RouteCounters sum = default;
        foreach (ref RouteCounters share in _counters.AsSpan())
        {
            sum.Connections += Volatile.Read(ref share.Connections);
            sum.BytesToDestination += Volatile.Read(ref share.BytesToDestination);
            sum.BytesToClient += Volatile.Read(ref share.BytesToClient);
            sum.Refused += Volatile.Read(ref share.Refused);
            sum.Unreachable += Volatile.Read(ref share.Unreachable);
            sum.TimedOut += Volatile.Read(ref share.TimedOut);
            sum.Exhausted += Volatile.Read(ref share.Exhausted);
        }

        return new RelayCounters(
            Key.Protocol,
            Key.Rule,
            sum.Connections,
            sum.BytesToDestination,
            sum.BytesToClient,
            sum.Refused,
            sum.Unreachable,
            sum.TimedOut,
            sum.Exhausted);
    }
}
