using System.Net;
using EgressAgent.Engine.Tests.Redirect;
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

    private readonly FakeTimeProvider _time = new();
    private readonly TrafficSampler _sampler;
    private Func<ulong> _count = () => 0;
    private int _looks;

    public TrafficSamplerTests() => _sampler = new TrafficSampler(
        plan =>
        {
            Interlocked.Increment(ref _looks);
            return new RouterTraffic([new RuleTraffic(plan.Rules[0], 0, _count())], []);
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
        using var release = new ManualResetEventSlim();
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
    public async Task Forget_router_hasNoSample()
    {
        await _sampler.RefreshAsync(Plan);

        _sampler.Forget(Plan.Key);

        Assert.Empty(_sampler.Last(Plan.Key).Rules);
    }

    public void Dispose() => _sampler.Dispose();

    private ulong Last => _sampler.Last(Plan.Key).Rules[0].Bytes;
}
