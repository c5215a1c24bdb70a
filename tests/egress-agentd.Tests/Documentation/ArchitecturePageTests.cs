using System.Text.RegularExpressions;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Documentation;

/// <summary>docs/architecture.md names types, members and folders; a page that is out of date leads astray.</summary>
public sealed partial class ArchitecturePageTests
{
    private static readonly string Page = File.ReadAllText(Repository.PathOf("docs/architecture.md"));

    [Fact]
    public void Every_name_is_one_of_the_source()
    {
        string source = string.Join('\n', ((string[])["src", "tests"])
            .SelectMany(folder => Directory.GetFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Select(File.ReadAllText));
        HashSet<string> words = [.. Word().Matches(source).Select(match => match.Value)];
        string[] names = [.. Name().Matches(Page).SelectMany(match => match.Groups[1].Value.Split('.')).Distinct()];

        Assert.True(names.Length > 30, string.Join(", ", names));
        Assert.Empty(names.Except(words));
    }

    [Fact]
    public void Every_folder_is_there()
    {
        string[] folders = [.. Folder().Matches(Page).Select(match => match.Groups[1].Value).Distinct()];

        Assert.True(folders.Length > 8, string.Join(", ", folders));
        Assert.All(folders, folder => Assert.True(
            Directory.Exists(Repository.PathOf($"src/{folder}")) || Directory.Exists(Repository.PathOf($"src/EgressAgent.{folder}"))
            || File.Exists(Repository.PathOf($"src/EgressAgent.{folder}.cs")),
            folder));
    }

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    // In backticks, CamelCase, with its members.
    [GeneratedRegex(@"`([A-Z][a-z]\w*(?:\.[A-Z]\w*)*)`")]
    private static partial Regex Name();

    [GeneratedRegex(@"`((?:egress-agentd|Model|Engine|Linux)/[\w/]+)`")]
    private static partial Regex Folder();
}
