namespace EgressAgent.Testing.Failover;

/// <summary>What becomes of the node that holds the router.</summary>
public enum FailureKind
{
    /// <summary>Its agent is killed (SIGKILL).</summary>
    Kill,

    /// <summary>Its cable is pulled: it is off the LAN, and so from etcd too.</summary>
    Cable,

    /// <summary>It has no way to etcd any more, and all else goes on.</summary>
    Store,

    /// <summary>Its agent is stopped where it is (SIGSTOP), and goes on later.</summary>
    Hang,

    /// <summary>The node is gone with all that is on it.</summary>
    Power,

    /// <summary>Its agent and the leader of etcd are killed together.</summary>
    Leader,

    /// <summary>Its agent is stopped as by <c>systemctl stop</c>: it hands over.</summary>
    Stop,
}
