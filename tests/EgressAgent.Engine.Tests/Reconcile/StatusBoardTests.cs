using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Reconcile;

public sealed class StatusBoardTests
{
    private static readonly RegisteredRouter Router = Example.Registered(Example.Router());
    private static readonly PlanProblem Missing = new(PlanReasons.MasterMissing, "no ens3");

    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch);
    private readonly StatusBoard _board;
    private readonly List<RouterTransition> _changes = [];

    public StatusBoardTests()
    {
        _board = new StatusBoard(_time);
        _board.Changed += _changes.Add;
    }

    [Fact]
    public void Conditions_are_always_the_three_in_their_order()
    {
        _board.Report(Router, StatusFacts.Waiting(Missing));

        Assert.Equal(Enum.GetValues<ConditionType>(), Status.Conditions.Select(condition => condition.Type));
    }

    [Fact]
    public void Waiting_router_is_pending_and_says_for_what()
    {
        _board.Report(Router, StatusFacts.Waiting(Missing));

        Assert.Equal(RouterState.Pending, Status.State);
        Assert.Equal(("False", "MasterMissing"), Of(ConditionType.Available));
        Assert.Equal(("True", "Waiting"), Of(ConditionType.Progressing));
        Assert.Equal(("False", "AsSpecified"), Of(ConditionType.Degraded));
        Assert.Equal("no ens3", Status.Summary);
    }

    [Fact]
    public void Failed_router_is_failed_unless_it_still_runs()
    {
        _board.Report(Router, StatusFacts.Failed(StatusReasons.KernelRefused, "EBUSY", isInForce: false));
        Assert.Equal(RouterState.Failed, Status.State);
        Assert.Equal(("False", "KernelRefused"), Of(ConditionType.Available));

        _board.Report(Router, StatusFacts.Failed(StatusReasons.KernelRefused, "EBUSY", isInForce: true));
        Assert.Equal(RouterState.Degraded, Status.State);
        Assert.Equal(("Unknown", "KernelRefused"), Of(ConditionType.Available));
    }

    [Fact]
    public void Time_of_a_condition_moves_with_its_status_alone()
    {
        _board.Report(Router, StatusFacts.Waiting(Missing));
        _time.Advance(TimeSpan.FromMinutes(1));
        _board.Report(Router, StatusFacts.Failed(StatusReasons.KernelRefused, "EBUSY", isInForce: false));

        Assert.Equal(DateTimeOffset.UnixEpoch, Status.Condition(ConditionType.Available).LastTransition);
        Assert.Equal(DateTimeOffset.UnixEpoch, Status.Condition(ConditionType.Progressing).LastTransition);
        Assert.Equal(DateTimeOffset.UnixEpoch.AddMinutes(1), Status.Condition(ConditionType.Degraded).LastTransition);
    }

    [Fact]
    public void Same_facts_again_are_no_change()
    {
        _board.Report(Router, StatusFacts.Waiting(Missing));
        _time.Advance(TimeSpan.FromMinutes(1));
        _board.Report(Router, StatusFacts.Waiting(Missing));

        Assert.Single(_changes);
    }

    [Fact]
    public void Router_in_force_whose_file_is_in_error_is_degraded_and_names_the_fault()
    {
        DesiredRouter desired = RouterPlanner.Plan(
            Example.Key, Router.Wanted!.Spec, Router.Allocation!, Example.Node().ObserveNode(), Model.Configuration.AgentConfiguration.Default).Desired!;

        _board.Report(Router with { Faults = Example.Faults }, StatusFacts.InForce(desired, []));

        Assert.Equal(RouterState.Degraded, Status.State);
        Assert.Equal(("True", "InForce"), Of(ConditionType.Available));
        Assert.Equal(("True", "InvalidSpec"), Of(ConditionType.Degraded));
        Assert.Contains("web.yaml:9:3", Status.Summary);
    }

    [Fact]
    public void Removed_router_is_forgotten_once()
    {
        _board.Report(Router, StatusFacts.Waiting(Missing));

        _board.Removing(Example.Key);
        Assert.Equal(RouterState.Removing, Status.State);
        _board.Forget(Example.Key);
        _board.Forget(Example.Key);

        Assert.Single(_changes, change => change.After is null);
        Assert.Empty(_board.All);
    }

    [Fact]
    public void Trouble_begins_once_and_is_over_once()
    {
        _board.Report(Router, StatusFacts.Waiting(Missing));
        _board.Report(Router, StatusFacts.Waiting(Missing));
        _board.Report(Router, StatusFacts.Failed(StatusReasons.KernelRefused, "EBUSY", isInForce: false));

        Assert.Equal(["no ens3", "EBUSY"], _changes.SelectMany(change => change.Begun).Select(trouble => trouble.Message));
        Assert.Equal(["no ens3"], _changes.SelectMany(change => change.Over).Select(trouble => trouble.Message));
    }

    [Fact]
    public void Trouble_of_a_router_in_force_stands_while_it_is_configured_anew()
    {
        DesiredRouter desired = RouterPlanner.Plan(
            Example.Key, Router.Wanted!.Spec, Router.Allocation!, Example.Node().ObserveNode(), Model.Configuration.AgentConfiguration.Default).Desired!;
        ValueList<Trouble> silent = [StatusFacts.Shortcoming(new PlanProblem(PlanReasons.MasterDown, "no carrier"))];
        _board.Report(Router, StatusFacts.InForce(desired, silent));
        _board.Report(Router, StatusFacts.Configuring(desired));
        _board.Report(Router, StatusFacts.Failed(StatusReasons.KernelRefused, "EBUSY", isInForce: true));
        _board.Report(Router, StatusFacts.InForce(desired, silent));
        Assert.Equal(["EBUSY"], _changes.SelectMany(change => change.Over).Select(trouble => trouble.Message));

        _board.Report(Router, StatusFacts.InForce(desired, []));

        Assert.Equal(["EBUSY", "no carrier"], _changes.SelectMany(change => change.Over).Select(trouble => trouble.Message));
    }

    [Fact]
    public void Removal_is_not_the_end_of_a_trouble()
    {
        _board.Report(Router, StatusFacts.Waiting(Missing));

        _board.Forget(Example.Key);

        Assert.Empty(_changes.SelectMany(change => change.Over));
    }

    [Fact]
    public void All_are_sorted_by_key()
    {
        foreach (string name in (string[])["b", "a", "c"])
        {
            _board.Report(Example.Registered(Example.Router(name)), StatusFacts.Waiting(Missing));
        }

        Assert.Equal(["a", "b", "c"], _board.All.Select(status => status.Key.Name));
    }

    private RouterStatus Status => _board.Find(Example.Key)!;

    private (string Status, string Reason) Of(ConditionType type) => (Status.Condition(type).StatusText, Status.Condition(type).Reason);
}
