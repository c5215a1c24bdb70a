using System.Net;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Status;

/// <summary>What goes through a router: a look at one moment.</summary>
/// <param name="Rules">What each rule has carried.</param>
/// <param name="Flows">The flows of that moment, where they are wanted one by one.</param>
public sealed record RouterTraffic(ValueList<RuleTraffic> Rules, ValueList<RouterFlow> Flows)
{
    /// <summary>Of a router that nobody has looked at, or that is not there; told by reference, for one that is there may have nothing either.</summary>
    public static readonly RouterTraffic None = new([], []);

    /// <summary>How many flows of each protocol there are at that moment.</summary>
    public ValueList<FlowCount> FlowCounts { get; init; } = [];

    /// <summary>What rules and fallback have carried together, those included that there are no more.</summary>
    public TrafficVolume Volume { get; init; }

    /// <summary>How many connections the fallback has taken; of protocols without connections, flows.</summary>
    public ulong FallbackConnections { get; init; }

    /// <summary>How often what a client sent was refused, as no rule takes it.</summary>
    public ulong NoRuleRefusals { get; init; }

    /// <summary>How often somebody was refused who is none of the router's clients.</summary>
    public ulong ClientRefusals { get; init; }

    /// <summary>How many new connections were turned away at a limit, those of <see cref="PortFailures"/> included.</summary>
    public ulong LimitRefusals { get; init; }

    /// <summary>How many new connections found no source port that was free.</summary>
    public ulong PortFailures { get; init; }

    /// <summary>What the relay's sockets had no room for.</summary>
    public DropCounts Drops { get; init; }

    /// <summary>How full the router's table of connection tracking is; null where the kernel does not say.</summary>
    public EntryCount? Entries { get; init; }

    /// <summary>What the counts of a look are made of; empty where each of them has one counter only.</summary>
    public ValueList<CounterValue> Counters { get; init; } = [];

    /// <summary>The counts as the counters of one source.</summary>
    /// <param name="where">Tells them from those of others.</param>
    /// <param name="since">See <see cref="CounterValue"/>.</param>
    /// <param name="withBytes">Whether the source counts bytes; where flows do, they are left out.</param>
    public IEnumerable<CounterValue> ToCounters(string where, string since, bool withBytes)
    {
        List<CounterValue> counters =
        [
            Of(CounterKind.Connections, null, FallbackConnections),
            Of(CounterKind.NoRuleRefusals, null, NoRuleRefusals),
            Of(CounterKind.ClientRefusals, null, ClientRefusals),
            Of(CounterKind.LimitRefusals, null, LimitRefusals),
            Of(CounterKind.PortFailures, null, PortFailures),
            Of(CounterKind.ReceiveBufferDrops, null, Drops.ReceiveBuffer),
            Of(CounterKind.SendBufferDrops, null, Drops.SendBuffer),
            Of(CounterKind.ListenQueueDrops, null, Drops.ListenQueue),
            .. Rules.Select(rule => Of(CounterKind.Connections, rule.Rule, rule.Connections)),
        ];
        if (withBytes)
        {
            counters.Add(Of(CounterKind.BytesToDestination, null, Volume.BytesToDestination));
            counters.Add(Of(CounterKind.BytesToClient, null, Volume.BytesToClient));
            counters.AddRange(Rules.Select(rule => Of(CounterKind.BytesToDestination, rule.Rule, rule.Volume.BytesToDestination)));
            counters.AddRange(Rules.Select(rule => Of(CounterKind.BytesToClient, rule.Rule, rule.Volume.BytesToClient)));
        }

        return counters;

        CounterValue Of(CounterKind kind, RedirectRuleSpec? rule, ulong value) => new(kind, rule, where, value, since);
    }
}

