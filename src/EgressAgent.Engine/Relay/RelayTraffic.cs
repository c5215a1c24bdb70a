using EgressAgent.Linux.Sockets;
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
    /// <param name="visit">Called for each flow; null where nobody wants them, which holds up the relay less.</param>
    internal static RouterTraffic Read(RedirectPlan plan, RouterRelay? relay, IFlowVisitor? visit = null)
    {
        // In this order no rule shows less than its flows.
        ValueList<FlowCount> counts = relay is null ? [] : visit is null ? relay.CountFlows() : VisitFlows(relay, visit);
        Dictionary<RedirectRuleSpec, RelayCounters> counters = (relay?.ReadCounters() ?? [])
            .Where(counter => counter.Rule is not null)
            .ToDictionary(counter => counter.Rule!);
        RelayTotals totals = relay?.ReadTotals() ?? default;
        RouterTraffic traffic = new(
            plan.Rules.Select(rule => counters.TryGetValue(rule, out RelayCounters? counter)
                ? new RuleTraffic(rule, (ulong)counter.Connections, new TrafficVolume((ulong)counter.BytesToDestination, (ulong)counter.BytesToClient, 0, 0))
                : new RuleTraffic(rule, 0, default)).ToValueList(),
            [])
        {
            FlowCounts = counts,
            Volume = new TrafficVolume((ulong)totals.BytesToDestination, (ulong)totals.BytesToClient, 0, 0),
            FallbackConnections = (ulong)totals.FallbackConnections,
            NoRuleRefusals = relay?.NoRuleRefusals ?? 0,
            LimitRefusals = (ulong)(relay?.Saturation.LimitRefusals ?? 0),
            PortFailures = (ulong)(relay?.Saturation.PortFailures ?? 0),
            Drops = new DropCounts(0, (ulong)(relay?.Saturation.Unsent ?? 0), 0),
        };
        return relay is null ? traffic : traffic with { Counters = traffic.ToCounters("relay", relay.Id, withBytes: true).ToValueList() };
    }

    private static ValueList<FlowCount> VisitFlows(RouterRelay relay, IFlowVisitor visit)
    {
        FlowCounter counter = new();
        foreach (RelayFlow flow in relay.ListFlows())
        {
            counter.Add(flow.Protocol.Number());
            visit.Visit(new LivingFlow
            {
                Protocol = flow.Protocol.Number(),
                Client = new SocketEndpoint(flow.Client.Address, (ushort)flow.Client.Port),
                Inside = new SocketEndpoint(flow.Inside.Address, (ushort)flow.Inside.Port),
                Source = new SocketEndpoint(flow.Source.Address, (ushort)flow.Source.Port),
                Destination = new SocketEndpoint(flow.Destination.Address, (ushort)flow.Destination.Port),
                Volume = new TrafficVolume((ulong)flow.BytesToDestination, (ulong)flow.BytesToClient, 0, 0),
                Start = flow.StartedAt,
            });
        }

        return counter.Read();
    }
}
