using System.Net;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Engine.Traffic;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Testing.FakeKernel;
using EgressAgent.Testing.Journal;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Traffic;

/// <summary>Flows that are there now beside records of a real journal, and what is said where nothing is found.</summary>
public sealed class FlowFinderTests : IDisposable
{
    private static readonly FlowSource Source = new(IPAddress.Parse("192.168.12.99"), 41022, "tcp");
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());

    private readonly FakeKernel _kernel = Example.Node();
    private readonly PrivateJournal? _journal;
    private readonly AgentConfiguration _configuration = AgentConfiguration.Default;
    private readonly Agent _agent;
    private readonly TrafficSampler _traffic;
    private readonly FlowFinder _finder;

    public FlowFinderTests()
    {
        EgressAgent.Testing.Requires.Root();
        Assert.SkipUnless(PrivateJournal.IsAvailable, "needs systemd-journald and a machine-id");
        _journal = PrivateJournal.Start();
        _configuration = _configuration with { FlowRecords = new FlowRecordSettings(_journal.Namespace, TellsDestinations: true) };
        _agent = new Agent(_kernel, new MemoryStore(), _configuration);
        _agent.Time.SetUtcNow(Now - TimeSpan.FromHours(1));
        _traffic = new TrafficSampler(_agent.Reconciler, TimeProvider.System);
        _finder = new FlowFinder(_agent.Reconciler, _agent.Registry, _traffic, _configuration, new FakeTimeProvider(Now));
    }

    [Fact]
    public async Task Living_flow_isFound_fromItsBeginningOn()
    {
        await _agent.RunAsync(Example.Router());
        Live(Flow(start: Now - TimeSpan.FromMinutes(10)));

        FoundFlow found = Assert.Single((await _finder.FindAsync(Source, Now)).Flows);
        Assert.Equal(("default/web", "10.0.0.7:5", "203.0.113.26:80", FlowState.Living, null), (found.Router, found.Client, found.Destination, found.State, found.End));
        Assert.Equal((100u, 200u), (found.BytesTo, found.BytesFrom));
        Assert.Single((await _finder.FindAsync(Source, Now - TimeSpan.FromMinutes(9))).Flows);
        FlowFinding earlier = await _finder.FindAsync(Source, Now - TimeSpan.FromMinutes(11));
        Assert.Empty(earlier.Flows);
        Assert.Equal(found, Assert.Single(earlier.Nearest));
    }

    [Fact]
    public async Task Living_flow_ofAnotherSource_isNotFound()
    {
        await _agent.RunAsync(Example.Router());
        Live(
            Flow() with { Source = IPEndPoint.Parse("192.168.12.99:41023") },
            Flow() with { Source = IPEndPoint.Parse("192.168.12.98:41022") },
            Flow() with { Protocol = "UDP" });

        Assert.Empty((await _finder.FindAsync(Source, Now)).Flows);
    }

    [Fact]
    public async Task Living_flow_whoseBeginningWasRecorded_isOneFlow()
    {
        await _agent.RunAsync(Example.Router());
        Send(Entry(-600) with { Event = "start" });
        Live(Flow());

        FoundFlow found = Assert.Single((await _finder.FindAsync(Source, Now)).Flows);
        Assert.Equal(
            (Now - TimeSpan.FromMinutes(10), FlowState.Living, "8080/TCP", 100u), (found.Start!.Value, found.State, found.Rule, found.BytesTo));

        Assert.Empty((await _finder.FindAsync(Source, Now - TimeSpan.FromMinutes(11))).Flows);
        Assert.Equal(FlowState.Unknown, Assert.Single((await _finder.FindAsync(Source, Now - TimeSpan.FromMinutes(11))).Nearest).State);
    }

    /// <summary>As the kernel's record and its table may overlap for a moment.</summary>
    [Fact]
    public async Task Flow_whoseEndIsRecorded_isNotThereTwice()
    {
        await _agent.RunAsync(Example.Router());
        Send(Entry(-600) with { End = Now });
        Live(Flow(start: Now - TimeSpan.FromMinutes(10)));

        Assert.Equal(FlowState.Ended, Assert.Single((await _finder.FindAsync(Source, Now - TimeSpan.FromMinutes(1))).Flows).State);
        Live(Flow());
        using var another = new TrafficSampler(_agent.Reconciler, TimeProvider.System);
        using var finder = new FlowFinder(_agent.Reconciler, _agent.Registry, another, _configuration, new FakeTimeProvider(Now));
        Assert.Equal(FlowState.Ended, Assert.Single((await finder.FindAsync(Source, Now - TimeSpan.FromMinutes(1))).Flows).State);
    }

    [Fact]
    public async Task Living_flow_ofUnknownAge_isShown_andThatIsSaid()
    {
        await _agent.RunAsync(Example.Router());
        Live(Flow());

        FlowFinding finding = await _finder.FindAsync(Source, Now - TimeSpan.FromMinutes(10));
        Assert.Null(Assert.Single(finding.Flows).Start);
        Assert.StartsWith("a flow whose beginning is not known may have begun after ", Assert.Single(finding.Notes));
    }

    [Fact]
    public async Task Nothing_found_isExplained()
    {
        await _agent.RunAsync(Example.Router());

        FlowFinding never = await _finder.FindAsync(Source, Now - TimeSpan.FromHours(2));
        Assert.Equal(
            [
                $"the journal namespace {_journal!.Namespace} of this machine has no record of any flow",
                $"default/web has been there since {Now - TimeSpan.FromHours(1):yyyy-MM-dd'T'HH:mm:ss'Z'} only",
                "default/web keeps no records, as its flow-log is none: egress-router(5)",
            ],
            never.Notes);
        Assert.Equal(
            [$"{Now + TimeSpan.FromDays(1):yyyy-MM-dd'T'HH:mm:ss'Z'} is still to come"], (await _finder.FindAsync(Source, Now + TimeSpan.FromDays(1))).Notes);

        Send(Entry(-1800) with { Source = IPEndPoint.Parse("192.168.12.98:1"), End = Now - TimeSpan.FromMinutes(29) });
        Assert.StartsWith($"the oldest record is of a flow that began at {Now - TimeSpan.FromMinutes(30):yyyy-MM-dd'T'HH:mm:ss'Z'}: ", (await _finder.FindAsync(Source, Now - TimeSpan.FromHours(2))).Notes[0]);

        FlowFinding other = await _finder.FindAsync(Source with { Address = IPAddress.Parse("192.168.12.98") }, Now + TimeSpan.FromSeconds(0.5));
        Assert.Equal(["no router leaves as 192.168.12.98 now; for the addresses: egressctl status"], other.Notes);
    }

    [Fact]
    public async Task Nothing_found_ofARouterThatKeepsRecords_isSaidOfIt()
    {
        EgressRouterResource router = Example.Router();
        await _agent.RunAsync(router with { Spec = router.Spec with { FlowLog = FlowLogMode.Closed } });
        Send(Entry(-1800) with { End = Now - TimeSpan.FromMinutes(29) });

        FlowFinding finding = await _finder.FindAsync(Source, Now + TimeSpan.FromSeconds(0.5));
        Assert.Empty(finding.Notes);
        Assert.Equal("10.0.0.7:5", Assert.Single(finding.Nearest).Client);
    }

    [Fact]
    public async Task More_flowsThanAnAnswerHolds_areCounted()
    {
        await _agent.RunAsync(Example.Router());
        Live([.. Enumerable.Range(1, FlowFinder.MaxFlows + 2).Select(i => Flow(start: Now - TimeSpan.FromSeconds(i)) with { Destination = new IPEndPoint(IPAddress.Loopback, i) })]);

        FlowFinding finding = await _finder.FindAsync(Source, Now);
        Assert.Equal(FlowFinder.MaxFlows, finding.Flows.Count);
        Assert.Equal(["2 more were there; the first 1000 are shown"], finding.Notes);
        Assert.Equal(finding.Flows.OrderBy(flow => flow.Start), finding.Flows);
    }

    public void Dispose()
    {
        _finder?.Dispose();
        _traffic?.Dispose();
        _agent?.Dispose();
        _journal?.Dispose();
    }

    private static RouterFlow Flow(DateTimeOffset? start = null) => new(
        "TCP", IPEndPoint.Parse("10.0.0.7:5"), IPEndPoint.Parse("198.18.0.2:8080"), IPEndPoint.Parse("192.168.12.99:41022"), IPEndPoint.Parse("203.0.113.26:80"), 100, 200)
    {
        Start = start,
    };

    private static FlowEntry Entry(double start) => new() { Client = IPEndPoint.Parse("10.0.0.7:5"), Start = Now + TimeSpan.FromSeconds(start) };

    private void Live(params RouterFlow[] flows) => _kernel.Traffic = _ => new RouterTraffic([], flows.ToValueList());

    private void Send(FlowEntry entry)
    {
        _journal!.Send(entry.Text);
        _journal.Sync();
    }
}
