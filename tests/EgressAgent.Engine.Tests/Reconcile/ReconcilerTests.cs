using System.Net;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Reconcile;

// One router's life under a running agent.
public sealed class ReconcilerTests : IDisposable
{
    private readonly FakeKernel _kernel = Example.Node();
    private readonly MemoryStore _store = new();
    private readonly Agent _agent;

    public ReconcilerTests() => _agent = new Agent(_kernel, _store);

    public void Dispose() => _agent.Dispose();

    [Fact]
    public async Task New_router_is_built_and_active()
    {
        await _agent.RunAsync(Example.Router());

        RouterStatus status = _agent.StatusOf(Example.Key);
        Assert.Equal((RouterState.Active, 1L), (status.State, status.Generation));
        Assert.True(_agent.Condition(ConditionType.Available).Status);
        Assert.False(_agent.Condition(ConditionType.Degraded).Status);
        Assert.Equal([Example.Key], _kernel.ListRouters());
        await _agent.SavedAsync();
        Assert.Equal(Example.Router(), Assert.Single(_store.Routers).LastGood);
    }

    [Fact]
    public async Task Edited_rule_changes_the_redirect_and_nothing_else()
    {
        await _agent.RunAsync(Example.Router());
        _kernel.ForgetSteps();

        await _agent.RunAsync(Example.Router(rules: Example.Rule(8080, "203.0.113.27", 80)));

        Assert.IsType<ApplyRedirect>(Assert.Single(_kernel.Steps).Step);
        Assert.Equal(2, _agent.StatusOf(Example.Key).Generation);
    }

    [Fact]
    public async Task Rule_that_the_datapath_cannot_serve_degrades_the_router_until_it_goes()
    {
        EgressRouterResource router = Example.Router(rules: [Example.Rule(8080, "203.0.113.26", 80), Example.Rule(9000, "203.0.113.26", 9000, TransportProtocol.SCTP)]);

        await _agent.RunAsync(router with { Spec = router.Spec with { Datapath = DatapathKind.Relay } });

        Assert.Equal(RouterState.Degraded, _agent.StatusOf(Example.Key).State);
        Assert.True(_agent.Condition(ConditionType.Available).Status);
        Assert.Equal(
            (PlanReasons.NotSupportedByDatapath, "9000/SCTP is not served"),
            (_agent.Condition(ConditionType.Degraded).Reason, _agent.Condition(ConditionType.Degraded).Message));

        await _agent.RunAsync(router);

        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
        Assert.Equal(
            [
                "default/web: in force, but 9000/SCTP is not served (NotSupportedByDatapath)",
                "default/web: over: 9000/SCTP is not served (NotSupportedByDatapath)",
            ],
            _agent.Log.Of(EventIds.Shortcoming));
    }

    [Fact]
    public async Task Same_file_again_changes_nothing()
    {
        await _agent.RunAsync(Example.Router());
        _kernel.ForgetSteps();

        await _agent.RunAsync(Example.Router());

        Assert.Empty(_kernel.Steps);
        Assert.Equal(1, _agent.StatusOf(Example.Key).Generation);
    }

    [Fact]
    public async Task Removed_router_leaves_nothing()
    {
        await _agent.RunAsync(Example.Router());

        await _agent.RemoveAsync(Example.Router());

        Assert.Empty(_kernel.ListRouters());
        Assert.Equal(["lo", "ens3"], _kernel.ReadNode(node => node.Links.Select(link => link.Name).ToArray()));
        Assert.Empty(_agent.Status.All);
        await _agent.SavedAsync();
        Assert.Empty(_store.Records);
    }

    [Fact]
    public async Task Router_that_comes_back_after_its_removal_is_new()
    {
        await _agent.RunAsync(Example.Router());
        await _agent.RemoveAsync(Example.Router());

        await _agent.RunAsync(Example.Router());

        Assert.Equal((RouterState.Active, 1L), (_agent.StatusOf(Example.Key).State, _agent.StatusOf(Example.Key).Generation));
    }

    [Fact]
    public async Task Router_that_comes_back_during_its_removal_is_there_in_the_end()
    {
        await _agent.RunAsync(Example.Router());
        using var removing = new ManualResetEventSlim();
        using var resume = new ManualResetEventSlim();
        _kernel.BeforeStep = (_, step) =>
        {
            if (step is DeleteNetns)
            {
                removing.Set();
                resume.Wait(TestContext.Current.CancellationToken);
            }
        };
        _agent.Apply([], "web.yaml");
        removing.Wait(TestContext.Current.CancellationToken);

        _agent.Apply([Example.File(Example.Router())]);
        resume.Set();
        await _agent.IdleAsync();

        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
        Assert.Equal([Example.Key], _kernel.ListRouters());
        await _agent.SavedAsync();
        Assert.Single(_store.Records);
    }

