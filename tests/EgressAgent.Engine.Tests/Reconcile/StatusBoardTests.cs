using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Reconcile;

public sealed class StatusBoardTests
{
    private static readonly RegisteredRouter Router = Example.Registered(Example.Router());
    private static readonly RegisteredRouter DualStack = Router with
    {
        Wanted = Router.Wanted! with { Spec = Router.Wanted.Spec with { Addresses = [.. Router.Wanted.Spec.Addresses, new AddressSpec(Example.Cidr("2001:db8:12::99/64"), null)] } },
        Allocation = Router.Allocation! with { InsideAddresses = [Example.Cidr("198.18.0.2/16"), Example.Cidr("fd96:e9e5:a::2/112")] },
    };

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
    public void Conditions_are_always_all_in_their_order()
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
            Example.Key, Router.Wanted!.Spec, Router.Allocation!, Example.Node().ObserveNode(), AgentConfiguration.Default).Desired!;

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
        DesiredRouter desired = Plan(Router);
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
    public void Gateway_that_is_silent_is_told_where_that_of_the_other_family_is_the_node()
    {
        DesiredRouter desired = Plan(DualStack);
        IPAddress[] gateways = [.. desired.Gateways];
        Trouble node = StatusFacts.Shortcoming(new PlanProblem(PlanReasons.GatewayIsTheNode, "the node itself") { Subject = gateways[0].ToString() });
        _board.Report(DualStack, StatusFacts.InForce(desired, [node]));

        _board.ReportGateways(Example.Key, [.. gateways.Select(gateway => new ObservedGateway(gateway, IsReachable: false))]);

        Assert.Equal([node.Subject, gateways[1].ToString()], Status.Troubles.Select(trouble => trouble.Subject));
        Assert.Equal(("False", "GatewayIsTheNode"), Of(ConditionType.GatewayReachable));
    }

    [Fact]
    public void Family_that_does_not_work_is_not_said_to_leave_when_the_gateway_of_the_other_is_silent()
    {
        DesiredRouter desired = Plan(DualStack);
        Trouble without = StatusFacts.Shortcoming(new PlanProblem(StatusReasons.AddressConflict, "another host has 2001:db8:12::99"));
        _board.Report(DualStack, StatusFacts.InForce(desired, [without], new HashSet<AddressFamily> { AddressFamily.InterNetworkV6 }));

        _board.ReportGateways(Example.Key, [.. desired.Gateways.Select(gateway => new ObservedGateway(gateway, IsReachable: false))]);

        Assert.Equal("198.18.0.2 leaves as 192.168.12.99 through ens3", Status.Condition(ConditionType.Available).Message);
        Assert.Equal((RouterState.Degraded, StatusReasons.AddressConflict), (Status.State, Status.Condition(ConditionType.Degraded).Reason));
        Assert.Contains("gateway 192.168.12.1 does not answer ARP", Status.Condition(ConditionType.Degraded).Message);
    }

    [Fact]
    public void Obstacle_of_expected_clients_is_a_trouble_until_it_is_gone()
    {
        ClientObstacle off = new(PlanReasons.ForwardingOff, "all", "the node does not forward", "sysctl -w it=1", IsExpected: true);
        Assert.Equal(("Unknown", StatusReasons.NotInForce), Of(ConditionType.ClientsReachable, StatusFacts.Waiting(Missing)));
        Assert.Equal(("Unknown", StatusReasons.WaysAsked), Of(ConditionType.ClientsReachable, StatusFacts.InForce(Plan(Router), [])));

        _board.ReportObstacles(Example.Key, [off with { IsExpected = false }]);
        Assert.Equal(("True", StatusReasons.NodeAlone), Of(ConditionType.ClientsReachable));
        Assert.Equal(
            "the node itself reaches the router, and no other clients are named; but the node does not forward: sysctl -w it=1",
            Status.Condition(ConditionType.ClientsReachable).Message);
        Assert.Equal(RouterState.Active, Status.State);
        Assert.DoesNotContain(_changes.SelectMany(change => change.Begun), trouble => trouble.Kind == TroubleKind.Shortcoming);

        _board.ReportObstacles(Example.Key, [off, off with { Reason = PlanReasons.RoutedElsewhere, Problem = "elsewhere" }]);
        Assert.Equal(("False", PlanReasons.ForwardingOff), Of(ConditionType.ClientsReachable));
        Assert.Equal("the node does not forward: sysctl -w it=1; elsewhere: sysctl -w it=1", Status.Condition(ConditionType.ClientsReachable).Message);
        Assert.Equal(RouterState.Degraded, Status.State);

        _board.ReportObstacles(Example.Key, []);
        Assert.Equal(("True", StatusReasons.WaysClear), Of(ConditionType.ClientsReachable));
        Assert.Equal(RouterState.Active, Status.State);
        Assert.Equal(
            ["over: the node does not forward", "over: elsewhere"], _changes.SelectMany(change => change.Over).Select(trouble => trouble.End).OfType<string>());
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

    private static DesiredRouter Plan(RegisteredRouter router) => RouterPlanner.Plan(
        Example.Key, router.Wanted!.Spec, router.Allocation!, Example.Node().ObserveNode(), AgentConfiguration.Default).Desired!;

    private RouterStatus Status => _board.Find(Example.Key)!;

    private (string Status, string Reason) Of(ConditionType type, StatusFacts facts)
    {
        _board.Report(Router, facts);
        return Of(type);
    }

    private (string Status, string Reason) Of(ConditionType type) => (Status.Condition(type).StatusText, Status.Condition(type).Reason);
}
