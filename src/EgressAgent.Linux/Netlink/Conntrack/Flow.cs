namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>An entry of the connection tracking table (conntrack(8)).</summary>
/// <param name="Original">The direction of the first packet, before any translation.</param>
/// <param name="Reply">The direction of the answer, as it arrives: after translation its source is where the flow really went.</param>
public sealed record Flow(FlowTuple Original, FlowTuple Reply)
{
    /// <summary>
    /// Tells a flow from a later one of the same tuples, mostly: the kernel makes it of the tuple and of the entry's place in
    /// memory, which a later flow may come to occupy.
    /// </summary>
    public uint Id { get; init; }

    public FlowStatus Status { get; init; }

    public uint Mark { get; init; }

    /// <summary>The conntrack zone; 0 unless rules choose another.</summary>
    public ushort Zone { get; init; }

    /// <summary>When the flow is forgotten if no packet comes; null while it is offloaded or ending.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Null where the kernel does not count.</summary>
    public FlowCounters? OriginalCounters { get; init; }

    /// <inheritdoc cref="OriginalCounters"/>
    public FlowCounters? ReplyCounters { get; init; }
}
