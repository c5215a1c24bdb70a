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

    private readonly RouterTally _tally = new();

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

        Assert.Equal(0u, _tally.Finish(new RouterTraffic([new RuleTraffic(moved, 0, 0)], []), isCountedByFlow: true).Rules[0].Bytes);
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

    private ulong Finish(params RouterFlow[] flows) =>
        _tally.Finish(new RouterTraffic([new RuleTraffic(Rule, 0, 12345)], flows.ToValueList()), isCountedByFlow: true).Rules[0].Bytes;

    private (ulong Connections, ulong Bytes) LookAtRelay(ulong connections, ulong bytes)
    {
        _tally.Begin();
        RuleTraffic rule = _tally.Finish(new RouterTraffic([new RuleTraffic(Rule, connections, bytes)], []), isCountedByFlow: false).Rules[0];
        return (rule.Connections, rule.Bytes);
    }
}
