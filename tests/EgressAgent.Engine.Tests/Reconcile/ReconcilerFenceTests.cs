using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Reconcile;

// The fence of a router that nodes agree about, under a running agent.
public sealed class ReconcilerFenceTests : IDisposable
{
    private static readonly EgressRouterResource Router = Example.Router();
    private static readonly EgressRouterResource Clustered = Router with { Spec = Router.Spec with { Failover = FailoverMode.Cluster } };

    private readonly FakeKernel _kernel = Example.Node();
    private readonly FakeCluster _cluster = new();
    private readonly Agent _agent;
    private bool _wasUnfenced;

    public ReconcilerFenceTests()
    {
        _agent = new Agent(_kernel, new MemoryStore(), cluster: _cluster);
        _kernel.AfterStep = (_, _) => _wasUnfenced |= _kernel.ListRouters().Count > 0
            && _kernel.ReadRouter(Example.Key, netns => netns.Find(RouterNames.OutsideLink)) is { IsUp: true, IsFenced: false };
    }

    private FakeLink Outside => _kernel.ReadRouter(Example.Key, netns => netns.Link(RouterNames.OutsideLink));

    public void Dispose() => _agent.Dispose();

    [Fact]
    public async Task Macvlan_is_never_up_without_the_fence()
    {
        await HoldAsync();

        Assert.True(Outside is { IsUp: true, IsFenced: true });
        Assert.False(_wasUnfenced);
    }

    [Fact]
    public async Task Router_that_comes_into_the_cluster_is_fenced_before_it_is_up_again()
    {
        await _agent.RunAsync(Router);
        Assert.True(Outside is { IsUp: true, IsFenced: false });
        _kernel.ForgetSteps();

        await _agent.RunAsync(Clustered);

        Assert.True(Outside is { IsUp: false, IsFenced: true });
        Assert.IsType<StandBy>(_kernel.Steps[0].Step);
        await _agent.RunAsync(Router);
        Assert.True(Outside is { IsUp: true, IsFenced: false });
    }

    [Fact]
    public async Task Fence_that_is_taken_away_is_put_back_and_whoever_does_so_again_and_again_cuts_the_router_off()
    {
        await HoldAsync();
        for (int i = 0; i < 20; i++)
        {
            _kernel.EditRouter(Example.Key, netns => netns.Link(RouterNames.OutsideLink).IsFenced = false);
            await _agent.AdvanceAsync(Fights.LookInterval);
            Assert.True(Outside is { IsFenced: true } or { IsUp: false }, $"after {i} times");
        }

        await _agent.AdvanceAsync(TimeSpan.FromMinutes(10));
        Assert.True(Outside is { IsUp: true, IsFenced: true });
    }

    [Fact]
    public async Task Fence_that_the_kernel_refuses_keeps_the_router_down_until_it_has_it()
    {
        await HoldAsync();
        _kernel.BeforeStep = (_, step) =>
        {
            if (step is FenceMacvlan)
            {
                throw new LinuxException("fence", "net1", Errno.ENOENT);
            }
        };

        _kernel.EditRouter(Example.Key, netns => netns.Link(RouterNames.OutsideLink).IsFenced = false);
        await _agent.IdleAsync();

        Assert.False(Outside.IsUp);
        Assert.Contains("fence net1: ENOENT", _agent.StatusOf(Example.Key).Summary);
        _kernel.BeforeStep = null;
        await _agent.AdvanceAsync(TimeSpan.FromMinutes(10));
        Assert.True(Outside is { IsUp: true, IsFenced: true });
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Kernel_without_a_fence_builds_nothing_and_silences_what_is_there()
    {
        await _agent.RunAsync(Router);
        _kernel.WhyNoFence = "fail-over in a cluster cannot be had: this kernel has no fence";

        await _agent.RunAsync(Clustered);

        Assert.False(Outside.IsUp);
        Assert.Equal((RouterState.Pending, false), (_agent.StatusOf(Example.Key).State, _agent.StatusOf(Example.Key).IsInForce));
        Assert.Equal(PlanReasons.FenceMissing, _agent.Condition(ConditionType.Available).Reason);
        Assert.Contains(_kernel.WhyNoFence, _agent.StatusOf(Example.Key).Summary);
    }

    private async Task HoldAsync()
    {
        await _agent.RunAsync(Clustered);
        _cluster.Give(Example.Key, _cluster.Node);
        await _agent.IdleAsync();
    }
}
