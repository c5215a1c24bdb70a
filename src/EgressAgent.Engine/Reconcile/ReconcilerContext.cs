using EgressAgent.Engine.Cluster;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Registry;
using EgressAgent.Model.Resources;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Reconcile;

/// <summary>What every router works with.</summary>
internal sealed record ReconcilerContext(
    IKernel Kernel,
    ResourceRegistry Registry,
    AgentConfiguration Configuration,
    StatusBoard Status,
    TimeProvider Time,
    ILogger Logger)
{
    /// <summary>The other nodes with which this one agrees; null when it is in no cluster.</summary>
    internal ICluster? Cluster { get; init; }

    /// <summary>Which router has which external address.</summary>
    internal ExternalHolders External { get; } = new();
}