/// <summary>What one counter says.</summary>
/// <param name="Kind">What it counts.</param>
/// <param name="Rule">Of which rule; null for the fallback's connections, and for what is the whole router's.</param>
/// <param name="Where">Tells it from others that count the same elsewhere: what is to be told is their sum.</param>
/// <param name="Value">The count.</param>
/// <param name="Since">Another one when it was made anew, and so began at 0.</param>
public readonly record struct CounterValue(CounterKind Kind, RedirectRuleSpec? Rule, string Where, ulong Value, string Since);

/// <summary>What a counter counts. The numbers are in the state database.</summary>
public enum CounterKind : byte
{
    Connections = 1,
    BytesToDestination = 2,
    BytesToClient = 3,
    NoRuleRefusals = 4,
    ClientRefusals = 5,
    LimitRefusals = 6,
    PortFailures = 7,
    ReceiveBufferDrops = 8,
    SendBufferDrops = 9,
    ListenQueueDrops = 10,
}

/// <summary>Bytes, and packets where they are counted, each way.</summary>
public readonly record struct TrafficVolume(ulong BytesToDestination, ulong BytesToClient, ulong PacketsToDestination, ulong PacketsToClient)
{
    public ulong Bytes => BytesToDestination + BytesToClient;

    public static TrafficVolume operator +(TrafficVolume left, TrafficVolume right) => new(
        left.BytesToDestination + right.BytesToDestination,
        left.BytesToClient + right.BytesToClient,
        left.PacketsToDestination + right.PacketsToDestination,
        left.PacketsToClient + right.PacketsToClient);

    public static TrafficVolume operator -(TrafficVolume left, TrafficVolume right) => new(
        left.BytesToDestination - right.BytesToDestination,
        left.BytesToClient - right.BytesToClient,
        left.PacketsToDestination - right.PacketsToDestination,
        left.PacketsToClient - right.PacketsToClient);
}

/// <summary>How many flows of a protocol there are.</summary>
/// <param name="Protocol">As <see cref="RouterFlow"/> has it.</param>
/// <param name="Count">More than none.</param>
public readonly record struct FlowCount(string Protocol, ulong Count);

/// <summary>How many entries a table has, and how many it may have.</summary>
public readonly record struct EntryCount(uint Entries, uint Limit);

/// <summary>How much a rule has been used.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Connections">How many connections (for UDP: flows) it has taken since it is in force.</param>
/// <param name="Volume">
/// What they carried: with the kernel datapath as packets, headers included; with the relay payload alone, and no packets.
/// </param>
public sealed record RuleTraffic(RedirectRuleSpec Rule, ulong Connections, TrafficVolume Volume)
{
    public ulong Bytes => Volume.Bytes;
}

/// <summary>A connection through a router, as it is now.</summary>
/// <param name="Protocol">The IP protocol, by name where it has one: <c>TCP</c>, <c>UDP</c>, <c>SCTP</c>, <c>ICMP</c>, else its number.</param>
/// <param name="Client">Who is behind it. The port is 0 for protocols without ports.</param>
/// <param name="Inside">What the client dialled.</param>
/// <param name="Source">What the destination sees.</param>
/// <param name="Destination">Where it goes.</param>
/// <param name="BytesOut">From the client; with headers, unless the relay carries it.</param>
/// <param name="BytesIn">To the client; with headers, unless the relay carries it.</param>
public sealed record RouterFlow(
    string Protocol, IPEndPoint Client, IPEndPoint Inside, IPEndPoint Source, IPEndPoint Destination, ulong BytesOut, ulong BytesIn)
{
    /// <summary>Tells a flow from a later one between the same endpoints, mostly; 0 where the datapath has no such number.</summary>
    public uint Id { get; init; }

    /// <summary>When it began; null where the datapath does not say.</summary>
    public DateTimeOffset? Start { get; init; }

    /// <summary>From the client; 0 with the relay, which counts none.</summary>
    public ulong PacketsOut { get; init; }

    /// <summary>To the client; 0 with the relay, which counts none.</summary>
    public ulong PacketsIn { get; init; }

    public TrafficVolume Volume => new(BytesOut, BytesIn, PacketsOut, PacketsIn);
}
