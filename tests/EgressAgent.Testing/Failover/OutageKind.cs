namespace EgressAgent.Testing.Failover;

/// <summary>What is away while all nodes are there that could hold the router.</summary>
public enum OutageKind
{
    /// <summary>All members of etcd, and all agents are there: nothing is to move.</summary>
    Store,

    /// <summary>Heartbeats, and etcd is there: nothing is to move.</summary>
    Heartbeats,

    /// <summary>All members of etcd, and the agent of a standby: the router is to be silent until etcd is back.</summary>
    StoreAndAgent,

    /// <summary>The same, until the agent is back.</summary>
    AgentAndStore,
}
