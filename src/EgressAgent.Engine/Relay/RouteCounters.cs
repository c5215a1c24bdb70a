using System.Runtime.InteropServices;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// One loop's share of a route's counters. Only that loop writes it, so it needs no interlocked operation; readers add the
/// shares up. It fills a cache line, so that loops do not take each other's.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct RouteCounters
{
    internal long Connections;
    internal long BytesToDestination;
    internal long BytesToClient;
    internal long Refused;
    internal long Unreachable;
    internal long TimedOut;
    internal long Exhausted;
}
