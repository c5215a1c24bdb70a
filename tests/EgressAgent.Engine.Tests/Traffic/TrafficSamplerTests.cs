using System.Net;
using EgressAgent.Engine.Tests.Redirect;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Engine.Traffic;
using EgressAgent.Linux;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Testing;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Traffic;

public sealed class TrafficSamplerTests : IDisposable
{
    private static readonly RedirectPlan Plan = Plans.Example with { Datapath = DatapathKind.Relay, Rules = [new RedirectRuleSpec(TransportProtocol.TCP, 80, IPAddress.Loopback, 80)] };

    private static readonly RouterFlow Flow = new("UDP", IPEndPoint.Parse("198.18.0.1:1"), IPEndPoint.Parse("198.18.0.2:1"), IPEndPoint.Parse("198.18.0.2:1"), IPEndPoint.Parse("198.18.0.2:1"), 3, 4);

    private readonly FakeTimeProvider _time = new();
    private readonly TrafficSampler _sampler;
    private Func<ulong> _count = () => 0;
    private int _looks;

    public TrafficSamplerTests() => _sampler = new TrafficSampler(
        (plan, visit) =>
        {
            Interlocked.Increment(ref _looks);
            visit?.Visit(LivingFlow.Of(Flow));
            return new RouterTraffic([new RuleTraffic(plan.Rules[0], 0, new TrafficVolume(_count(), 0, 0, 0))], []);
        },
        _time);

    [Fact]
    public async Task Refresh_firstAndOld_looks_andYoung_doesNot()
    {
        _count = () => 1;
        await _sampler.RefreshAsync(Plan);
        Assert.Equal((1, 1u), (_looks, Last));

        _count = () => 2;
        Assert.True(_sampler.RefreshAsync(Plan).IsCompletedSuccessfully);
        Assert.Equal(1u, Last);

        _time.Advance(TrafficSampler.MaxAge);
        await _sampler.RefreshAsync(Plan);
        Assert.Equal(2u, Last);
    }

    [Fact]
    public async Task Refresh_anotherPlan_looksAtOnce()
    {
        await _sampler.RefreshAsync(Plan);

        Task refresh = _sampler.RefreshAsync(Plans.Example with { Datapath = DatapathKind.Relay, Rules = [new RedirectRuleSpec(TransportProtocol.TCP, 81, IPAddress.Loopback, 80)] });

        await refresh;
        Assert.Equal((ushort)81, Assert.Single(_sampler.Last(Plan.Key).Rules).Rule.Port);
    }

    [Fact]
    public async Task Refresh_kernelRefuses_keepsTheLastSample()
    {
        _count = () => 1;
        await _sampler.RefreshAsync(Plan);
        _count = () => throw new LinuxException("read", "counters", Errno.EPERM);
        _time.Advance(TrafficSampler.MaxAge);

        await _sampler.RefreshAsync(Plan);

        Assert.Equal(1u, Last);
    }

    [Fact]
    public async Task Refresh_kernelHangs_isBounded()
    {
        // Nobody disposes of it: the sampler's thread may still be on its way to it.
        var release = new ManualResetEventSlim();
        _count = () =>
        {
            release.Wait();
            return 1;
        };
        Task refresh = _sampler.RefreshAsync(Plan);
        Eventually.True("the look", () => Volatile.Read(ref _looks) == 1);
        Assert.False(refresh.IsCompleted);

        _time.Advance(TrafficSampler.MaxAge);

        await refresh.WaitAsync(Eventually.DefaultDeadline, TestContext.Current.CancellationToken);
        release.Set();
    }

    [Fact]
    public async Task Flows_areThereForWhoAsksForThem_andNotLonger()
    {
        await _sampler.RefreshAsync(Plan);
        Assert.Equal((1, 0), (_looks, _sampler.LastFlows(Plan.Key).Count));

        // The sample is young, but has none of them.
        await _sampler.RefreshAsync(Plan, withFlows: true);
        Assert.Equal((2, Flow), (_looks, Assert.Single(_sampler.LastFlows(Plan.Key).All)));
        Assert.True(_sampler.RefreshAsync(Plan, withFlows: true).IsCompletedSuccessfully);

        for (int i = 0; i < 8; i++)
        {
            _time.Advance(TrafficSampler.MaxAge);
            await _sampler.RefreshAsync(Plan);
        }

        Assert.Equal(0, _sampler.LastFlows(Plan.Key).Count);
    }

