using System.Collections.Immutable;
using System.Net;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;
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
    public async Task Store_that_writes_nothing_is_a_shortcoming_of_routers_until_it_is_over()
    {
        await HoldAsync();

        _cluster.Fail(unwritten: "the database is full");
        await _agent.IdleAsync();
        Assert.Equal(StatusReasons.ClusterUnwritten, _agent.Condition(ConditionType.Degraded).Reason);
        Assert.Equal("the router goes on here, and no other node could take it over: the database is full", Status.Summary);

        _cluster.Give(Example.Key, "there");
        await _agent.IdleAsync();
        Assert.Equal("this node cannot claim the router when it falls to it: the database is full", Status.Summary);
        _cluster.Fail();
        await _agent.IdleAsync();
        Assert.Equal(RouterState.Standby, Status.State);
    }

    [Fact]
    public async Task Gateways_that_answer_a_standby_or_do_not_are_told_to_the_cluster_and_are_a_condition()
    {
        await _agent.RunAsync(Router);
        IPAddress gateway = Assert.Single(Status.Desired!.StandbyGateways);
        Assert.Null(_cluster.Answers.GetValueOrDefault(Example.Key));

        _kernel.TellStandbyGateways(Example.Key, new ObservedGateway(gateway, true));
        Assert.True(_cluster.Answers[Example.Key]);
        Assert.Equal($"the IPv4 gateway {gateway} answers, asked from ens3 with the MAC of the node", _agent.Condition(ConditionType.GatewayReachable).Message);

        _kernel.TellStandbyGateways(Example.Key, new ObservedGateway(gateway, false));
        Assert.False(_cluster.Answers[Example.Key]);
        Assert.Contains("this node takes the router over after all nodes to which it answers", Status.Summary);
        Assert.Equal([Example.Key], _cluster.Wanted);
    }

    [Fact]
    public async Task Holder_whose_cable_is_out_says_that_its_gateway_does_not_answer()
    {
        await HoldAsync();
        _kernel.TellGateways(Example.Key, new ObservedGateway(Status.Desired!.Gateways.First(), true));
        Assert.True(_cluster.Answers[Example.Key]);

        _kernel.EditNode(node => node.SetUp("ens3", up: false));
        await _agent.IdleAsync();

        Assert.False(_cluster.Answers[Example.Key]);
        Assert.Equal([Example.Key], _cluster.Wanted);
    }

    [Fact]
    public async Task Service_whose_routers_are_held_by_different_nodes_is_in_error_until_one_holds_both()
    {
        ImmutableSortedDictionary<string, string> labels = ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, [KeyValuePair.Create("app", "partner")]);
        EgressRouterResource first = Router with { Labels = labels };
        EgressRouterResource second = Example.Router("mail", "192.168.12.98/24") with { Labels = labels };
        second = second with { Spec = second.Spec with { Failover = FailoverMode.Cluster } };
        ServiceResource service = new(
            new ResourceKey(ResourceKind.Service, "default", "partner"),
            new SourceLocation("partner.yaml", 1, 1),
            new ServiceSpec { Selector = labels, IsHeadless = true, Ports = [new ServicePortSpec("", TransportProtocol.TCP, 80, 8080)] });
        var file = new RouterFile(service.Source.File, [new RouterDocument { Source = service.Source, Key = service.Id, Resource = service }], [], IsComplete: true);
        _cluster.Give(first.Key, _cluster.Node);
        _cluster.Give(second.Key, "there");

        await _agent.ApplyAsync([Example.File(first), Example.File(second), file]);
        _agent.Reconciler.StartServices();

        await Agent.UntilAsync(() => Degraded()?.Reason == StatusReasons.HeldByDifferentNodes);
        Assert.Equal(
            $"its routers are held by different nodes, {second.Key} by there, {first.Key} by here, so that no node serves by all of them; on one of these nodes release what it holds: egressctl release ROUTER",
            Degraded()!.Message);
        _cluster.Give(second.Key, _cluster.Node);
        await Agent.UntilAsync(() => Degraded()?.Status == false);
        Assert.Contains(_agent.Log.Of(EventIds.ServiceUnavailable), message => message.StartsWith("Service default/partner: over: its routers are held by different nodes", StringComparison.Ordinal));

        Condition? Degraded() => _agent.Reconciler.Services.Find(service.Id)?.Condition(ConditionType.Degraded);
    }

    [Fact]
    public async Task Router_that_is_held_from_now_on_is_open_to_the_LAN_at_once()
    {
        ImmutableSortedDictionary<string, string> labels = ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, [KeyValuePair.Create("app", "partner")]);
        IPAddress address = Router.Spec.Addresses[0].Address.Address;
        ServiceResource service = new(
            new ResourceKey(ResourceKind.Service, "default", "partner"),
            new SourceLocation("partner.yaml", 1, 1),
            new ServiceSpec { Selector = labels, IsHeadless = true, Ports = [new ServicePortSpec("", TransportProtocol.TCP, 80, 8080)], ExternalAddresses = [address] });
        var file = new RouterFile(service.Source.File, [new RouterDocument { Source = service.Source, Key = service.Id, Resource = service }], [], IsComplete: true);
        await _agent.ApplyAsync([Example.File(Router with { Labels = labels }), file]);
        _agent.Reconciler.StartServices();
        await Agent.UntilAsync(() => _agent.Reconciler.Services.Find(service.Id) is not null);
        await _agent.IdleAsync();
        _kernel.ForgetSteps();

        _cluster.Give(Example.Key, _cluster.Node);
        await _agent.IdleAsync();

        RouterStep[] steps = [.. _kernel.Steps.Select(step => step.Step)];
        int opened = Array.FindIndex(steps, step => step is ApplyRedirect redirect && redirect.Plan.ExternalAddresses.Contains(address));
        Assert.InRange(opened, 0, Array.FindIndex(steps, step => step is ClaimAddress) - 1);
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
