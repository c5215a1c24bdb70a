using EgressAgent.Model.Planning;

namespace EgressAgent.Model.Tests.Planning;

public sealed class RouterNamesTests
{
    private static readonly RouterKey LongKey = new("default", string.Join('.', Enumerable.Repeat(new string('a', 62), 4)));

    [Fact]
    public void Names_of_the_example_are_the_documented_ones()
    {
        Assert.Equal("egress.default.web", RouterNames.Netns(Example.Key));
        Assert.Equal("egress.default.web", RouterNames.NodeLinkAltName(Example.Key));
        Assert.Matches("^egr-[0-9a-f]{8}$", RouterNames.NodeLink(Example.Key));
    }

    // Deployed agents find their routers by this name.
    [Fact]
    public void NodeLink_never_changes_between_versions() => Assert.Equal("egr-82b3ade9", RouterNames.NodeLink(Example.Key));

    [Fact]
    public void NodeLink_differs_where_the_dotted_name_is_the_same() =>
        Assert.NotEqual(RouterNames.NodeLink(new RouterKey("a", "b.c")), RouterNames.NodeLink(new RouterKey("a.b", "c")));

    [Fact]
    public void NodeLink_leaves_room_for_the_temporary_name_of_a_link() =>
        Assert.True(RouterNames.NodeLink(LongKey).Length + 1 <= 15, "IFNAMSIZ is 16, with the terminating zero");

    [Fact]
    public void Long_names_are_shortened_to_what_the_kernel_takes_and_stay_unique()
    {
        var sibling = LongKey with { Name = LongKey.Name[..^1] + "b" };

        Assert.Equal(127, RouterNames.NodeLinkAltName(LongKey).Length);
        Assert.Equal(255, RouterNames.Netns(LongKey).Length);
        Assert.NotEqual(RouterNames.NodeLinkAltName(LongKey), RouterNames.NodeLinkAltName(sibling));
        Assert.NotEqual(RouterNames.Netns(LongKey), RouterNames.Netns(sibling));
    }

    [Theory]
    [InlineData("default", "web")]
    [InlineData("team-a", "partner.example.com")]
    public void TryParseNetns_reads_back_what_Netns_wrote(string @namespace, string name)
    {
        var key = new RouterKey(@namespace, name);

        Assert.True(RouterNames.TryParseNetns(RouterNames.Netns(key), out RouterKey parsed));
        Assert.Equal(key, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("web")]
    [InlineData("egress.")]
    [InlineData("egress.default")]
    [InlineData("egress.default.")]
    [InlineData("egress..web")]
    [InlineData("xegress.default.web")]
    public void TryParseNetns_leaves_names_of_others_alone(string name) => Assert.False(RouterNames.TryParseNetns(name, out _));
}
