using System.Net.NetworkInformation;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Reconcile;

// A router that is claimed and released under a running agent.
public sealed class ReconcilerFailoverTests : IDisposable
{
    private static readonly EgressRouterResource Router = Example.Router();
    private static readonly EgressRouterResource Manual = Router with { Spec = Router.Spec with { Failover = FailoverMode.Manual } };

    private readonly FakeKernel _kernel = Example.Node();
    private readonly MemoryStore _store = new();
    private Agent _agent;

    public ReconcilerFailoverTests() => _agent = new Agent(_kernel, _store);

    private FakeLink Outside => _kernel.ReadRouter(Example.Key, netns => netns.Link(RouterNames.OutsideLink));

    private bool IsMarked => _kernel.ReadRouter(Example.Key, netns => netns.Find(RouterNames.ClaimMark)?.Name == "lo");

    public void Dispose() => _agent.Dispose();

    [Fact]
    public async Task New_router_is_standby_and_its_macvlan_was_never_up()
    {
        bool wasUp = false;
        _kernel.AfterStep = (_, _) => wasUp |= _kernel.ListRouters().Count > 0
            && _kernel.ReadRouter(Example.Key, netns => netns.Find(RouterNames.OutsideLink)?.IsUp) == true;

        await _agent.RunAsync(Manual);

        RouterStatus status = _agent.StatusOf(Example.Key);
        Assert.Equal((RouterState.Standby, FailoverRole.Standby, false), (status.State, status.Desired!.Role, status.IsInForce));
        Assert.Equal((false, StatusReasons.Standby), (_agent.Condition(ConditionType.Available).Status, _agent.Condition(ConditionType.Available).Reason));
        Assert.False(_agent.Condition(ConditionType.Degraded).Status);
        Assert.False(wasUp);
        Assert.Empty(Outside.Addresses);
        Assert.Equal(status.Desired.Redirect, _kernel.ReadRouter(Example.Key, netns => netns.Redirect));
        Assert.DoesNotContain(_kernel.Steps, step => step.Step is ClaimAddress or Announce or HearOthers or AskGateways);
        Assert.Equal(["default/web: standby on this node; net1 is down until the router is claimed"], _agent.Log.Of(EventIds.Failover));
    }

    [Fact]
    public async Task Claim_completes_when_the_address_is_announced()
    {
        await _agent.RunAsync(Manual);
        _kernel.ForgetSteps();

        RouterStatus? status = await _agent.Reconciler.ClaimAsync(Example.Key);

        Assert.Equal((RouterState.Active, FailoverRole.Holder), (status!.State, status.Desired!.Role));
        Assert.Contains(_kernel.Steps, step => step.Step is Announce);
        Assert.DoesNotContain(_kernel.Steps, step => step.Step is ApplyRedirect);
        Assert.True(Outside.IsUp && IsMarked);
        _kernel.ForgetSteps();
        Assert.True((await _agent.Reconciler.ClaimAsync(Example.Key))!.IsInForce);
        Assert.Empty(_kernel.Steps);
    }

    [Fact]
    public async Task Release_silences_the_router_before_it_waits_for_a_pass()
    {
        await ClaimAsync();
        _kernel.ForgetSteps();
        bool wasUpAtAStep = false;
        _kernel.BeforeStep = (_, _) => wasUpAtAStep |= Outside.IsUp;

        RouterStatus? status = await _agent.Reconciler.ReleaseAsync(Example.Key);

        Assert.Equal((RouterState.Standby, FailoverRole.Standby), (status!.State, status.Desired!.Role));
        Assert.False(Outside.IsUp || IsMarked || wasUpAtAStep);
        Assert.Empty(Outside.Addresses);
        Assert.IsType<StandBy>(_kernel.Steps[0].Step);
        Assert.Contains("default/web: released on this node; net1 is down and all flows are ended", _agent.Log.Of(EventIds.Failover));
        _kernel.BeforeStep = null;
        await _agent.Reconciler.ReleaseAsync(Example.Key);
        Assert.Equal(RouterState.Standby, _agent.StatusOf(Example.Key).State);
    }

