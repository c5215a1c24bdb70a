using System.Net;

namespace EgressAgent.Engine.Reconcile;

/// <summary>Every address of an inside network belongs to a router.</summary>
internal sealed class InsideNetworkExhaustedException(IPNetwork network)
    : IOException($"the inside network {network} has no free address left; set a larger one in insideNetworks of /etc/egress-agentd/agentd.yaml");
