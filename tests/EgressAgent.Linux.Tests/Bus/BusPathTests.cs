using EgressAgent.Linux.Bus;

namespace EgressAgent.Linux.Tests.Bus;

public sealed class BusPathTests
{
    private const string Prefix = "/org/egressagent/Agent1/router";

    [Theory]
    [InlineData("default", "web", Prefix + "/default/web")]
    [InlineData("team-a", "web.example.com", Prefix + "/team_2da/web_2eexample_2ecom")]
    [InlineData("0", "", Prefix + "/_30/_")]
    public void Encode_labels_areEscaped(string first, string second, string expected) =>
        Assert.Equal(expected, BusPath.Encode(Prefix, first, second));

    [Fact]
    public void Encode_invalidPrefix_isRefused() => Assert.Throws<ArgumentException>(() => BusPath.Encode("router", "web"));
}
