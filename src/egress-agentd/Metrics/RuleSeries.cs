using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Daemon.Metrics;

/// <summary>
/// Which rules of one router have series of their own: as many as there is room for, and each as long as it is there. The others count
/// together, by protocol, and that count does not go back when one of them goes. Not thread-safe.
/// </summary>
internal sealed class RuleSeries
{
    /// <summary>How many rules of a router have series of their own.</summary>
    internal const int Limit = 1000;

    private readonly HashSet<RedirectRuleSpec> _own = [];
    private readonly SortedDictionary<TransportProtocol, ulong> _others = [];
    private Dictionary<RedirectRuleSpec, ulong> _counted = [];

    /// <summary>Takes in what the rules have counted.</summary>
    /// <returns>The counts of the rules with series of their own, and of the others together where there are any.</returns>
    internal (IReadOnlyList<RuleTraffic> Own, IReadOnlyDictionary<TransportProtocol, ulong> Others) Take(IReadOnlyList<RuleTraffic> rules)
    {
        _own.IntersectWith(rules.Select(rule => rule.Rule));
        List<RuleTraffic> own = [];
        Dictionary<RedirectRuleSpec, ulong> counted = [];
        foreach (RuleTraffic rule in rules)
        {
            // One that counts with the others goes on so: its count would be in both.
            if (_own.Contains(rule.Rule) || (_own.Count < Limit && !_counted.ContainsKey(rule.Rule) && _own.Add(rule.Rule)))
            {
                own.Add(rule);
                continue;
            }

            ulong before = _counted.GetValueOrDefault(rule.Rule);
            ulong more = rule.Connections - (rule.Connections < before ? 0 : before);
            _others[rule.Rule.Protocol] = _others.GetValueOrDefault(rule.Rule.Protocol) + more;
            counted[rule.Rule] = rule.Connections;
        }

        _counted = counted;
        return (own, _others);
    }
}
