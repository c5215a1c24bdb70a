using System.Net;
using EgressAgent.Engine.Tests.Redirect;
using EgressAgent.Engine.Traffic;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Tests.Traffic;

/// <summary>Counters that do not go back, whatever comes before what.</summary>
public sealed class RouterTallyTests
{
    private static readonly RedirectRuleSpec Rule = new(TransportProtocol.TCP, 8080, IPAddress.Parse("203.0.113.26"), 80);
    private static readonly RedirectRuleSpec Other = new(TransportProtocol.TCP, 8081, IPAddress.Parse("203.0.113.27"), 80);
    private static readonly RedirectPlan Plan = Plans.Example with { Datapath = DatapathKind.Kernel, Rules = [Rule, Other] };

    private RouterTally _tally = new();

    public RouterTallyTests() => _tally.Follow(Plan);

    [Fact]
    public void Flow_thatLives_countsAsSeen()
    {
        Assert.Equal(100u, Look(Flow(1, 100)));
        Assert.Equal(250u, Look(Flow(1, 250)));
    }

    [Fact]
    public void Flow_thatEnds_keepsItsLastCount()
    {
        Look(Flow(1, 100));

        _tally.End(Flow(1, 300));

        Assert.Equal(300u, Look());
        Assert.Equal(300u, Look());
    }

    [Fact]
    public void Flow_thatNobodySaw_countsByItsEnd()
    {
        _tally.End(Flow(1, 300));
        _tally.End(Flow(2, 400));

        Assert.Equal(700u, Look());
    }

    [Fact]
    public void Flow_thatEndsWhileSomebodyLooks_countsOnce()
    {
        _tally.Begin();
        _tally.End(Flow(1, 300));

        Assert.Equal(300u, Finish(Flow(1, 290)));
        Assert.Equal(300u, Look());
    }

    [Fact]
    public void Flow_whoseEndIsToldLate_countsOnceAndNeverLess()
    {
        Look(Flow(1, 100));
        Assert.Equal(100u, Look());

        _tally.End(Flow(1, 300));

        Assert.Equal(300u, Look());
    }

    [Fact]
    public void Flow_whoseEndIsLost_keepsWhatWasSeen()
    {
        Look(Flow(1, 100));
        for (int i = 0; i < 30; i++)
        {
            Assert.Equal(100u, Look());
        }

        Assert.Equal(150u, Look(Flow(1, 50)));
    }

    [Fact]
    public void Flow_ofTheSameEndpoints_isAnotherFlow()
    {
        _tally.End(Flow(1, 100, id: 7));

        Assert.Equal(140u, Look(Flow(1, 40, id: 8)));
    }

    [Fact]
    public void Rule_thatGoes_takesItsCountWithIt()
    {
        _tally.End(Flow(1, 300));
        Look(Flow(2, 100));

        _tally.Follow(Plans.Example with { Datapath = DatapathKind.Kernel, Rules = [Other] });
        _tally.Follow(Plan);

        Assert.Equal(0u, Look());
    }

    [Fact]
    public void Rule_withAnotherDestination_doesNotGetTheFlowsOfTheOldOne()
    {
        RedirectRuleSpec moved = Rule with { Destination = IPAddress.Parse("203.0.113.99") };
        _tally.Follow(Plans.Example with { Datapath = DatapathKind.Kernel, Rules = [moved] });

        _tally.End(Flow(1, 300));

        Assert.Equal(0u, _tally.Finish(new RouterTraffic([new RuleTraffic(moved, 0, default)], []), isCountedByFlow: true).Rules[0].Bytes);
    }

    [Fact]
    public void Rule_elsewhereInThePlan_keepsItsCount()
    {
        _tally.End(Flow(1, 300));

        _tally.Follow(Plans.Example with { Datapath = DatapathKind.Kernel, Rules = [Other, Rule] });

        Assert.Equal(300u, Look());
    }

    [Fact]
    public void Flow_ofNoRule_isLeftOut()
    {
        _tally.End(Flow(1, 300) with { Protocol = "ICMP" });
        _tally.End(Flow(1, 300) with { Inside = IPEndPoint.Parse("198.18.0.2:9") });

        Assert.Equal(0u, Look());
    }

