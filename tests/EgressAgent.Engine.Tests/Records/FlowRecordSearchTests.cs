using System.Net;
using EgressAgent.Engine.Records;
using EgressAgent.Linux.Journal;
using EgressAgent.Model.Status;
using EgressAgent.Testing.Journal;

namespace EgressAgent.Engine.Tests.Records;

/// <summary>Over records in a real journal.</summary>
public sealed class FlowRecordSearchTests : IDisposable
{
    private const string Source = "192.168.12.99:41022/tcp";

    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private readonly PrivateJournal? _journal;

    public FlowRecordSearchTests()
    {
        EgressAgent.Testing.Requires.Root();
        Assert.SkipUnless(PrivateJournal.IsAvailable, "needs systemd-journald and a machine-id");
        _journal = PrivateJournal.Start();
    }

    [Fact]
    public void Flow_thatWasThere_isFound_withAllThatItsRecordSays()
    {
        Send(Flow(-3600, -3590) with { Unit = "backup.service", Container = "web", Masqueraded = IPEndPoint.Parse("172.17.0.2:38112") });

        Assert.Equal(
            new FoundFlow
            {
                Router = "default/web",
                Rule = "8080/TCP",
                Protocol = "TCP",
                Client = "198.18.0.1:41022",
                Source = "192.168.12.99:41022",
                Destination = "203.0.113.26:80",
                Start = Second(-3600),
                End = Second(-3590),
                State = FlowState.Ended,
                BytesTo = 1234,
                BytesFrom = 3_400_000,
                Unit = "backup.service",
                Container = "web",
                Masqueraded = "172.17.0.2:38112",
            },
            Assert.Single(Search(-3595).Found));
    }

    [Theory]
    [InlineData(-101.1, false)]
    [InlineData(-101, true)]
    [InlineData(-100, true)]
    [InlineData(-95, true)]
    [InlineData(-90, true)]
    [InlineData(-89, true)]
    [InlineData(-88.9, false)]
    public void Time_fromASecondBeforeToASecondAfter_matches(double at, bool isFound)
    {
        Send(Flow(-100, -90));

        Assert.Equal(isFound, Search(at).Found.Any());
    }

    [Fact]
    public void Ten_clientsWithOnePort_oneAfterTheOther_areToldApart()
    {
        Send([.. Enumerable.Range(0, 10).Select(i => Flow(-1000 + (i * 100), -950 + (i * 100)) with { Client = new IPEndPoint(IPAddress.Parse($"10.88.0.{i}"), 41022) })]);

        Assert.All(Enumerable.Range(0, 10), i => Assert.Equal($"10.88.0.{i}:41022", Assert.Single(Search(-975 + (i * 100)).Found).Client));
        FlowRecordSearch between = Search(-520);
        Assert.Empty(between.Found);
        Assert.Equal("10.88.0.4:41022", between.Before!.Client);
        Assert.Equal("10.88.0.5:41022", between.After!.Client);
        Assert.Null(Search(-2000).Before);
        Assert.Equal("10.88.0.0:41022", Search(-2000).After!.Client);
        Assert.Equal("10.88.0.9:41022", Search(0).Before!.Client);
    }

    /// <summary>They are written in the order of their ends.</summary>
    [Fact]
    public void Nearest_isTheOneThatBeganFirst_andAFlowThatEndsAfterManyOthersIsFound()
    {
        Send(Flow(-50, -45), Flow(-40, -30), Flow(-60, -20), Flow(-55, -19), Flow(-200, -10) with { Client = IPEndPoint.Parse("10.0.0.2:5") });

        Assert.Equal("10.0.0.2:5", Assert.Single(Search(-100).Found).Client);
        Assert.Equal(Second(-60), Search(-100).After!.Start);
    }

    [Fact]
    public void Others_areNotFound()
    {
        Send(
            Flow(-100, -90) with { Protocol = "udp" },
            Flow(-100, -90) with { Source = IPEndPoint.Parse("192.168.12.99:41023") },
            Flow(-100, -90) with { Source = IPEndPoint.Parse("192.168.12.98:41022") },
            Flow(-100, -90) with { Source = IPEndPoint.Parse("[2001:db8:12::99]:41022"), Client = IPEndPoint.Parse("[2001:db8::7]:41022"), Destination = IPEndPoint.Parse("[2001:db8::80]:443") });

        Assert.Empty(Search(-95).Found);
        Assert.Null(Search(-95).Before);
        FoundFlow six = Assert.Single(Search(-95, "[2001:db8:12:0::99]:41022/TCP").Found);
        Assert.Equal(("[2001:db8::7]:41022", "[2001:db8:12::99]:41022", "[2001:db8::80]:443"), (six.Client, six.Source, six.Destination));
    }

    [Fact]
    public void Beginning_withoutAnEnd_isFoundFromThenOn()
    {
        Send(Flow(-100, 0) with { Event = "start" });

        Assert.Equal((FlowState.Unknown, null), (Assert.Single(Search(0).Found).State, Search(0).Found.Single().End));
        Assert.Single(Search(3600).Found);
        Assert.Empty(Search(-102).Found);
        Assert.Equal(Second(-100), Search(-102).After!.Start);
    }

