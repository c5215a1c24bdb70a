namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>How full the table of connection tracking is.</summary>
/// <param name="Entries">Those of the namespace.</param>
/// <param name="Limit">How many each namespace may have: <c>net.netfilter.nf_conntrack_max</c>, one number for all.</param>
public sealed record ConntrackSize(uint Entries, uint Limit);

/// <summary>Packets that connection tracking has dropped in one namespace. The counters begin anew after four thousand million.</summary>
/// <param name="InsertFailed">
/// Packets of new flows whose tuples an other flow has: where addresses are translated, no port was free any more.
/// </param>
/// <param name="Dropped">All packets of new flows, those of <paramref name="InsertFailed"/> included; the others found the table full.</param>
public sealed record ConntrackStatistics(uint InsertFailed, uint Dropped)
{
    public static ConntrackStatistics operator +(ConntrackStatistics left, ConntrackStatistics right) =>
        unchecked(new(left.InsertFailed + right.InsertFailed, left.Dropped + right.Dropped));

    /// <summary>What was counted since <paramref name="right"/> was read.</summary>
    public static ConntrackStatistics operator -(ConntrackStatistics left, ConntrackStatistics right) =>
        unchecked(new(left.InsertFailed - right.InsertFailed, left.Dropped - right.Dropped));
}
