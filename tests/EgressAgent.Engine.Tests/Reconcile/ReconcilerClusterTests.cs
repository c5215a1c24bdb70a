using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Reconcile;

// A router about which nodes agree, as a running agent has it.
public sealed class ReconcilerClusterTests : IDisposable
{
    private static readonly EgressRouterResource Router = Example.Router() with { Spec = Example.Router().Spec with { Failover = FailoverMode.Cluster } };

    private readonly FakeKernel _kernel = Example.Node();
    private readonly FakeCluster _cluster = new();
    private readonly Agent _agent;

    public ReconcilerClusterTests() => _agent = new Agent(_kernel, new MemoryStore(), cluster: _cluster);

    private RouterStatus Status => _agent.StatusOf(Example.Key);

    private bool IsUp => _kernel.ReadRouter(Example.Key, netns => netns.Link(RouterNames.OutsideLink)).IsUp;

    public void Dispose() => _agent.Dispose();

    [Fact]
    public async Task Router_is_standby_and_a_candidate_until_the_cluster_has_this_node_hold_it()
    {
        await _agent.RunAsync(Router);
        Assert.Equal((RouterState.Standby, false), (Status.State, IsUp));
        Assert.Contains("until the cluster has this node hold the router; no node holds it yet", Status.Summary);
        Assert.Equal([Example.Key], _cluster.Wanted);

        _cluster.Give(Example.Key, _cluster.Node);
        await _agent.IdleAsync();
        Assert.Equal((RouterState.Active, true), (Status.State, IsUp));
        Assert.All(_kernel.Steps.Select(step => step.Step).OfType<ClaimAddress>(), claim => Assert.Equal(PriorHolderCheck.Skip, claim.Check));

        _cluster.Give(Example.Key, "there");
        await _agent.IdleAsync();
        Assert.Equal((RouterState.Standby, false), (Status.State, IsUp));
        Assert.Contains("the node there holds it", Status.Summary);
        Assert.Equal([Example.Key], _cluster.Wanted);
    }

    [Fact]
    public async Task Router_whose_file_goes_is_no_candidate()
    {
        await _agent.RunAsync(Router);
        Assert.Equal([Example.Key], _cluster.Wanted);

        await _agent.RemoveAsync(Router);

        Assert.Empty(_cluster.Wanted);
    }

    [Fact]
    public async Task Claim_whose_mark_is_taken_away_is_released()
    {
        await HoldAsync();

        _kernel.EditRouter(Example.Key, netns => netns.Link("lo").AltNames.Remove(RouterNames.ClaimMark));
        await _agent.IdleAsync();

        Assert.Equal((RouterState.Standby, false), (Status.State, IsUp));
        Assert.False(_cluster.Find(Example.Key).IsHolder);
    }

    [Fact]
    public async Task Release_gives_the_router_to_others()
    {
        await HoldAsync();

        RouterStatus? status = await _agent.Reconciler.ReleaseAsync(Example.Key);

        Assert.Equal((RouterState.Standby, false), (status!.State, IsUp));
        Assert.False(_cluster.Find(Example.Key).IsHolder);
    }

    [Fact]
    public async Task Problem_of_the_cluster_is_one_of_its_routers_until_it_is_over()
    {
        await HoldAsync();
        _cluster.Remaining = TimeSpan.Zero;

        _cluster.Fail("etcd at e:2379 does not answer");
        await _agent.IdleAsync();
        Assert.Equal(RouterState.Degraded, Status.State);
        Assert.Equal("the router is silent on this node until the cluster renews its claim: etcd at e:2379 does not answer", Status.Summary);
        Assert.Equal(StatusReasons.ClusterUnreachable, _agent.Condition(ConditionType.Degraded).Reason);

        _cluster.Fail(null);
        await _agent.IdleAsync();
        Assert.Equal(RouterState.Active, Status.State);
    }

    [Fact]
    public async Task Router_on_a_node_that_is_in_no_cluster_waits_and_says_why()
    {
        using Agent alone = new(_kernel, new MemoryStore());

        await alone.RunAsync(Router);

        Assert.Equal(RouterState.Pending, alone.StatusOf(Example.Key).State);
        Assert.Equal(
            "the file has `egressagent.org/failover: cluster`, and this node is in no cluster: give `cluster` in agentd.yaml, and restart the agent", alone.StatusOf(Example.Key).Summary);
        Assert.Equal(StatusReasons.NoCluster, alone.Condition(ConditionType.Available).Reason);
    }

    private async Task HoldAsync()
    {
        await _agent.RunAsync(Router);
        _cluster.Give(Example.Key, _cluster.Node);
        await _agent.IdleAsync();
        Assert.Equal(RouterState.Active, Status.State);
    }
}
