using System.Net.NetworkInformation;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using ServiceStatus = EgressAgent.Daemon.Hosting.ServiceStatus;

namespace EgressAgent.Daemon.Tests.Hosting;

public sealed class ServiceStatusTests
{
    [Fact]
    public void Describe_noRouters_saysWhatToDo() =>
        Assert.Equal("no routers; put an EgressRouter file into /etc/egress-router", ServiceStatus.Describe([], []));

    [Fact]
    public void Describe_oneActive_countsIt() => Assert.Equal("1 router active", ServiceStatus.Describe([Status("a", RouterState.Active)], []));

    [Theory]
    [InlineData(1, "1 router active at 198.18.0.2")]
    [InlineData(2, "2 routers active at 198.18.0.2, 198.18.0.3")]
    [InlineData(4, "4 routers active at 198.18.0.2, 198.18.0.3, 198.18.0.4, 198.18.0.5")]
    [InlineData(5, "5 routers active")]
    public void Describe_allActive_saysWhereClientsReachThem(int count, string expected) => Assert.Equal(
        expected, ServiceStatus.Describe([.. Enumerable.Range(2, count).Select(number => InForce($"198.18.0.{number}"))], []));

    [Fact]
    public void Describe_severalStates_countsThemActiveFirstAndNamesTheTrouble() => Assert.Equal(
        "2 routers active, 1 configuring, 1 degraded: default/b: gateway unreachable",
        ServiceStatus.Describe(
        [
            Status("a", RouterState.Configuring),
            Status("b", RouterState.Degraded, "gateway unreachable"),
            Status("c", RouterState.Active),
            Status("d", RouterState.Active),
        ],
        []));

    [Fact]
    public void Describe_severalInTrouble_namesTheWorst() => Assert.Equal(
        "1 router pending, 1 degraded, 1 failed: default/c: refused",
        ServiceStatus.Describe(
        [
            Status("a", RouterState.Pending, "no master"),
            Status("b", RouterState.Degraded, "old spec"),
            Status("c", RouterState.Failed, "refused"),
        ],
        []));

    [Fact]
    public void Describe_fileInErrorWithoutARouter_isNamed() => Assert.Equal(
        "1 router active, 2 files in error: b.yaml:3:5: spec: wrong",
        ServiceStatus.Describe(
            [Status("a", RouterState.Active)],
            [new Diagnostic(new SourceLocation("b.yaml", 3, 5), "spec", "wrong"), new Diagnostic(new SourceLocation("b.yaml", 4, 5), "spec", "too"), new Diagnostic(new SourceLocation("c.yaml", 1, 1), "", "empty")]));

    [Fact]
    public void Describe_onlyAFault_isNoReasonToAskForAFile() =>
        Assert.Equal("1 file in error: c.yaml:1:1: empty", ServiceStatus.Describe([], [new Diagnostic(new SourceLocation("c.yaml", 1, 1), "", "empty")]));

    private static RouterStatus InForce(string inside) => Status(inside, RouterState.Active) with
    {
        Desired = RouterPlanner.Plan(
            new RouterKey("default", inside),
            Example.Router().Spec,
            new RouterAllocation([Example.Cidr($"{inside}/16")], PhysicalAddress.None),
            new ObservedNode([new NodeLink(2, "ens3", IsUp: true, HasCarrier: true, 1500, [Example.Cidr("192.168.12.10/24")], [])], []),
            AgentConfiguration.Default).Desired!,
    };

    private static RouterStatus Status(string name, RouterState state, string message = "") => new()
    {
        Key = new RouterKey("default", name),
        File = $"{name}.yaml",
        State = state,
        Conditions =
        [
            new Condition(ConditionType.Available, state == RouterState.Active, "Reason", message, default),
            new Condition(ConditionType.Progressing, state == RouterState.Configuring, "Reason", message, default),
            new Condition(ConditionType.Degraded, message.Length > 0, "Reason", message, default),
        ],
    };
}
