using EgressAgent.Model;

namespace EgressAgent.Engine.Cluster;

/// <summary>How this node stands to its cluster.</summary>
/// <param name="Problem">Why the node is renewed or told nothing now; null when all is well.</param>
/// <param name="Unwritten">Why etcd, which renews the node, has nothing new written; null when it has, or that is not known.</param>
/// <param name="Unheard">What is wrong with heartbeats, which moves nothing; null when nothing is.</param>
/// <param name="Deadline">Until when the routers that it holds may speak, in nanoseconds of CLOCK_BOOTTIME; 0 when they may not.</param>
/// <param name="Takeovers">How often it took a router over from another node.</param>
/// <param name="Members">The nodes that are there, in order.</param>
public sealed record ClusterFacts(string? Problem, string? Unwritten, string? Unheard, long Deadline, long Takeovers, ValueList<string> Members)
{
    public static readonly ClusterFacts Nothing = new(null, null, null, 0, 0, []);
}

/// <summary>Who holds a router that the nodes of a cluster agree about.</summary>
/// <param name="IsHolder">Whether this node does; null while it is not known whether it goes on to.</param>
/// <param name="Holder">The node that does, as far as is known; null for none.</param>
/// <param name="Token">The fencing token of its claim: it grows with each holder.</param>
public sealed record RouterHolding(bool? IsHolder, string? Holder, long Token)
{
    public static readonly RouterHolding Unknown = new(null, null, 0);
}
