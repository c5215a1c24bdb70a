using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Traffic;

/// <summary>Counts the flows of a look for a tally, where they count there, and keeps them, where they are wanted.</summary>
/// <param name="tally">Where they count; null where the datapath counts itself.</param>
/// <param name="withFlows">Whether they are wanted.</param>
internal sealed class FlowIntake(RouterTally? tally, bool withFlows) : IFlowVisitor
{
    internal List<RouterFlow>? Flows { get; } = withFlows ? [] : null;

    public void Expect(int count)
    {
        if (tally is not null)
        {
            lock (tally)
            {
                tally.Expect(count);
            }
        }
    }

    public void Visit(in LivingFlow flow)
    {
        // For each: who tells of ends waits for it.
        if (tally is not null)
        {
            lock (tally)
            {
                tally.See(flow);
            }
        }

        Flows?.Add(flow.ToRouterFlow());
    }
}
