using System.Net;
using EgressAgent.Daemon.Metrics;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Daemon.Tests.Metrics;

/// <summary>A thousand rules have series of their own; no count goes back, and none is told twice.</summary>
public sealed class RuleSeriesTests
{
    private readonly RuleSeries _series = new();

    [Fact]
    public void Rules_past_the_limit_count_together_by_protocol()
    {
        RuleTraffic[] rules = [.. Rules(1, RuleSeries.Limit, 1), .. Rules(2001, 3, 5), .. Rules(2001, 2, 7, TransportProtocol.UDP)];

        (IReadOnlyList<RuleTraffic> own, IReadOnlyDictionary<TransportProtocol, ulong> others) = _series.Take(rules);

        Assert.Equal(rules[..RuleSeries.Limit], own);
        Assert.Equal([KeyValuePair.Create(TransportProtocol.TCP, 15ul), KeyValuePair.Create(TransportProtocol.UDP, 14ul)], others);
    }

    [Fact]
    public void Few_rules_leave_no_others() => Assert.Empty(_series.Take([.. Rules(1, RuleSeries.Limit, 1)]).Others);

    [Fact]
    public void Others_do_not_go_back_when_one_of_them_goes()
    {
        _series.Take([.. Rules(1, RuleSeries.Limit, 1), .. Rules(2001, 2, 5)]);

        Assert.Equal(11u, _series.Take([.. Rules(1, RuleSeries.Limit, 1), .. Rules(2001, 1, 6)]).Others[TransportProtocol.TCP]);
        Assert.Equal(13u, _series.Take([.. Rules(1, RuleSeries.Limit, 1), .. Rules(2001, 1, 6), .. Rules(2002, 1, 2)]).Others[TransportProtocol.TCP]);
    }

    [Fact]
    public void Place_that_is_free_goes_to_a_new_rule_and_not_to_one_that_counted_with_the_others()
    {
        _series.Take([.. Rules(1, RuleSeries.Limit, 1), .. Rules(2001, 1, 5)]);

        (IReadOnlyList<RuleTraffic> own, IReadOnlyDictionary<TransportProtocol, ulong> others) =
            _series.Take([.. Rules(2001, 1, 6), .. Rules(3001, 1, 9), .. Rules(2, RuleSeries.Limit - 1, 1)]);

        Assert.Equal(RuleSeries.Limit, own.Count);
        Assert.Equal(Rules(3001, 1, 9).Single(), own[0]);
        Assert.Equal(6u, others[TransportProtocol.TCP]);
    }

    [Fact]
    public void Rule_elsewhere_in_the_file_keeps_its_series()
    {
        _series.Take([.. Rules(1, RuleSeries.Limit, 1)]);

        Assert.Contains(Rules(1, 1, 1).Single(), _series.Take([.. Rules(2001, 5, 1), .. Rules(1, RuleSeries.Limit, 1)]).Own);
    }

    private static IEnumerable<RuleTraffic> Rules(int port, int count, ulong connections, TransportProtocol protocol = TransportProtocol.TCP) =>
        Enumerable.Range(port, count).Select(number => new RuleTraffic(
            new RedirectRuleSpec(protocol, (ushort)number, IPAddress.Parse("203.0.113.26"), 80), connections, default));
}
