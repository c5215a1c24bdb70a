using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Reconcile;

internal sealed partial class ManagedRouter
{
    private readonly Lock _planning = new();
    private (EgressRouterSpec Spec, RouterAllocation Allocation, RouterPlan Plan)? _planned;

    /// <summary>Whether the plan that was made last would be another one on this node. Any thread.</summary>
    internal bool IsConcernedBy(ObservedNode node)
    {
        lock (_planning)
        {
            return _planned is { } last && RouterPlanner.Plan(_key, last.Spec, last.Allocation, node, _configuration) != last.Plan;
        }
    }

    // The node is looked at under the lock: whatever it becomes later, IsConcernedBy compares with what was seen here.
    private RouterPlan Plan(EgressRouterSpec spec, RouterAllocation allocation)
    {
        lock (_planning)
        {
            RouterPlan plan = RouterPlanner.Plan(_key, spec, allocation, _kernel.ObserveNode(), _configuration);
            _planned = (spec, allocation, plan);
            return plan;
        }
    }
}
