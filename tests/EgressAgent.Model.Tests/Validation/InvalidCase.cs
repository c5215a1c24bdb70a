using System.Text;

namespace EgressAgent.Model.Tests.Validation;

/// <summary>
/// A document from <c>Invalid/*.txt</c> and what is expected of it. Below a line stand its findings, each behind a <c>^</c> that
/// points to its column. A case that begins with <c>spec:</c> stands behind <see cref="Routers.Header"/>.
/// </summary>
internal sealed record InvalidCase(string Yaml, string[] Expected)
{
    private const string TitleMark = "== ";

    public static readonly string Directory = Path.Combine(RepositoryFiles.Root, "tests/EgressAgent.Model.Tests/Validation/Invalid");

    public static IEnumerable<string> Titles(string file) =>
        File.ReadLines(Path.Combine(Directory, file)).Where(line => line.StartsWith(TitleMark, StringComparison.Ordinal)).Select(line => line[TitleMark.Length..]);

    public static InvalidCase Read(string file, string title)
    {
        IEnumerable<string> lines = File.ReadLines(Path.Combine(Directory, file))
            .SkipWhile(line => line != TitleMark + title)
            .Skip(1)
            .TakeWhile(line => !line.StartsWith(TitleMark, StringComparison.Ordinal));
        return Parse([.. lines]);
    }

    private static InvalidCase Parse(string[] lines)
    {
        StringBuilder yaml = new(lines[0].StartsWith("spec:", StringComparison.Ordinal) ? Routers.Header : "");
        int lineNumber = yaml.ToString().Count(character => character == '\n');
        List<string> expected = [];
        foreach (string line in lines)
        {
            string finding = line.TrimStart(' ');
            if (finding.StartsWith('^'))
            {
                int column = line.Length - finding.Length + 1;
                expected.Add($"{Routers.Path}:{lineNumber}:{column}: {finding[2..]}");
            }
            else
            {
                yaml.Append(line.Replace('→', '\t')).Append('\n');
                lineNumber++;
            }
        }

        return new InvalidCase(yaml.ToString(), [.. expected]);
    }
}
