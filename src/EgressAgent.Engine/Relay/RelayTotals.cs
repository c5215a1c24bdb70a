namespace EgressAgent.Engine.Relay;

/// <summary>What a relay has carried.</summary>
/// <param name="Connections">Connections accepted and UDP associations made.</param>
/// <param name="FallbackConnections">Those of them that no rule took.</param>
/// <param name="BytesToDestination">Payload bytes.</param>
/// <param name="BytesToClient">Payload bytes.</param>
internal readonly record struct RelayTotals(long Connections, long FallbackConnections, long BytesToDestination, long BytesToClient)
{
    public static RelayTotals operator +(RelayTotals left, RelayTotals right) => new(
        left.Connections + right.Connections,
        left.FallbackConnections + right.FallbackConnections,
        left.BytesToDestination + right.BytesToDestination,
        left.BytesToClient + right.BytesToClient);

    internal static RelayTotals Of(RelayCounters counters) => new(
        counters.Connections, counters.Rule is null ? counters.Connections : 0, counters.BytesToDestination, counters.BytesToClient);
}
