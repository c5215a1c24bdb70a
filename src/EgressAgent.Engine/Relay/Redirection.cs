using System.Runtime.InteropServices;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>A rule or fallback in force. It stays the same object over plan changes that do not concern it.</summary>
internal sealed class Redirection(RedirectionKey key, int loops)
{
    private readonly RedirectionCounters[] _counters = new RedirectionCounters[loops];

    internal RedirectionKey Key { get; } = key;

    /// <summary>Where a client goes that dialled <paramref name="port"/>.</summary>
    internal SocketEndpoint DestinationOf(ushort port) => Key.Rule is null ? Key.Destination.WithPort(port) : Key.Destination;

    internal ref RedirectionCounters CountersOf(RelayLoop loop) => ref _counters[loop.Index];

    internal RelayCounters Sum()
    {
        RedirectionCounters sum = default;
        foreach (ref RedirectionCounters share in _counters.AsSpan())
        {
            sum.Connections += Volatile.Read(ref share.Connections);
            sum.BytesToDestination += Volatile.Read(ref share.BytesToDestination);
            sum.BytesToClient += Volatile.Read(ref share.BytesToClient);
            sum.Refused += Volatile.Read(ref share.Refused);
            sum.Unreachable += Volatile.Read(ref share.Unreachable);
            sum.TimedOut += Volatile.Read(ref share.TimedOut);
        }

        return new RelayCounters(
            Key.Protocol,
            Key.Rule,
            sum.Connections,
            sum.BytesToDestination,
            sum.BytesToClient,
            sum.Refused,
            sum.Unreachable,
            sum.TimedOut);
    }
}

/// <summary>All that makes a redirection what it is: it stays the same object, with its counters, while this stays the same.</summary>
/// <param name="Protocol">The transport.</param>
/// <param name="Rule">Null for a fallback.</param>
/// <param name="Inside">The inside address, port 0.</param>
/// <param name="Destination">The destination; a fallback's port is that which was dialled.</param>
internal sealed record RedirectionKey(
    TransportProtocol Protocol,
    RedirectRuleSpec? Rule,
    SocketEndpoint Inside,
    SocketEndpoint Destination);

/// <summary>
/// One loop's share of a redirection's counters. Only that loop writes it, so it needs no interlocked operation; readers add the
/// shares up. It fills a cache line, so that loops do not take each other's.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct RedirectionCounters
{
    internal long Connections;
    internal long BytesToDestination;
    internal long BytesToClient;
    internal long Refused;
    internal long Unreachable;
    internal long TimedOut;
}
