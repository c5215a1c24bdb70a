using System.Net;

namespace EgressAgent.Model.Resources;

/// <summary>The cluster of nodes that agree who holds routers with <c>egressagent.org/failover: cluster</c>.</summary>
/// <param name="Name">The cluster, alike on all of its nodes: keys in etcd and MAC addresses follow from it.</param>
/// <param name="Node">This node, another word on each; null for its host name.</param>
/// <param name="Etcd">Where the nodes agree.</param>
/// <param name="Heartbeat">Where the nodes hear each other; null where etcd alone renews them.</param>
/// <param name="Priority">Of several nodes that can take a router over, the one with the highest does.</param>
/// <param name="Preempts">Whether this node takes routers from nodes of a lower priority that are well.</param>
public sealed record ClusterSettings(string Name, string? Node, EtcdSettings Etcd, HeartbeatSettings? Heartbeat, int Priority, bool Preempts = false)
{
    public const int DefaultPriority = 100;
}

/// <summary>Where nodes hear each other.</summary>
/// <param name="Address">This node's, to which the others send.</param>
/// <param name="Listen">Where this node hears; <see cref="Address"/> but behind NAT.</param>
/// <param name="Port">UDP, and TCP for what they tell each other of flows.</param>
public sealed record HeartbeatSettings(IPAddress Address, IPAddress Listen, int Port)
{
    public const int DefaultPort = 9818;
}

/// <summary>How etcd is reached.</summary>
/// <param name="Endpoints">At least one, as <c>https://HOST:PORT</c> or <c>http://HOST:PORT</c>.</param>
/// <param name="CaFile">Certificates (PEM) of which one has signed those of the endpoints; null for the system's.</param>
/// <param name="CertFile">The agent's own certificate (PEM), with <see cref="KeyFile"/>; null for none.</param>
/// <param name="KeyFile">The key of <see cref="CertFile"/> (PEM).</param>
/// <param name="Username">The user of etcd, with <see cref="PasswordFile"/>; null for none.</param>
/// <param name="PasswordFile">A file whose first line is the password.</param>
public sealed record EtcdSettings(ValueList<string> Endpoints, string? CaFile, string? CertFile, string? KeyFile, string? Username, string? PasswordFile);