    [Fact]
    public async Task Address_under_another_name_in_one_edit_goes_from_one_router_to_the_other_without_a_conflict()
    {
        EgressRouterResource pinned = Example.Router();
        pinned = pinned with { Spec = pinned.Spec with { PinnedInsideAddresses = [IPAddress.Parse("198.18.0.9")] } };
        await _agent.RunAsync(pinned);
        EgressRouterResource renamed = pinned with { Key = new RouterKey("default", "renamed") };

        await _agent.RunAsync(renamed);

        Assert.Equal([renamed.Key], _kernel.ListRouters());
        Assert.Equal(RouterState.Active, _agent.StatusOf(renamed.Key).State);
        Assert.Equal([Example.Cidr("198.18.0.9/16")], _agent.Allocation(renamed.Key).InsideAddresses);
        Assert.Null(_agent.Status.Find(Example.Key));
        Assert.Empty(_agent.Log.Of(EventIds.Failed));
        Assert.Empty(_agent.Log.Of(EventIds.Waiting));
        Assert.Empty(_agent.Log.Of(EventIds.Shortcoming));
    }

    [Fact]
    public async Task Missing_master_is_waited_for_and_the_router_starts_when_it_appears()
    {
        _kernel.EditNode(node => node.RemoveLink("ens3"));
        await _agent.RunAsync(Example.Router());
        Assert.Equal((RouterState.Pending, PlanReasons.MasterMissing), (_agent.StatusOf(Example.Key).State, _agent.Condition(ConditionType.Available).Reason));
        Assert.Empty(_kernel.Steps);

        _kernel.EditNode(node => Example.AddInterface(node));
        await _agent.IdleAsync();

        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Waiting_is_logged_once_and_its_end_too()
    {
        _kernel.EditNode(node => node.RemoveLink("ens3"));
        await _agent.RunAsync(Example.Router());

        await _agent.AdvanceAsync(TimeSpan.FromMinutes(5));

        Assert.Single(_agent.Log.Of(EventIds.Waiting));

        _kernel.EditNode(node => Example.AddInterface(node));
        await _agent.IdleAsync();

        Assert.StartsWith("default/web: over: no interface of the node", _agent.Log.Of(EventIds.Waiting).Skip(1).Single());
    }

    [Fact]
    public async Task Master_that_goes_takes_the_router_along_and_brings_it_back()
    {
        await _agent.RunAsync(Example.Router());

        _kernel.EditNode(node => node.RemoveLink("ens3"));
        await _agent.IdleAsync();
        Assert.Equal(RouterState.Pending, _agent.StatusOf(Example.Key).State);

        _kernel.EditNode(node => Example.AddInterface(node));
        await _agent.IdleAsync();
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
        Assert.True(_kernel.ReadRouter(Example.Key, netns => netns.HasAddress(Example.Cidr("192.168.12.99/24").Address)));
    }

    [Fact]
    public async Task Address_that_another_host_holds_is_not_taken_and_its_MAC_is_named()
    {
        var address = Example.Cidr("192.168.12.99/24").Address;
        _kernel.OtherHosts[address] = System.Net.NetworkInformation.PhysicalAddress.Parse("52-54-00-AA-BB-CC");

        await _agent.RunAsync(Example.Router());

        Assert.Equal(RouterState.Degraded, _agent.StatusOf(Example.Key).State);
        Assert.Equal(StatusReasons.AddressConflict, _agent.Condition(ConditionType.Degraded).Reason);
        Assert.Contains("52:54:00:aa:bb:cc", _agent.Condition(ConditionType.Degraded).Message);
        Assert.False(_kernel.ReadRouter(Example.Key, netns => netns.HasAddress(address)));

        _kernel.OtherHosts.Remove(address);
        await _agent.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task IPv6_address_that_another_host_holds_is_a_conflict_too()
    {
        var address = Example.Cidr("2001:db8:12::99/64").Address;
        _kernel.OtherHosts[address] = System.Net.NetworkInformation.PhysicalAddress.Parse("52-54-00-AA-BB-CC");

        await _agent.RunAsync(Example.Router(address: "2001:db8:12::99/64", rules: Example.Rule(80, "2001:db8:ff::1", 80)));

        Assert.Equal(StatusReasons.AddressConflict, _agent.Condition(ConditionType.Degraded).Reason);
        Assert.Contains("2001:db8:12::99 is in use by another host (52:54:00:aa:bb:cc)", _agent.Condition(ConditionType.Degraded).Message);
        Assert.False(_kernel.ReadRouter(Example.Key, netns => netns.HasAddress(address)));
    }

    [Fact]
    public async Task Conflict_is_told_through_all_retries_until_the_holder_goes()
    {
        var address = Example.Cidr("2001:db8:12::99/64").Address;
        _kernel.OtherHosts[address] = System.Net.NetworkInformation.PhysicalAddress.Parse("52-54-00-AA-BB-CC");
        await _agent.RunAsync(Example.Router(address: "2001:db8:12::99/64", rules: Example.Rule(80, "2001:db8:ff::1", 80)));
        DateTimeOffset since = _agent.Condition(ConditionType.Degraded).LastTransition;
        _kernel.ForgetSteps();

        await _agent.AdvanceAsync(TimeSpan.FromMinutes(5));

        Assert.Equal((true, since), (_agent.Condition(ConditionType.Degraded).Status, _agent.Condition(ConditionType.Degraded).LastTransition));
        Assert.Empty(_kernel.Steps);
        _kernel.OtherHosts.Remove(address);
        await _agent.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Address_that_another_host_begins_to_use_is_kept_and_the_other_is_named_once()
    {
        var address = Example.Cidr("192.168.12.99/24").Address;
        await _agent.RunAsync(Example.Router());
        _kernel.ForgetSteps();

        _kernel.OtherHosts[address] = System.Net.NetworkInformation.PhysicalAddress.Parse("52-54-00-AA-BB-CC");
        _agent.Reconciler.Reapply(Example.Key);
        await _agent.IdleAsync();
        await _agent.AdvanceAsync(TimeSpan.FromSeconds(30));

        Assert.Equal((RouterState.Degraded, StatusReasons.AddressConflict), (_agent.StatusOf(Example.Key).State, _agent.Condition(ConditionType.Degraded).Reason));
        Assert.Contains("52:54:00:aa:bb:cc", _agent.Condition(ConditionType.Degraded).Message);
        Assert.True(_agent.Condition(ConditionType.Available).Status);
        Assert.Equal([new Announce(address)], _kernel.Steps.Select(step => step.Step));
        Assert.Single(_agent.Log.Of(EventIds.Contested));
        Assert.Empty(_agent.Log.Of(EventIds.Drift));

        _kernel.OtherHosts.Remove(address);
        await _agent.AdvanceAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
        Assert.Equal("default/web: no other host uses 192.168.12.99 any more (AddressConflict)", _agent.Log.Of(EventIds.Contested).Skip(1).Single());
    }

    public static TheoryData<string> Drifts => [.. DriftActions.Keys];

    private static readonly Dictionary<string, Action<FakeKernel>> DriftActions = new()
    {
        ["netns deleted"] = kernel => kernel.DeleteNetns(Example.Key),
        ["macvlan deleted"] = kernel => kernel.EditRouter(Example.Key, netns => netns.RemoveLink("net1")),
        ["macvlan down"] = kernel => kernel.EditRouter(Example.Key, netns => netns.SetUp("net1", up: false)),
        ["veth deleted inside"] = kernel => kernel.EditRouter(Example.Key, netns => netns.RemoveLink("eth0")),
        ["veth deleted on the node"] = kernel => kernel.EditNode(node => node.RemoveLink(RouterNames.NodeLink(Example.Key))),
        ["veth down"] = kernel => kernel.EditRouter(Example.Key, netns => netns.SetUp("eth0", up: false)),
        ["reserved address removed"] = kernel => kernel.EditRouter(Example.Key, netns => netns.RemoveAddress("net1", Example.Cidr("192.168.12.99/24"))),
        ["rule removed"] = kernel => kernel.EditRouter(Example.Key, netns => netns.Rules.RemoveAll(rule => rule.Priority == 100)),
        ["rules flushed"] = kernel => kernel.EditRouter(Example.Key, netns => netns.Rules.Clear()),
        ["table changed"] = kernel => kernel.EditRouter(Example.Key, netns => netns.TouchRedirect()),
        ["forwarding off"] = kernel => kernel.EditRouter(Example.Key, netns => netns.SetSysctl("net/ipv4/ip_forward", "0")),
        ["MTU of the master changed"] = kernel => kernel.EditNode(node => node.SetMtu("ens3", 1400)),
    };

    [Theory]
    [MemberData(nameof(Drifts))]
    public async Task Drift_is_repaired_as_soon_as_it_is_told(string drift)
    {
        await _agent.RunAsync(Example.Router());

        DriftActions[drift](_kernel);
        await _agent.IdleAsync();

        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
        using IKernelRouter router = _kernel.Open(Example.Key);
        Assert.DoesNotContain(
            RouterDiff.Build(_agent.StatusOf(Example.Key).Desired!, router.Observe(), PriorHolderCheck.Skip), step => step is not (ApplyRedirect or HearOthers or Announce or AskGateways));
        Assert.Equal(_agent.StatusOf(Example.Key).Desired!.Redirect, _kernel.ReadRouter(Example.Key, netns => netns.Redirect));
    }

    [Fact]
    public async Task Drift_is_logged_as_somebody_elses_doing()
    {
        await _agent.RunAsync(Example.Router());
        Assert.Empty(_agent.Log.Of(EventIds.Drift));

        DriftActions["rule removed"](_kernel);
        await _agent.IdleAsync();

        string[] told = [.. _agent.Log.Of(EventIds.Drift)];
        Assert.Contains("add rule 100", told[0]);
        Assert.Equal(["default/web: repaired"], told[1..]);
    }

    [Fact]
    public async Task Repair_that_somebody_keeps_undoing_is_made_less_and_less_often_and_said_once()
    {
        await _agent.RunAsync(Example.Router());
        bool isFighting = true;
        List<double> repairs = [];
        DateTimeOffset start = _agent.Time.GetUtcNow();
        for (int i = 0; i < 20 * 40; i++)
        {
            if (isFighting && _kernel.ReadRouter(Example.Key, netns => netns.Rules.Any(rule => rule.Priority == 100)))
            {
                repairs.Add((_agent.Time.GetUtcNow() - start).TotalSeconds);
                _kernel.EditRouter(Example.Key, netns => netns.Rules.RemoveAll(rule => rule.Priority == 100));
                await _agent.IdleAsync();
            }

            await _agent.AdvanceAsync(TimeSpan.FromMilliseconds(50));
        }

        double[] pauses = [.. repairs.Zip(repairs.Skip(1), (earlier, later) => later - earlier)];
        Assert.InRange(repairs.Count, 8, 14);
        Assert.True(pauses[^1] > 4 * pauses[^4], string.Join(", ", pauses));
        Assert.Contains("add rule 100", Assert.Single(_agent.Log.Of(EventIds.Fight)));
        Assert.Equal(
            (RouterState.Degraded, StatusReasons.RepairsUndone),
            (_agent.StatusOf(Example.Key).State, _agent.Condition(ConditionType.Degraded).Reason));

        isFighting = false;
        await _agent.AdvanceAsync(TimeSpan.FromMinutes(1));
        for (int i = 0; i < 120 && _agent.Log.Of(EventIds.Fight).Count() == 1; i++)
        {
            await _agent.AdvanceAsync(TimeSpan.FromSeconds(1));
        }

        Assert.Equal("default/web: nobody undoes what the agent repairs any more: rule 100 of IPv4 (RepairsUndone)", _agent.Log.Of(EventIds.Fight).Skip(1).Single());
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
        Assert.True(_kernel.ReadRouter(Example.Key, netns => netns.Rules.Any(rule => rule.Priority == 100)));
    }

    [Fact]
    public async Task State_that_cannot_be_saved_is_told_until_it_is_saved_and_the_router_runs()
    {
        _store.IsFull = true;
        await _agent.RunAsync(Example.Router());

        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
        await Agent.UntilAsync(() => _agent.Registry.Faults.Count > 0);
        Assert.Equal(
            "state.db: No space left on device; the routers run, and what changed, and what is counted, is lost with a restart of the node; it is tried again",
            _agent.Registry.Faults[0].ToString());

        _store.IsFull = false;
        await _agent.AdvanceAsync(TimeSpan.FromSeconds(1));
        await _agent.SavedAsync();
        Assert.Empty(_agent.Registry.Faults);
        Assert.Equal(2, _agent.Log.Of(EventIds.StateNotSaved).Count());
    }

    [Fact]
    public async Task Inside_address_that_only_the_state_can_tell_again_is_not_used_unsaved()
    {
        var network = IPNetwork.Parse("198.18.0.0/29");
        using var agent = new Agent(_kernel, _store, AgentConfiguration.Default with { InsideNetworks = [network] });
        EgressRouterResource other = Example.Collision(network, Example.Router());
        await agent.RunAsync(other);
        await agent.SavedAsync();
        _store.IsFull = true;

        await agent.RunAsync(Example.Router());

        Assert.Equal((RouterState.Failed, StatusReasons.StateNotSaved), (agent.StatusOf(Example.Key).State, agent.Condition(ConditionType.Degraded).Reason));
        Assert.Equal([other.Key], _kernel.ListRouters());

        _store.IsFull = false;
        await agent.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(RouterState.Active, agent.StatusOf(Example.Key).State);
        Assert.Contains(_store.Routers, record => record.Key == Example.Key && record.Allocation == agent.Allocation(Example.Key));
    }

    [Fact]
    public async Task Router_whose_file_breaks_keeps_running_on_its_last_good_spec()
    {
        await _agent.RunAsync(Example.Router());
        _kernel.ForgetSteps();

        await _agent.ApplyAsync([Example.FaultyFile(Example.Router())]);

        Assert.Equal((RouterState.Degraded, StatusReasons.InvalidSpec), (_agent.StatusOf(Example.Key).State, _agent.Condition(ConditionType.Degraded).Reason));
        Assert.True(_agent.Condition(ConditionType.Available).Status);
        Assert.Empty(_kernel.Steps);

        await _agent.RunAsync(Example.Router());
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Router_whose_first_file_is_broken_is_failed_and_not_built()
    {
        await _agent.ApplyAsync([Example.FaultyFile(Example.Router())]);

        Assert.Equal((RouterState.Failed, StatusReasons.InvalidSpec), (_agent.StatusOf(Example.Key).State, _agent.Condition(ConditionType.Available).Reason));
        Assert.Empty(_kernel.ListRouters());
    }

    [Fact]
    public async Task Refusal_names_what_was_refused_once_and_when_it_is_over()
    {
        _kernel.BeforeStep = (_, step) => Refuse(step is CreateMacvlan);

        await _agent.RunAsync(Example.Router());

        Assert.Equal((RouterState.Failed, StatusReasons.KernelRefused), (_agent.StatusOf(Example.Key).State, _agent.Condition(ConditionType.Degraded).Reason));
        Assert.Contains("EBUSY", _agent.Condition(ConditionType.Degraded).Message);

        await _agent.AdvanceAsync(TimeSpan.FromMinutes(5));
        Assert.Single(_agent.Log.Of(EventIds.Failed));
        _kernel.BeforeStep = null;
        await _agent.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Matches("over: .*EBUSY", _agent.Log.Of(EventIds.Failed).Skip(1).Single());
    }

    [Fact]
    public async Task Repair_that_the_kernel_refuses_delays_no_other_and_is_tried_again_at_a_pace_of_its_own()
    {
        await _agent.RunAsync(Example.Router());
        int attempts = 0;
        _kernel.BeforeStep = (_, step) =>
        {
            if (step is AddRule { Entry.Priority: 100 })
            {
                attempts++;
                Refuse(true);
            }
        };
        _kernel.EditRouter(Example.Key, netns => netns.Rules.RemoveAll(rule => rule.Priority == 100));
        await _agent.AdvanceAsync(TimeSpan.FromMinutes(5));
        Assert.Equal((RouterState.Degraded, StatusReasons.KernelRefused), (_agent.StatusOf(Example.Key).State, _agent.Condition(ConditionType.Degraded).Reason));
        int before = attempts;

        for (int i = 0; i < 5; i++)
        {
            DriftActions["macvlan deleted"](_kernel);
            await _agent.IdleAsync();

            Assert.NotNull(_kernel.ReadRouter(Example.Key, netns => netns.Find(RouterNames.OutsideLink)));
        }

        Assert.Equal(before, attempts);
        Assert.Contains("EBUSY", Assert.Single(_agent.Log.Of(EventIds.Failed)));
        Assert.Empty(_agent.Log.Of(EventIds.Fight));

        _kernel.BeforeStep = null;
        await _agent.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Matches("over: .*EBUSY", _agent.Log.Of(EventIds.Failed).Skip(1).Single());
        Assert.True(_kernel.ReadRouter(Example.Key, netns => netns.Rules.Any(rule => rule.Priority == 100)));
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Refused_repair_hides_and_ends_no_other_trouble()
    {
        IPAddress further = IPAddress.Parse("192.168.12.97");
        _kernel.OtherHosts[further] = System.Net.NetworkInformation.PhysicalAddress.Parse("52-54-00-AA-BB-CC");
        EgressRouterResource router = Example.Router();
        await _agent.RunAsync(router with { Spec = router.Spec with { Addresses = [.. router.Spec.Addresses, new AddressSpec(Example.Cidr($"{further}/24"), null)] } });
        Assert.Single(_agent.Log.Of(EventIds.Failed));

        _kernel.BeforeStep = (_, step) => Refuse(step is AddRule { Entry.Priority: 100 });
        _kernel.EditRouter(Example.Key, netns => netns.Rules.RemoveAll(rule => rule.Priority == 100));
        await _agent.IdleAsync();
        _kernel.OtherHosts[IPAddress.Parse("192.168.12.99")] = System.Net.NetworkInformation.PhysicalAddress.Parse("52-54-00-AA-BB-DD");
        _agent.Reconciler.Reapply(Example.Key);
        await _agent.IdleAsync();
        _kernel.TellGateways(Example.Key, new ObservedGateway(IPAddress.Parse("192.168.12.1"), IsReachable: true));

        RouterStatus status = _agent.StatusOf(Example.Key);
        Assert.Equal(
            [(TroubleKind.Failed, "rule 100 of IPv4"), (TroubleKind.Held, $"{further}"), (TroubleKind.Contested, "192.168.12.99")],
            status.Troubles.Select(trouble => (trouble.Kind, trouble.Subject)).OrderBy(trouble => trouble.Kind));
        Assert.True(status.IsInForce);
        Assert.True(_agent.Condition(ConditionType.GatewayReachable).Status);
        Assert.DoesNotContain(_agent.Log.Of(EventIds.Failed), line => line.Contains("over", StringComparison.Ordinal));
        Assert.Single(_agent.Log.Of(EventIds.Contested));
    }

    [Fact]
    public async Task Repair_counts_when_something_was_put_back()
    {
        await _agent.RunAsync(Example.Router());
        _kernel.BeforeStep = (_, step) => Refuse(step is AddRule { Entry.Priority: 100 });
        _kernel.EditRouter(Example.Key, netns => netns.Rules.RemoveAll(rule => rule.Priority == 100));
        await _agent.AdvanceAsync(TimeSpan.FromMinutes(5));
        Assert.Equal(0, _agent.Reconciler.CountRepairs(Example.Key));

        _kernel.BeforeStep = null;
        await _agent.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(1, _agent.Reconciler.CountRepairs(Example.Key));
    }

    [Fact]
    public async Task Refusal_of_an_edit_leaves_a_router_that_runs_degraded()
    {
        await _agent.RunAsync(Example.Router());
        _kernel.BeforeStep = (_, step) => Refuse(step is ApplyRedirect);

        await _agent.RunAsync(Example.Router(rules: Example.Rule(8080, "203.0.113.27", 80)));

        Assert.Equal(RouterState.Degraded, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Somebody_who_undoes_every_change_is_answered_after_pauses_and_not_at_once()
    {
        bool isUndoing = true;
        _kernel.AfterStep = (_, _) =>
        {
            if (isUndoing && _kernel.ListRouters().Count > 0)
            {
                _kernel.ReadRouter(Example.Key, netns => netns.SetSysctl("net/ipv4/ip_forward", "0"));
            }
        };
        await _agent.RunAsync(Example.Router());

        Assert.Single(_agent.Log.Of(EventIds.Failed));
        Assert.Equal(RouterState.Failed, _agent.StatusOf(Example.Key).State);
        Assert.Contains("ip_forward", _agent.Condition(ConditionType.Degraded).Message);

        isUndoing = false;
        await _agent.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Reapply_looks_at_the_router_again()
    {
        Assert.False(_agent.Reconciler.Reapply(Example.Key));
        await _agent.RunAsync(Example.Router());

        Assert.True(_agent.Reconciler.Reapply(Example.Key));
        await _agent.IdleAsync();
    }

    private static void Refuse(bool condition)
    {
        if (condition)
        {
            throw new LinuxException("change", "something", Errno.EBUSY);
        }
    }
}