    [Fact]
    public async Task Forget_router_hasNoSample()
    {
        await _sampler.RefreshAsync(Plan);

        _sampler.Forget(Plan.Key);

        Assert.Empty(_sampler.Last(Plan.Key).Rules);
    }

    [Fact]
    public async Task Sample_isSavedBeforeItIsShown()
    {
        MemoryTrafficStore store = new();
        using TrafficSampler sampler = NewSampler(store);
        _count = () => 5;
        store.BeforeWriting = () => Assert.Empty(sampler.Last(Plan.Key).Rules);

        await sampler.RefreshAsync(Plan);

        Assert.Equal(5u, sampler.Last(Plan.Key).Rules[0].Bytes);
        Assert.Equal(1, store.Writes);
    }

    [Fact]
    public async Task Nothing_isSavedTwice_andNothingOfARouterThatHasCountedNothing()
    {
        MemoryTrafficStore store = new();
        using TrafficSampler sampler = NewSampler(store);
        await sampler.RefreshAsync(Plan);
        Assert.Equal(0, store.Writes);
        for (int i = 0; i < 3; i++)
        {
            _count = () => 5;
            _time.Advance(TrafficSampler.MaxAge);
            await sampler.RefreshAsync(Plan);
        }

        Assert.Equal(1, store.Writes);
    }

    [Fact]
    public async Task NextSampler_goesOn_andARouterOfTheSameNameDoesNot()
    {
        MemoryTrafficStore store = new();
        _count = () => 5;
        using (TrafficSampler sampler = NewSampler(store))
        {
            await sampler.RefreshAsync(Plan);
        }

        _count = () => 2;
        using (TrafficSampler next = NewSampler(store))
        {
            await next.RefreshAsync(Plan);
            Assert.Equal(7u, next.Last(Plan.Key).Rules[0].Bytes);
            next.Forget(Plan.Key);
            Eventually.True("the end of its counters", () => store.LoadTraffic().Count == 0);
            await next.RefreshAsync(Plan);
            Assert.Equal(2u, next.Last(Plan.Key).Rules[0].Bytes);
        }
    }

    [Fact]
    public void End_thatNobodyAsksFor_isSavedSoon()
    {
        MemoryTrafficStore store = new();
        using TrafficSampler sampler = NewSampler(store);
        sampler.Follow(Plan);

        sampler.End(Plan.Key, Flow);

        Eventually.True("its count", () => store.Writes == 1);
    }

    [Fact]
    public async Task Sample_thatCannotBeSaved_isShown_andSavedLater()
    {
        MemoryTrafficStore store = new() { IsFull = true };
        using TrafficSampler sampler = NewSampler(store);
        _count = () => 5;
        await sampler.RefreshAsync(Plan);
        Assert.Equal(5u, sampler.Last(Plan.Key).Rules[0].Bytes);

        store.IsFull = false;

        Eventually.True("the count", () => store.Writes == 1);
    }

    [Fact]
    public async Task Store_thatIsMadeAnew_getsAllAgain()
    {
        MemoryTrafficStore store = new();
        using TrafficSampler sampler = NewSampler(store);
        _count = () => 5;
        await sampler.RefreshAsync(Plan);

        store.Empty();

        Eventually.True("the count", () => store.LoadTraffic().Count == 1);
    }

    public void Dispose() => _sampler.Dispose();

    private TrafficSampler NewSampler(MemoryTrafficStore store) => new((plan, _) => new RouterTraffic([new RuleTraffic(plan.Rules[0], 0, new TrafficVolume(_count(), 0, 0, 0))], []), _time, store);

    private ulong Last => _sampler.Last(Plan.Key).Rules[0].Bytes;
}
