namespace EgressAgent.Engine.Cluster.Etcd;

/// <summary>Why etcd does not serve.</summary>
public enum EtcdFailure
{
    /// <summary>No endpoint answers.</summary>
    Unreachable,

    /// <summary>One side does not take the certificate of the other.</summary>
    Certificate,

    /// <summary>The user, or the password, is another one, or has no right to the cluster's keys.</summary>
    User,

    /// <summary>What answers is no etcd, or one before 3.4.</summary>
    Version,

    /// <summary>Its members have no leader.</summary>
    NoQuorum,

    /// <summary>Its database is full (the alarm NOSPACE): it answers, and writes nothing.</summary>
    NoSpace,

    /// <summary>It refused, for another reason.</summary>
    Refused,
}

/// <summary>etcd does not serve: the message names the endpoint, what is wrong and the remedy.</summary>
public sealed class EtcdException(EtcdFailure failure, string message, Exception? cause = null) : IOException(message, cause)
{
    public EtcdFailure Failure { get; } = failure;
}
