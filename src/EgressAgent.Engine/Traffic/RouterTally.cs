using System.Buffers.Binary;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Traffic;

/// <summary>
/// What a router and its rules have carried: flows that live by the last look at them, flows that ended by what was told of their end,
/// and what counters say. No flow counts twice, also over a restart of the agent, and no count goes back: one that is gone from a look
/// counts as it was until its end is told. What a rule has carried goes with the rule, of the router it stays. Not thread-safe.
/// </summary>
internal sealed partial class RouterTally
{
    // An end that was not told in as many looks will not be: the flow began before its ends were told, or they were too many.
    private const int LooksToWait = 10;

    private readonly Dictionary<ulong, SeenFlow> _flows = [];
    private readonly HashSet<ulong> _endedDuringLook = [];
    private readonly Dictionary<CounterKey, RestartingCount> _counters = [];

    // How flows find their rules.
    private readonly Dictionary<RuleKey, RedirectRuleSpec> _rulesByKey = [];
    private readonly Dictionary<(TransportProtocol Protocol, SocketEndpoint Arrived), ushort> _externalPorts = [];

    // What flows of the rules have carried that have ended.
    private Dictionary<RedirectRuleSpec, TrafficVolume> _rules = [];
    private RedirectPlan? _plan;
    private TrafficVolume _ended;
    private ulong _lastEnded;
    private int _look;
    private bool _isLooking;

    private readonly record struct CounterKey(CounterKind Kind, RedirectRuleSpec? Rule, string Where);

    private readonly record struct RuleKey(TransportProtocol Protocol, ushort Port, SocketEndpoint Destination)
    {
        internal static RuleKey Of(RedirectRuleSpec rule) => new(rule.Protocol, rule.Port, new SocketEndpoint(rule.Destination, rule.TargetPort));
    }

    // Without a rule, it counts for the router alone.
    private readonly record struct SeenFlow(RedirectRuleSpec? Rule, TrafficVolume Volume, int Look);

    /// <summary>From here on the plan's rules count, and no others.</summary>
    internal void Follow(RedirectPlan plan)
    {
        if (_plan == plan)
        {
            return;
        }

        _plan = plan;
        _externalPorts.Clear();
        foreach (ExternalPort external in plan.ExternalPorts.Select(external => external.Port))
        {
            _externalPorts.TryAdd((external.Protocol, new SocketEndpoint(external.Address, external.Port)), external.TargetPort);
        }

        Dictionary<RedirectRuleSpec, TrafficVolume> rules = [];
        foreach (RedirectRuleSpec rule in plan.Rules)
        {
            rules[rule] = _rules.GetValueOrDefault(rule);
        }

        _rules = rules;
        _rulesByKey.Clear();
        foreach (RedirectRuleSpec rule in plan.Rules)
        {
            _rulesByKey[RuleKey.Of(rule)] = rule;
        }

        foreach ((ulong key, SeenFlow flow) in _flows.Where(flow => flow.Value.Rule is { } rule && !rules.ContainsKey(rule)).ToList())
        {
            _flows[key] = flow with { Rule = null };
        }

        foreach (CounterKey key in _counters.Keys.Where(key => key.Rule is { } rule && !rules.ContainsKey(rule)).ToList())
        {
            _counters.Remove(key);
        }
    }

    /// <summary>The number of the end that was counted last.</summary>
    internal long LastEnd { get; private set; }

    /// <summary>A flow has ended. An agent that is killed right after it was told has counted it, and the next one is told again.</summary>
    /// <param name="flow">As it was at last.</param>
    /// <param name="number">Ascending.</param>
    /// <returns>The rule for which it counts; null when it is the router alone.</returns>
    internal RedirectRuleSpec? End(RouterFlow flow, long number = 0)
    {
        var ended = LivingFlow.Of(flow);
        if (ended.Start is not null && KeyOf(ended) == _lastEnded)
        {
            return null;
        }

        RedirectRuleSpec? rule = FindRule(ended);
        End(ended, rule, number);
        return rule;
    }

    /// <summary>Counts an end once more of which only the journal knows.</summary>
    internal void Repeat(JournaledEnd end)
    {
        if (end.Number > LastEnd && end.Flow is { } flow)
        {
            if (end.Rule is { } rule)
            {
                Add(rule);
            }

            End(LivingFlow.Of(flow), end.Rule, end.Number);
        }
    }

    private void Add(RedirectRuleSpec rule)
    {
        _rules.TryAdd(rule, default);
        _rulesByKey[RuleKey.Of(rule)] = rule;
    }

    private void End(in LivingFlow flow, RedirectRuleSpec? rule, long number)
    {
        ulong key = KeyOf(flow);
        (LastEnd, _lastEnded) = (number, key);
        _flows.Remove(key);
        if (_isLooking)
        {
            _endedDuringLook.Add(key);
        }

        CountEnded(rule, flow.Volume);
    }

    /// <summary>Somebody begins to look: a flow may end after it was seen and before <see cref="Finish"/>.</summary>
    internal void Begin()
    {
        _isLooking = true;
        _endedDuringLook.Clear();
    }

    /// <summary>There may be so many flows. A dictionary that finds out by itself doubles, and leaves its former selves behind.</summary>
    internal void Expect(int count)
    {
        if (count > _flows.Capacity)
        {
            _flows.EnsureCapacity(count + (count / 8));
        }
    }

    /// <summary>Takes in a flow between <see cref="Begin"/> and <see cref="Finish"/>, where flows count. The same one may come twice.</summary>
    internal void See(in LivingFlow flow)
    {
        ulong key = KeyOf(flow);
        if (!_endedDuringLook.Contains(key))
        {
            _flows[key] = new SeenFlow(FindRule(flow), flow.Volume, _look + 1);
        }
    }

