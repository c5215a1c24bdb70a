using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.State;
using EgressAgent.Model.Configuration;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Reconcile;

/// <summary>What every router works with.</summary>
internal sealed record ReconcilerContext(
    IKernel Kernel,
    IRouterStore Store,
    AllocationBook Allocations,
    AgentConfiguration Configuration,
    StatusBoard Status,
    TimeProvider Time,
    ILogger Logger);
