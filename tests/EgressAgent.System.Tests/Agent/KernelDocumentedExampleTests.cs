using System.Text.RegularExpressions;
using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Agent;

public sealed partial class KernelDocumentedExampleTests(KernelDocumentedExampleTests.KernelFixture fixture)
    : DocumentedExampleTests(fixture), IClassFixture<KernelDocumentedExampleTests.KernelFixture>
{
    // The same with every nft of Debian 12. Others word some of it differently.
    [Fact]
    public void Ruleset_is_the_one_in_the_README()
    {
        string version = Command.Check("nft", "--version");
        Assert.SkipUnless(version.Contains("v1.0.6"), $"the README shows what nft 1.0.6 prints, this is {version}");
        string[] readme = File.ReadAllLines(Repository.PathOf("README.md"));
        IEnumerable<string> shown = readme.SkipWhile(line => line != "    table inet egress_agent {").TakeWhile(line => line is "" or [' ', ..]);

        Assert.Equal(Comparable(shown), Comparable(ExampleRouter.Ruleset.Split('\n')));
    }

    // Without indentation and counts; a map lists its elements in an order of its own.
    private static string Comparable(IEnumerable<string> listing)
    {
        string text = string.Join('\n', listing.Select(line => line.Trim()).Where(line => line != ""));
        return ElementsPattern().Replace(CountPattern().Replace(text, "packets N bytes N"), match =>
            string.Join(",\n", match.Value.Split(',', StringSplitOptions.TrimEntries).Order(StringComparer.Ordinal)));
    }

    [GeneratedRegex(@"packets \d+ bytes \d+")]
    private static partial Regex CountPattern();

    [GeneratedRegex(@"(?<=elements = \{)[^}]*")]
    private static partial Regex ElementsPattern();

    public sealed class KernelFixture() : Fixture("kernel");
}