    [Fact]
    public void Beginning_andEnd_areOneFlow()
    {
        Send(Flow(-100, 0) with { Event = "start" }, Flow(-100, -90));

        Assert.Equal(FlowState.Ended, Assert.Single(Search(-95).Found).State);
        Assert.Equal(FlowState.Ended, Search(0).Before!.State);
        Assert.Empty(Search(0).Found);
        Assert.Equal(Second(-90), Search(3600).Before!.End);
        Assert.Empty(Search(3600).Found);
        Assert.Equal(FlowState.Ended, Search(-200).After!.State);
    }

    /// <summary>Its end was lost, as the agent was killed.</summary>
    [Fact]
    public void Beginning_whoseEndIsMissing_isOverWhereALaterFlowHasItsPort()
    {
        Send(Flow(-100, 0) with { Event = "start" }, Flow(-50, 0) with { Event = "start", Client = IPEndPoint.Parse("10.0.0.2:5") });

        Assert.Equal("10.0.0.2:5", Assert.Single(Search(-20).Found).Client);
        Assert.Equal("198.18.0.1:41022", Assert.Single(Search(-70).Found).Client);

        // And where its own client has it anew.
        Send(Flow(-10, 0) with { Event = "start", Client = IPEndPoint.Parse("10.0.0.2:5") });
        Assert.Equal(Second(-10), Assert.Single(Search(-5).Found).Start);
        Assert.Equal(Second(-50), Assert.Single(Search(-20).Found).Start);

        // To another destination it may be there as well.
        Send(Flow(-40, 0) with { Event = "start", Client = IPEndPoint.Parse("10.0.0.3:5"), Destination = IPEndPoint.Parse("203.0.113.27:80") });
        Assert.Equal(["10.0.0.2:5", "10.0.0.3:5"], Search(-20).Found.Select(flow => flow.Client).Order());
    }

    /// <summary>Where the kernel does not say when a flow began, the beginning is noted when it is heard of.</summary>
    [Theory]
    [InlineData(-99.999)]
    [InlineData(-97)]
    [InlineData(-85)]
    public void Beginning_thatWasHeardOfLate_isThatOfItsFlow(double heard)
    {
        Send(Flow(heard, 0) with { Event = "start" }, Flow(-100, -90));

        Assert.Equal((FlowState.Ended, Second(-100)), (Assert.Single(Search(-95).Found).State, Search(-95).Found[0].Start));
        Assert.Empty(Search(-50).Found);
        Assert.Empty(Search(3600).Found);
    }

    [Fact]
    public void Beginning_whoseEndIsMissing_isNotEndedByALaterFlowOfItsClient()
    {
        Send(Flow(-100, 0) with { Event = "start" }, Flow(-50, -40));

        Assert.Equal(FlowState.Unknown, Assert.Single(Search(-70).Found).State);
        Assert.Equal(FlowState.Ended, Assert.Single(Search(-45).Found).State);
        Assert.Empty(Search(-20).Found);
    }

    /// <summary>Of a flow that is older than the agent.</summary>
    [Fact]
    public void End_withoutABeginning_isFoundUntilThen()
    {
        Send(Flow(0, -90) with { Start = null });

        Assert.Equal((FlowState.Ended, null), (Assert.Single(Search(-1000).Found).State, Search(-1000).Found[0].Start));
        Assert.Empty(Search(-50).Found);
        Assert.Equal(Second(-90), Search(-50).Before!.End);
    }

    [Fact]
    public void Flow_withoutPorts_isFoundByItsAddress()
    {
        Send(Flow(-100, -90) with
        {
            Protocol = "icmp",
            Client = IPEndPoint.Parse("10.0.0.7:0"),
            Source = IPEndPoint.Parse("192.168.12.99:0"),
            Destination = IPEndPoint.Parse("203.0.113.26:0"),
        });
        Send(Flow(-100, -90));

        FoundFlow found = Assert.Single(Search(-95, "192.168.12.99:0/icmp").Found);
        Assert.Equal(("ICMP", "10.0.0.7", "192.168.12.99", "203.0.113.26"), (found.Protocol, found.Client, found.Source, found.Destination));
    }

    [Fact]
    public void Destinations_thatAreLeftOut_makeNoFlowsOne()
    {
        Send(Flow(-100, -80) with { Destination = null }, Flow(-90, -70) with { Destination = null, Client = IPEndPoint.Parse("10.0.0.2:5") });

        Assert.Equal(["10.0.0.2:5", "198.18.0.1:41022"], Search(-85).Found.Select(flow => flow.Client).Order());
        Assert.All(Search(-85).Found, flow => Assert.Equal("", flow.Destination));
    }

