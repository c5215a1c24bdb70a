namespace EgressAgent.Testing.Instructions;

/// <summary>A kind of traffic, of which it is counted what one unit takes.</summary>
/// <param name="Unit">As a table has it.</param>
/// <param name="Count">How many units are sent in a row: enough that what happens between two ticks of the clock is in each.</param>
/// <param name="Limit">How many times those of a router made by hand it may take.</param>
/// <param name="OffloadedLimit">The same where established flows are offloaded.</param>
/// <param name="Send">Sends so many.</param>
public sealed record CountedTraffic(string Unit, int Count, double Limit, double OffloadedLimit, Action<TrafficPair, int> Send)
{
    /// <summary>All that is counted.</summary>
    public static IReadOnlyList<CountedTraffic> All { get; } =
    [
        new("UDP datagram of 64 bytes", 400, 1.27, 0.85, (pair, count) => pair.EchoDatagrams(count / 2)),
        new("TCP round trip of 64 bytes", 150, 1.19, 0.85, (pair, count) => pair.EchoSegments(count)),
        new("TCP segment that fills a packet", 400, 1.19, 0.85, (pair, count) => pair.Stream(count)),
        new("TCP connection with one round trip", 60, 1.19, 1.19, (pair, count) => pair.Connect(count)),
    ];

    /// <summary>How many times those of a router made by hand it may take by <paramref name="router"/>.</summary>
    public double LimitOf(CountedRouter router) => router.IsOffloading ? OffloadedLimit : Limit;
}
