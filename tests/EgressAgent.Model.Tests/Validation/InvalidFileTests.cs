using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Tests.Validation;

public class InvalidFileTests
{
    public static IEnumerable<TheoryDataRow<string, string>> Cases() =>
        from path in Directory.EnumerateFiles(InvalidCase.Directory).Order(StringComparer.Ordinal)
        let file = Path.GetFileName(path)
        from title in InvalidCase.Titles(file)
        select new TheoryDataRow<string, string>(file, title);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Parse_invalidDocument_reportsEveryFaultAtItsPlace(string file, string title)
    {
        InvalidCase invalid = InvalidCase.Read(file, title);
        RouterFile parsed = Routers.Parse(invalid.Yaml);

        Assert.NotEmpty(invalid.Expected);
        Assert.Equal(invalid.Expected, parsed.AllDiagnostics.Select(diagnostic => diagnostic.ToString()));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Parse_documentWithErrors_givesNoRouter(string file, string title)
    {
        RouterFile parsed = Routers.Parse(InvalidCase.Read(file, title).Yaml);

        Assert.All(parsed.Documents, document =>
            Assert.True(document.Router is null || document.Diagnostics.All(finding => finding.Severity == DiagnosticSeverity.Warning)));
    }
}