    [Fact]
    public void Counter_thatBeginsAnew_goesOnFromWhereItWas()
    {
        Assert.Equal((5u, 500u), LookAtRelay(5, 500));
        Assert.Equal((7u, 600u), LookAtRelay(7, 600));
        Assert.Equal((9u, 700u), LookAtRelay(2, 100));
        Assert.Equal((10u, 800u), LookAtRelay(3, 200));
    }

    [Fact]
    public void Router_hasCarriedWhatFlowsDid()
    {
        Assert.Equal(100u, Volume(Flow(1, 100)).Bytes);
        Assert.Equal(150u, Volume(Flow(1, 150)).Bytes);

        _tally.End(Flow(1, 200));
        _tally.End(Flow(2, 7) with { PacketsOut = 3, PacketsIn = 2 });

        Assert.Equal(new TrafficVolume(103, 104, 3, 2), Volume());
    }

    [Fact]
    public void NextAgent_countsNoFlowTwice()
    {
        Look(Flow(1, 100), Flow(2, 100), Flow(3, 100));
        _tally.End(Flow(4, 1000));
        Restart();
        Assert.Equal(1350u, Look(Flow(1, 150), Flow(5, 0)));

        // One ended meanwhile, of another no end is told.
        _tally.End(Flow(2, 120));
        Assert.Equal(1370u, Look(Flow(1, 150)));
        Restart();
        for (int i = 0; i < 30; i++)
        {
            Assert.Equal(1370u, Look(Flow(1, 150)));
        }
    }

    [Fact]
    public void NextAgent_thatIsToldTheLastEndAgain_countsItOnce()
    {
        RouterFlow flow = Flow(1, 300) with { Start = DateTimeOffset.UnixEpoch };
        _tally.End(flow, 1);
        Restart();
        _tally.End(flow, 2);
        _tally.Repeat(new JournaledEnd(1, Plan.Key, 8080, flow));
        Assert.Equal(300u, Look());

        _tally.Repeat(new JournaledEnd(3, Plan.Key, 8080, flow with { Id = 2 }));
        _tally.End(flow with { Id = 2 }, 4);
        _tally.End(flow with { Id = 3 }, 5);
        Assert.Equal(900u, Look());
    }

    [Fact]
    public void NextAgent_goesOnWithCountersThatAreTheSame_andAddsThoseThatAreOthers()
    {
        Assert.Equal((10ul, 5ul), Counts(7, 3, "one"));
        Restart();
        Assert.Equal((12ul, 6ul), Counts(8, 4, "one", refused: 6));
        Restart();
        Assert.Equal((30ul, 16ul), Counts(9, 9, "other", refused: 10));

        (ulong Connections, ulong Refused) Counts(ulong inside, ulong external, string since, ulong refused = 5)
        {
            RouterTraffic counted = _tally.Finish(
                new RouterTraffic([new RuleTraffic(Rule, 0, default)], [])
                {
                    Counters =
                    [
                        new CounterValue(CounterKind.Connections, Rule, "", inside, since),
                        new CounterValue(CounterKind.Connections, Rule, "203.0.113.5:80", external, since),
                        new CounterValue(CounterKind.NoRuleRefusals, null, "", refused, since),
                    ],
                },
                isCountedByFlow: true);
            return (counted.Rules[0].Connections, counted.NoRuleRefusals);
        }
    }

    [Fact]
    public void Counter_thatIsNotThereForAMoment_isNotCountedTwice()
    {
        Assert.Equal(7ul, Connections(7));
        Assert.Equal(7ul, Connections(null));
        Assert.Equal(8ul, Connections(8));

        ulong Connections(ulong? count) => _tally.Finish(
            new RouterTraffic([new RuleTraffic(Rule, 0, default)], [])
            {
                Counters =
                [
                    new CounterValue(CounterKind.LimitRefusals, null, "", 0, "netns"),
                    .. count is { } value ? [new CounterValue(CounterKind.Connections, Rule, "", value, "table")] : ValueList<CounterValue>.Empty,
                ],
            },
            isCountedByFlow: true).Rules[0].Connections;
    }

    [Fact]
    public void Record_isTheSameUntilSomethingIsCounted_andNoOtherIsRead()
    {
        Look(Flow(1, 100), Flow(2, 50));
        byte[] record = _tally.ToRecord();
        Look(Flow(2, 50), Flow(1, 100));
        Assert.Equal(record, _tally.ToRecord());
        Restart();
        Assert.Equal(record, _tally.ToRecord());

        Assert.Throws<FormatException>(() => RouterTally.Restore([]));
        Assert.Throws<FormatException>(() => RouterTally.Restore(record[..^1]));
        Assert.Throws<FormatException>(() => RouterTally.Restore([99, .. record[1..]]));
    }

