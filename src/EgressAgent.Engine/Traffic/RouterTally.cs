using System.Net;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Traffic;

/// <summary>
/// What a router's rules have carried: flows that live by the last look at them, flows that ended by what was told of their end.
/// No flow counts twice, and no count goes back: one that is gone from a look counts as it was until its end is told. What a rule
/// has carried goes with the rule. Not thread-safe.
/// </summary>
internal sealed class RouterTally
{
    // An end that was not told in as many looks will not be: the flow began before its ends were told, or they were too many.
    private const int LooksToWait = 10;

    private readonly Dictionary<FlowKey, SeenFlow> _flows = [];
    private readonly HashSet<FlowKey> _endedDuringLook = [];
    private Dictionary<RedirectRuleSpec, RuleCount> _rules = [];
    private RedirectPlan? _plan;
    private int _look;
    private bool _isLooking;

    private readonly record struct FlowKey(string Protocol, IPEndPoint Client, IPEndPoint Inside, uint Id);

    private readonly record struct SeenFlow(RedirectRuleSpec Rule, ulong Bytes, int Look);

    /// <summary>From here on the plan's rules count, and no others.</summary>
    internal void Follow(RedirectPlan plan)
    {
        if (_plan == plan)
        {
            return;
        }

        _plan = plan;
        Dictionary<RedirectRuleSpec, RuleCount> rules = [];
        foreach (RedirectRuleSpec rule in plan.Rules)
        {
            rules[rule] = _rules.GetValueOrDefault(rule) ?? new RuleCount();
        }

        _rules = rules;
        foreach (FlowKey gone in _flows.Where(flow => !rules.ContainsKey(flow.Value.Rule)).Select(flow => flow.Key).ToList())
        {
            _flows.Remove(gone);
        }
    }

    /// <summary>A flow has ended.</summary>
    internal void End(RouterFlow flow)
    {
        if (FindRule(flow) is not { } rule)
        {
            return;
        }

        FlowKey key = KeyOf(flow);
        _flows.Remove(key);
        if (_isLooking)
        {
            _endedDuringLook.Add(key);
        }

        _rules[rule].Ended += flow.BytesOut + flow.BytesIn;
    }

    /// <summary>Somebody begins to look: a flow may end after it was seen and before <see cref="Finish"/>.</summary>
    internal void Begin()
    {
        _isLooking = true;
        _endedDuringLook.Clear();
    }

    /// <summary>Takes in what was seen.</summary>
    /// <returns>The same flows, and the rules with what they have carried.</returns>
    internal RouterTraffic Finish(RouterTraffic seen, bool isCountedByFlow)
    {
        _isLooking = false;
        _look++;
        if (isCountedByFlow)
        {
            TakeFlows(seen.Flows);
        }

        Dictionary<RedirectRuleSpec, ulong> present = _flows.Values
            .GroupBy(flow => flow.Rule)
            .ToDictionary(group => group.Key, group => group.Aggregate(0UL, (sum, flow) => sum + flow.Bytes));
        return seen with
        {
            Rules = seen.Rules.Select(rule => _rules.TryGetValue(rule.Rule, out RuleCount? count)
                ? rule with
                {
                    Connections = count.Connections.Read(rule.Connections),
                    Bytes = count.Ended + present.GetValueOrDefault(rule.Rule) + count.Bytes.Read(isCountedByFlow ? 0 : rule.Bytes),
                }
                : rule).ToValueList(),
        };
    }

    private void TakeFlows(IEnumerable<RouterFlow> flows)
    {
        foreach (RouterFlow flow in flows)
        {
            FlowKey key = KeyOf(flow);
            if (FindRule(flow) is { } rule && !_endedDuringLook.Contains(key))
            {
                _flows[key] = new SeenFlow(rule, flow.BytesOut + flow.BytesIn, _look);
            }
        }

        foreach ((FlowKey key, SeenFlow flow) in _flows.Where(flow => flow.Value.Look <= _look - LooksToWait).ToList())
        {
            _flows.Remove(key);
            _rules[flow.Rule].Ended += flow.Bytes;
        }
    }

    private RedirectRuleSpec? FindRule(RouterFlow flow)
    {
        if (!Enum.TryParse(flow.Protocol, out TransportProtocol protocol))
        {
            return null;
        }

        var rule = new RedirectRuleSpec(protocol, (ushort)flow.Inside.Port, flow.Destination.Address, (ushort)flow.Destination.Port);
        return _rules.ContainsKey(rule) ? rule : null;
    }

    private static FlowKey KeyOf(RouterFlow flow) => new(flow.Protocol, flow.Client, flow.Inside, flow.Id);

    private sealed class RuleCount
    {
        /// <summary>The bytes of flows that have ended.</summary>
        internal ulong Ended { get; set; }

        internal RestartingCount Connections { get; } = new();

        internal RestartingCount Bytes { get; } = new();
    }

    /// <summary>A count that begins anew when what counts is made anew.</summary>
    private sealed class RestartingCount
    {
        private ulong _before;
        private ulong _last;

        internal ulong Read(ulong count)
        {
            if (count < _last)
            {
                _before += _last;
            }

            _last = count;
            return _before + count;
        }
    }
}
