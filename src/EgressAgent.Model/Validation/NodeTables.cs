namespace EgressAgent.Model.Validation;

/// <summary>What tables of the kernel, which all routers of a node share, take; null where that is not known.</summary>
/// <param name="Ipv4Neighbours">How many neighbours of IPv4: <c>net.ipv4.neigh.default.gc_thresh3</c>.</param>
/// <param name="Ipv6Neighbours">How many neighbours of IPv6: <c>net.ipv6.neigh.default.gc_thresh3</c>.</param>
/// <param name="CrowdedFlows">
/// How many flows the node's own network namespace tracks, <c>net.netfilter.nf_conntrack_max</c>, when most of that is in use.
/// </param>
public sealed record NodeTables(long? Ipv4Neighbours, long? Ipv6Neighbours, long? CrowdedFlows)
{
    public static readonly NodeTables Unknown = new(null, null, null);

    /// <summary>What <see cref="CrowdedFlows"/> is.</summary>
    /// <param name="entries">How many are tracked.</param>
    /// <param name="limit">How many can be; 0 for any number.</param>
    /// <param name="wasCrowded">Whether it was so before: then it is not over with each entry that goes.</param>
    public static long? WhenCrowded(long entries, long limit, bool wasCrowded = false) =>
        limit > 0 && entries > limit / 4 * (wasCrowded ? 2 : 3) ? limit : null;
}
