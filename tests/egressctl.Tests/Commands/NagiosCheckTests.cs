using EgressAgent.Control.Agent;
using EgressAgent.Control.Commands;
using EgressAgent.Control.Tests.Support;

namespace EgressAgent.Control.Tests.Commands;

public sealed class NagiosCheckTests
{
    [Theory]
    [InlineData(0, "1 router, 1 active", "active")]
    [InlineData(0, "2 routers, 1 active, 1 configuring", "active", "configuring")]
    [InlineData(1, "2 routers, 1 active, 1 pending: default/r1: bad luck", "active", "pending")]
    [InlineData(1, "1 router, 1 degraded: default/r0: bad luck", "degraded")]
    [InlineData(2, "2 routers, 1 degraded, 1 failed: default/r1: bad luck", "degraded", "failed")]
    [InlineData(0, "0 routers")]
    public void Worst_router_decides(int expected, string text, params string[] states)
    {
        AgentView agent = Views.Agent("running", [.. states.Select((state, index) => Views.Router($"r{index}", state, "bad luck"))]);

        Assert.Equal(((NagiosState)expected, text), NagiosCheck.Judge(agent));
    }

    [Fact]
    public void File_in_error_is_a_warning() => Assert.Equal(
        (NagiosState.Warning, "1 router, 1 active, 1 file in error: /etc/egress-router/bad.yaml:3:5: spec.mode: must be `Redirect`"),
        NagiosCheck.Judge(Views.Agent("degraded", Views.Router()) with { Faults = [Views.Fault] }));

    [Fact]
    public void Agent_that_starts_is_a_warning() => Assert.Equal(NagiosState.Warning, NagiosCheck.Judge(Views.Agent("starting")).State);

    [Fact]
    public void Text_is_one_line_without_numbers_for_graphs() => Assert.Equal(
        "1 router, 1 failed: default/web: a b/c", NagiosCheck.Judge(Views.Agent("degraded", Views.Router("web", "failed", "a\nb|c"))).Text);
}