    [Theory]
    [InlineData(typeof(MarkClaim))]
    [InlineData(typeof(ConfigureMacvlan))]
    [InlineData(typeof(ClaimAddress))]
    [InlineData(typeof(SetRoute))]
    public async Task Release_during_the_pass_of_a_claim_ends_it(Type after)
    {
        await _agent.RunAsync(Manual);
        Task<RouterStatus?>? release = null;
        bool wasUp = false;
        _kernel.AfterStep = (_, step) =>
        {
            wasUp |= release is not null && Outside.IsUp;
            release ??= step.GetType() == after ? _agent.Reconciler.ReleaseAsync(Example.Key) : null;
        };

        await _agent.Reconciler.ClaimAsync(Example.Key);
        await release!;

        Assert.Equal(RouterState.Standby, _agent.StatusOf(Example.Key).State);
        Assert.False(wasUp || Outside.IsUp || IsMarked);
        Assert.Empty(_agent.Log.Of(EventIds.Failed));
    }

    [Fact]
    public async Task Release_by_somebody_else_is_taken_for_one()
    {
        await ClaimAsync();

        _kernel.EditRouter(Example.Key, netns =>
        {
            netns.SetUp(RouterNames.OutsideLink, up: false);
            netns.Link("lo").AltNames.Remove(RouterNames.ClaimMark);
        });
        await _agent.IdleAsync();

        Assert.Equal(RouterState.Standby, _agent.StatusOf(Example.Key).State);
        Assert.False(Outside.IsUp);
        Assert.Empty(_agent.Log.Of(EventIds.Drift));
    }

    [Fact]
    public async Task Macvlan_of_a_standby_that_somebody_sets_up_is_set_down_as_often_as_that()
    {
        await _agent.RunAsync(Manual);
        for (int i = 0; i < 20; i++)
        {
            _kernel.EditRouter(Example.Key, netns => netns.SetUp(RouterNames.OutsideLink, up: true));
            await _agent.AdvanceAsync(Fights.LookInterval);
            Assert.False(Outside.IsUp, $"after {i} times");
        }
    }

