using EgressAgent.Daemon.Hosting;
using EgressAgent.Model;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Tests.Hosting;

public sealed class ServiceStatusTests
{
    [Fact]
    public void Describe_noRouters_saysWhatToDo() =>
        Assert.Equal("no routers; put an EgressRouter file into /etc/egress-router", ServiceStatus.Describe([], []));

    [Fact]
    public void Describe_oneActive_countsIt() => Assert.Equal("1 router active", ServiceStatus.Describe([Status("a", RouterState.Active)], []));

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