    [Fact]
    public void Router_hasCarriedWhatNoRuleHas()
    {
        Volume();

        Assert.Equal(30u, Volume(Flow(1, 30) with { Protocol = "ICMP" }).Bytes);
    }

    [Fact]
    public void Router_keepsWhatARuleCarriedThatWent()
    {
        Volume();
        _tally.End(Flow(1, 300));
        Volume(Flow(2, 100));

        _tally.Follow(Plans.Example with { Datapath = DatapathKind.Kernel, Rules = [Other] });

        // It was cut, and its end is not told yet.
        Assert.Equal(400u, Volume().Bytes);
        _tally.End(Flow(2, 120));
        Assert.Equal(420u, Volume().Bytes);
    }

    [Fact]
    public void Router_keepsWhatTheOtherDatapathCarried()
    {
        Volume();
        _tally.End(Flow(1, 300));
        RouterTraffic relayed = new([], []) { Volume = new TrafficVolume(10, 20, 0, 0), LimitRefusals = 2, PortFailures = 1 };

        Assert.Equal((330u, 2u, 1u), Counts(relayed));
        Assert.Equal((330u, 2u, 1u), Counts(new RouterTraffic([], [])));
        Assert.Equal((360u, 4u, 2u), Counts(relayed));

        (ulong, ulong, ulong) Counts(RouterTraffic seen)
        {
            RouterTraffic counted = _tally.Finish(seen, isCountedByFlow: false);
            return (counted.Volume.Bytes, counted.LimitRefusals, counted.PortFailures);
        }
    }

    [Fact]
    public void Look_leavesNothingBehindForAFlow()
    {
        LivingFlow[] flows = [.. Enumerable.Range(1, 1000).Select(client => LivingFlow.Of(Flow(client, 100)))];
        Look();
        Look();

        Assert.InRange(Look(), 0, 10_000);

        long Look()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            _tally.Begin();
            foreach (LivingFlow flow in flows)
            {
                _tally.See(flow);
            }

            Assert.Equal(100_000u, _tally.Finish(new RouterTraffic([new RuleTraffic(Rule, 0, default)], []), isCountedByFlow: true).Rules[0].Bytes);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private void Restart()
    {
        _tally = RouterTally.Restore(_tally.ToRecord());
        _tally.Follow(Plan);
    }

    private TrafficVolume Volume(params RouterFlow[] flows)
    {
        _tally.Begin();
        See(flows);
        return _tally.Finish(new RouterTraffic([], []), isCountedByFlow: true).Volume;
    }

    private static RouterFlow Flow(int client, ulong bytes, uint id = 1) => new(
        "TCP",
        new IPEndPoint(IPAddress.Parse("198.18.0.1"), 40_000 + client),
        IPEndPoint.Parse("198.18.0.2:8080"),
        IPEndPoint.Parse("192.168.12.99:40001"),
        IPEndPoint.Parse("203.0.113.26:80"),
        bytes / 2,
        bytes - (bytes / 2))
    {
        Id = id,
    };

    private ulong Look(params RouterFlow[] flows)
    {
        _tally.Begin();
        return Finish(flows);
    }

    private ulong Finish(params RouterFlow[] flows)
    {
        See(flows);
        return _tally.Finish(new RouterTraffic([new RuleTraffic(Rule, 0, new TrafficVolume(12345, 0, 0, 0))], []), isCountedByFlow: true).Rules[0].Bytes;
    }

    private void See(RouterFlow[] flows)
    {
        foreach (RouterFlow flow in flows)
        {
            _tally.See(LivingFlow.Of(flow));
        }
    }

    private (ulong Connections, ulong Bytes) LookAtRelay(ulong connections, ulong bytes)
    {
        _tally.Begin();
        RuleTraffic rule = _tally.Finish(new RouterTraffic([new RuleTraffic(Rule, connections, new TrafficVolume(bytes, 0, 0, 0))], []), isCountedByFlow: false).Rules[0];
        return (rule.Connections, rule.Bytes);
    }
}
