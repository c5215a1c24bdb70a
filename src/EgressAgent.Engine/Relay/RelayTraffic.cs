using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Relay;

/// <summary>Reads what goes through a relay.</summary>
internal static class RelayTraffic
{
    /// <param name="plan">Whose rules are asked for.</param>
    /// <param name="relay">Null when none runs.</param>
    internal static RouterTraffic Read(RedirectPlan plan, RouterRelay? relay)
    {
        // In this order no rule shows less than its flows.
        ValueList<RouterFlow> flows = (relay?.ListFlows() ?? []).Select(ToRouterFlow).ToValueList();
        Dictionary<RedirectRuleSpec, RelayCounters> counters = (relay?.ReadCounters() ?? [])
            .Where(counter => counter.Rule is not null)
            .ToDictionary(counter => counter.Rule!);
        return new RouterTraffic(
            plan.Rules.Select(rule => counters.TryGetValue(rule, out RelayCounters? counter)
                ? new RuleTraffic(rule, (ulong)counter.Connections, (ulong)(counter.BytesToDestination + counter.BytesToClient))
                : new RuleTraffic(rule, 0, 0)).ToValueList(),
            flows);
    }

    private static RouterFlow ToRouterFlow(RelayFlow flow) => new(
        flow.Protocol.ToString(),
        flow.Client,
        flow.Inside,
        flow.Source,
        flow.Destination,
        (ulong)flow.BytesToDestination,
        (ulong)flow.BytesToClient);
}