    [Fact]
    public async Task Macvlan_of_a_holder_that_somebody_sets_down_is_set_up_again()
    {
        await ClaimAsync();

        _kernel.EditRouter(Example.Key, netns => netns.SetUp(RouterNames.OutsideLink, up: false));
        await _agent.IdleAsync();

        Assert.True(Outside.IsUp);
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Next_agent_goes_on_as_it_finds_the_router(bool isClaimed)
    {
        await _agent.RunAsync(Manual);
        if (isClaimed)
        {
            await _agent.Reconciler.ClaimAsync(Example.Key);
        }

        _agent.Dispose();
        _kernel.ForgetSteps();
        _agent = new Agent(_kernel, _store);
        await _agent.RunAsync(Manual);

        Assert.Equal(isClaimed ? RouterState.Active : RouterState.Standby, _agent.StatusOf(Example.Key).State);
        Assert.DoesNotContain(_kernel.Steps, step => step.Step is StandBy or ConfigureMacvlan or ClaimAddress or MarkClaim);
        Assert.Equal(isClaimed, Outside.IsUp);
    }

    [Fact]
    public async Task Netns_that_is_lost_comes_back_claimed()
    {
        await ClaimAsync();

        _kernel.DeleteNetns(Example.Key);
        await _agent.IdleAsync();

        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
        Assert.True(Outside.IsUp && IsMarked);
    }

    [Fact]
    public async Task Conflict_ends_the_claim_with_the_holder_and_the_address_is_taken_when_it_is_free()
    {
        await _agent.RunAsync(Manual);
        System.Net.IPAddress reserved = Manual.Spec.Addresses[0].Address.Address;
        _kernel.OtherHosts[reserved] = PhysicalAddress.Parse("02-00-5E-10-00-77");

        RouterStatus? status = await _agent.Reconciler.ClaimAsync(Example.Key);

        Assert.Equal((false, StatusReasons.AddressConflict), (status!.IsInForce, status.Condition(ConditionType.Degraded).Reason));
        Assert.Contains("02:00:5e:10:00:77", status.Summary);
        _kernel.OtherHosts.Clear();
        await _agent.AdvanceAsync(TimeSpan.FromMilliseconds(500));
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Claim_before_there_is_a_master_counts_when_there_is_one()
    {
        _kernel.EditNode(node => node.RemoveLink("ens3"));
        await _agent.RunAsync(Manual);

        RouterStatus? status = await _agent.Reconciler.ClaimAsync(Example.Key);
        Assert.Equal(RouterState.Pending, status!.State);

        _kernel.EditNode(node => Example.AddInterface(node));
        await _agent.IdleAsync();
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Edit_of_a_standby_is_put_in_force_and_sets_nothing_up()
    {
        await _agent.RunAsync(Manual);

        EgressRouterResource edited = Example.Router(rules: Example.Rule(8080, "203.0.113.27", 80));
        await _agent.RunAsync(edited with { Spec = edited.Spec with { Failover = FailoverMode.Manual } });

        RouterStatus status = _agent.StatusOf(Example.Key);
        Assert.Equal((RouterState.Standby, 2L), (status.State, status.Generation));
        Assert.Equal(status.Desired!.Redirect, _kernel.ReadRouter(Example.Key, netns => netns.Redirect));
        Assert.False(Outside.IsUp);
    }

    [Fact]
    public async Task Annotation_that_comes_makes_a_standby_and_one_that_goes_none()
    {
        await _agent.RunAsync(Router);
        await _agent.RunAsync(Manual);
        Assert.Equal(RouterState.Standby, _agent.StatusOf(Example.Key).State);
        Assert.False(Outside.IsUp);

        await _agent.RunAsync(Router);
        Assert.Equal((RouterState.Active, FailoverRole.None), (_agent.StatusOf(Example.Key).State, _agent.StatusOf(Example.Key).Desired!.Role));
        Assert.True(Outside.IsUp);
    }

    [Fact]
    public async Task Annotation_that_comes_while_the_router_waits_silences_it_too()
    {
        await _agent.RunAsync(Router);

        await _agent.RunAsync(Manual with { Spec = Manual.Spec with { Master = "ens9" } });

        Assert.Equal(RouterState.Pending, _agent.StatusOf(Example.Key).State);
        Assert.False(Outside.IsUp);
    }

    [Fact]
    public async Task Claim_does_not_outlive_the_annotation()
    {
        await ClaimAsync();

        await _agent.RunAsync(Router);
        Assert.Equal((RouterState.Active, false), (_agent.StatusOf(Example.Key).State, IsMarked));

        await _agent.RunAsync(Manual);
        Assert.Equal(RouterState.Standby, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Trouble_of_a_holder_is_over_with_its_release_and_is_not_told_as_mended()
    {
        await ClaimAsync();
        _kernel.TellGateways(Example.Key, new ObservedGateway(System.Net.IPAddress.Parse("192.168.12.1"), IsReachable: false));
        Assert.Equal(RouterState.Degraded, _agent.StatusOf(Example.Key).State);

        await _agent.Reconciler.ReleaseAsync(Example.Key);

        Assert.Equal(RouterState.Standby, _agent.StatusOf(Example.Key).State);
        Assert.StartsWith(
            "default/web: over, since the router is standby: the IPv4 gateway 192.168.12.1 does not answer", _agent.Log.Of(EventIds.Shortcoming).Last());
    }

    [Fact]
    public async Task Packet_to_a_standby_is_explained()
    {
        await _agent.RunAsync(Manual);

        Model.Redirecting.PacketExplanation answer = Assert.Single(RouterExplanation.Explain(
            _agent.StatusOf(Example.Key), new Model.Redirecting.ClientPacket(null, TransportProtocol.TCP, 8080)));

        Assert.Equal(Model.Redirecting.PacketFate.Unreachable, answer.Fate);
        Assert.Contains("egressctl claim default/web", Assert.Single(answer.Why));
    }

    [Fact]
    public async Task Router_that_is_not_there_is_neither_claimed_nor_released()
    {
        Assert.Null(await _agent.Reconciler.ClaimAsync(Example.Key));
        Assert.Null(await _agent.Reconciler.ReleaseAsync(Example.Key));
    }

    private async Task ClaimAsync()
    {
        await _agent.RunAsync(Manual);
        await _agent.Reconciler.ClaimAsync(Example.Key);
    }
}
