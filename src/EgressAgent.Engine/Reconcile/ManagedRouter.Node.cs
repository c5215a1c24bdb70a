using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Reconcile;

internal sealed partial class ManagedRouter
{
    private readonly Lock _planning = new();
    private (EgressRouterSpec Spec, RouterAllocation Allocation, RouterStanding Standing, bool IsBehindService, ValueList<ExternalPort> External, FailoverRole Role, string? WhyNoFlowOffload, RouterPlan Plan)? _planned;

    /// <summary>Whether the plan that was made last would be another one on this node. Any thread.</summary>
    internal bool IsConcernedBy(ObservedNode node)
    {
        lock (_planning)
        {
            return _planned is { } last
                && RouterPlanner.Plan(_key, last.Spec, last.Allocation, node, _configuration, last.Standing, last.IsBehindService, last.External, last.Role, last.WhyNoFlowOffload)
                != last.Plan;
        }
    }

    // The node is looked at under the lock: whatever it becomes later, IsConcernedBy compares with what was seen here.
    private RouterPlan Plan(
        EgressRouterSpec spec, RouterAllocation allocation, RouterStanding standing, bool isBehindService, ValueList<ExternalPort> external, FailoverRole role)
    {
        // To try the kernel takes a moment, which nobody else is to wait for.
        string? whyNoFlowOffload = FlowOffload.IsForTheKernel(spec, _configuration) ? _kernel.WhyNoFlowOffload : null;
        lock (_planning)
        {
            RouterPlan plan = RouterPlanner.Plan(
                _key, spec, allocation, _kernel.ObserveNode(), _configuration, standing, isBehindService, external, role, whyNoFlowOffload);

            // Most are the same as before, and one is kept then.
            if (_planned is { } last && last.Plan == plan)
            {
                plan = last.Plan;
            }

            _planned = (spec, allocation, standing, isBehindService, external, role, whyNoFlowOffload, plan);
            return plan;
        }
    }
}
