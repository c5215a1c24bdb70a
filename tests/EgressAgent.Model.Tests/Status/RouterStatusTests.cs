using EgressAgent.Model.Status;
using EgressAgent.Model.Tests.Planning;

namespace EgressAgent.Model.Tests.Status;

public sealed class RouterStatusTests
{
    [Theory]
    [InlineData(true, true, "degraded")]
    [InlineData(false, true, "progressing")]
    [InlineData(false, false, "available")]
    public void Summary_is_what_an_operator_should_know_first(bool isDegraded, bool isProgressing, string expected)
    {
        RouterStatus status = new()
        {
            Key = Example.Key,
            State = RouterState.Active,
            File = "web.yaml",
            Conditions = [Of(ConditionType.Available, true), Of(ConditionType.Progressing, isProgressing), Of(ConditionType.Degraded, isDegraded)],
        };

        Assert.Equal(expected, status.Summary);
    }

    [Theory]
    [InlineData(true, "True")]
    [InlineData(false, "False")]
    [InlineData(null, "Unknown")]
    public void StatusText_is_spelt_as_in_a_resource(bool? status, string expected) =>
        Assert.Equal(expected, Of(ConditionType.Available, status).StatusText);

    [Fact]
    public void States_are_spelt_in_lower_case() => Assert.Equal(
        ["pending", "configuring", "active", "degraded", "failed", "removing", "standby"], Enum.GetValues<RouterState>().Select(state => state.ToText()));

    private static Condition Of(ConditionType type, bool? status) =>
        new(type, status, "Reason", type.ToString().ToLowerInvariant(), DateTimeOffset.UnixEpoch);
}
