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
    /// <summary>Which router has which external address.</summary>
    internal ExternalHolders External { get; } = new();
}
