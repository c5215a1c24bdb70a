namespace EgressAgent.Engine.Cluster;

/// <summary>That a node is there, and would have the promise of the one who hears it.</summary>
/// <param name="Lease">Its lease.</param>
/// <param name="Counter">It grows with each of this lease.</param>
/// <param name="IsRenewed">Whether etcd renewed the lease within the last three of them.</param>
internal sealed record Heartbeat(long Lease, long Counter, bool IsRenewed);