    /// <summary>Takes in what else was seen.</summary>
    /// <returns>The counts with what there was before.</returns>
    internal RouterTraffic Finish(RouterTraffic seen, bool isCountedByFlow)
    {
        _isLooking = false;
        _look++;
        if (isCountedByFlow)
        {
            EndMissing();
        }

        foreach (CounterValue counter in seen.Counters.Count > 0 ? seen.Counters : seen.ToCounters("", "", withBytes: !isCountedByFlow))
        {
            Take(counter);
        }

        Dictionary<RedirectRuleSpec, TrafficVolume> rules = new(_rules);
        TrafficVolume volume = _ended;
        foreach (SeenFlow flow in _flows.Values)
        {
            volume += flow.Volume;
            if (flow.Rule is { } rule)
            {
                rules[rule] = rules.GetValueOrDefault(rule) + flow.Volume;
            }
        }

        Dictionary<RedirectRuleSpec, ulong> connections = [];
        Dictionary<CounterKind, ulong> counts = [];
        foreach ((CounterKey key, RestartingCount count) in _counters)
        {
            switch (key)
            {
                case { Rule: null }:
                    counts[key.Kind] = counts.GetValueOrDefault(key.Kind) + count.Total;
                    break;
                case { Kind: CounterKind.Connections }:
                    connections[key.Rule] = connections.GetValueOrDefault(key.Rule) + count.Total;
                    break;
                default:
                    rules[key.Rule] = rules.GetValueOrDefault(key.Rule) + VolumeOf(key.Kind, count.Total);
                    break;
            }
        }

        return seen with
        {
            Volume = volume + VolumeOf(CounterKind.BytesToDestination, CountOf(CounterKind.BytesToDestination)) + VolumeOf(CounterKind.BytesToClient, CountOf(CounterKind.BytesToClient)),
            FallbackConnections = CountOf(CounterKind.Connections),
            NoRuleRefusals = CountOf(CounterKind.NoRuleRefusals),
            ClientRefusals = CountOf(CounterKind.ClientRefusals),
            LimitRefusals = CountOf(CounterKind.LimitRefusals),
            PortFailures = CountOf(CounterKind.PortFailures),
            Drops = new DropCounts(CountOf(CounterKind.ReceiveBufferDrops), CountOf(CounterKind.SendBufferDrops), CountOf(CounterKind.ListenQueueDrops)),
            Rules = seen.Rules.Select(rule => new RuleTraffic(rule.Rule, connections.GetValueOrDefault(rule.Rule), rules.GetValueOrDefault(rule.Rule))).ToValueList(),
            Counters = [],
        };

        ulong CountOf(CounterKind kind) => counts.GetValueOrDefault(kind);
    }

    private static TrafficVolume VolumeOf(CounterKind kind, ulong count) =>
        kind == CounterKind.BytesToDestination ? new TrafficVolume(count, 0, 0, 0) : new TrafficVolume(0, count, 0, 0);

    private void Take(CounterValue counter)
    {
        CounterKey key = new(counter.Kind, counter.Rule, counter.Where);
        if (counter.Rule is { } rule && !_rules.ContainsKey(rule))
        {
            return;
        }

        if (!_counters.TryGetValue(key, out RestartingCount? count))
        {
            // Most rules of many are not used.
            if (counter.Value == 0)
            {
                return;
            }

            _counters.Add(key, count = new RestartingCount());
        }

        count.Read(counter.Value, counter.Since);
    }

    private void EndMissing()
    {
        foreach ((ulong key, SeenFlow flow) in _flows.Where(flow => flow.Value.Look <= _look - LooksToWait).ToList())
        {
            _flows.Remove(key);
            CountEnded(flow.Rule, flow.Volume);
        }
    }

    private void CountEnded(RedirectRuleSpec? rule, TrafficVolume volume)
    {
        _ended += volume;
        if (rule is not null)
        {
            _rules[rule] += volume;
        }
    }

    private RedirectRuleSpec? FindRule(in LivingFlow flow) =>
        TransportProtocols.OfNumber(flow.Protocol) is { } protocol
        && _rulesByKey.TryGetValue(
            new RuleKey(protocol, _externalPorts.GetValueOrDefault((protocol, flow.Inside), flow.Inside.Port), flow.Destination), out RedirectRuleSpec? rule)
            ? rule
            : null;

    // The same in each process. The kernel's number of a flow comes again, but not with the same beginning.
    private static ulong KeyOf(in LivingFlow flow)
    {
        Span<byte> text = stackalloc byte[64];
        int length = 0;
        foreach (char character in LivingFlow.NameOf(flow.Protocol))
        {
            text[length++] = (byte)character;
        }

        foreach (SocketEndpoint end in (ReadOnlySpan<SocketEndpoint>)[flow.Client, flow.Inside])
        {
            length += end.WriteAddress(text[length..]);
            BinaryPrimitives.WriteUInt16LittleEndian(text[length..], end.Port);
            length += sizeof(ushort);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(text[length..], flow.Id);
        length += sizeof(uint);
        BinaryPrimitives.WriteInt64LittleEndian(text[length..], flow.Start?.UtcTicks ?? 0);
        length += sizeof(long);

        // FNV-1a, and the finish of SplitMix64, as keys that are alike are many here.
        ulong hash = 14695981039346656037;
        foreach (byte part in text[..length])
        {
            hash = (hash ^ part) * 1099511628211;
        }

        hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
        hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
        return hash ^ (hash >> 31);
    }
}