    [Fact]
    public void Entry_thatIsNoRecord_isPassedOver()
    {
        _journal!.Send("EGRESS_SOURCE_ADDRESS=192.168.12.99\nEGRESS_SOURCE_PORT=41022\nEGRESS_PROTOCOL=tcp\nEGRESS_EVENT=end\nEGRESS_START=x\n");
        _journal.Send("EGRESS_SOURCE_ADDRESS=192.168.12.99\nEGRESS_SOURCE_PORT=41022\nEGRESS_PROTOCOL=tcp\nEGRESS_EVENT=end\nEGRESS_START=18446744073709551615\nEGRESS_END=1\n");
        _journal.Send("EGRESS_SOURCE_ADDRESS=192.168.12.99\nEGRESS_SOURCE_PORT=41022\nEGRESS_PROTOCOL=tcp\n");
        Send(Flow(-100, -90));

        Assert.Single(Search(-95).Found);
    }

    [Fact]
    public void Records_beyondTheLimit_areNotRead_andThatIsKnown()
    {
        Send([.. Enumerable.Range(0, 30).Select(i => Flow(-1000 + i, -999 + i) with { Client = new IPEndPoint(IPAddress.Loopback, i + 1) })]);

        FlowRecordSearch all = Search(-999, limit: 30);
        Assert.Equal((3, null, null), (all.Found.Count, all.ReadUntil, all.ReadSince));
        FlowRecordSearch some = Search(-999, limit: 2);
        Assert.Equal(2, some.Found.Count);
        Assert.NotNull(some.ReadUntil);

        Send([.. Enumerable.Range(0, 5).Select(i => Flow(-10 + i, 0) with { Event = "start", Destination = new IPEndPoint(IPAddress.Loopback, i + 1) })]);
        Assert.NotNull(Search(3600, limit: 4).ReadSince);
        Assert.Null(Search(3600, limit: 100).ReadSince);
        Assert.Equal(5, Search(3600, limit: 100).Found.Count);
    }

    /// <summary>Of a busy port, where beginnings or ends are missing, and the order is not quite that in which it was.</summary>
    [Fact]
    public void Flows_thatOthersFollowedToTheSamePlace_needNotBeReadAgain()
    {
        const int Ports = 20;
        var random = new Random(1);
        for (int port = 1; port <= Ports; port++)
        {
            List<FlowEntry> entries = [];
            foreach (string way in (string[])["default/web 203.0.113.26:80", "default/web 203.0.113.26:81", "default/api 203.0.113.26:80"])
            {
                double time = -10_000;
                for (int i = random.Next(60); i > 0; i--)
                {
                    double start = time += 1 + random.Next(20);
                    double end = time += 1 + random.Next(20);
                    FlowEntry flow = Flow(start, end) with
                    {
                        Router = way.Split()[0],
                        Destination = IPEndPoint.Parse(way.Split()[1]),
                        Source = IPEndPoint.Parse($"192.168.12.99:{port}"),
                        Client = IPEndPoint.Parse($"10.0.0.{random.Next(4)}:5"),
                    };
                    entries.AddRange(random.NextDouble() < 0.8 ? [flow with { Event = "start" }] : []);
                    entries.AddRange(random.NextDouble() < 0.7 ? [flow] : []);
                }
            }

            FlowEntry[] written = [.. entries.OrderBy(entry => entry.Event == "end" ? entry.End : entry.Start)];
            for (int i = 2; i < written.Length; i += 3)
            {
                (written[i], written[i - 1]) = (written[i - 1], written[i]);
            }

            Send(written);
        }

        int found = 0;
        for (int port = 1; port <= Ports; port++)
        {
            FlowRecordSearch some = Search(3600, $"192.168.12.99:{port}/tcp");
            FlowRecordSearch all = Search(3600, $"192.168.12.99:{port}/tcp", compare: int.MaxValue);
            Assert.Equal(all.Before, some.Before);
            Assert.Equal(all.Found.OrderBy(flow => flow.Start), some.Found.OrderBy(flow => flow.Start));
            found += all.Found.Count;
        }

        Assert.InRange(found, Ports / 2, Ports * 3);
    }

    public void Dispose() => _journal?.Dispose();

    private static FlowEntry Flow(double start, double end) => new() { Start = Second(start), End = Second(end) };

    // As the records have it: to the microsecond.
    private static DateTimeOffset Second(double seconds) =>
        DateTimeOffset.FromUnixTimeSeconds(Now.ToUnixTimeSeconds()) + TimeSpan.FromMilliseconds(Math.Round(seconds * 1000));

    private void Send(params FlowEntry[] flows)
    {
        foreach (FlowEntry flow in flows)
        {
            _journal!.Send(flow.Text);
        }

        _journal!.Sync();
    }

    private FlowRecordSearch Search(double at, string source = Source, int limit = 1000, int compare = 16)
    {
        Assert.True(FlowSource.TryParse(source, out FlowSource? parsed));
        using var journal = JournalReader.OpenNamespace(_journal!.Namespace);
        var search = new FlowRecordSearch(journal, parsed, Second(at), limit, compare);
        search.Run();
        return search;
    }
}
