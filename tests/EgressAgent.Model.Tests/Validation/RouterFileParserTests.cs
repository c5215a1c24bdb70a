using System.Text;
using EgressAgent.Model.Validation;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Tests.Validation;

/// <summary>Files as a whole: encodings, sizes, and what a fault in one document leaves of the others.</summary>
public class RouterFileParserTests
{
    private const string Good = """
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata: {name: good}
        spec:
          addresses: [{ip: 192.168.12.98/24}]
          redirect: {fallbackIP: 10.0.0.99}

        """;

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData(" \r\n\t\n")]
    public void Parse_emptyFile_isAnErrorThatRemovesNoRouter(string content)
    {
        RouterFile file = Routers.Parse(content);

        Assert.Equal(["web.yaml:1:1: the file holds no document"], Texts(file));
        Assert.False(file.IsComplete);
    }

    [Theory]
    [InlineData("# everything is commented out\n")]
    [InlineData("---\n")]
    [InlineData("--- # nothing\n...\n---\n")]
    [InlineData("null\n")]
    public void Parse_onlyComments_isMeantToBeEmpty(string content)
    {
        RouterFile file = Routers.Parse(content);

        Assert.Equal(["web.yaml:1:1: warning: the file holds no document, only comments"], Texts(file));
        Assert.True(file.IsComplete);
    }

    [Fact]
    public void Parse_fileOfFiveMebibytes_isRefusedUnread()
    {
        byte[] content = new byte[5 * 1024 * 1024];
        Encoding.UTF8.GetBytes(Good).CopyTo(content, 0);
        RouterFile file = RouterFileParser.Parse(Routers.Path, content);

        Assert.Equal(["web.yaml:1:1: the file has 5242880 bytes; at most 4194304 (4 MiB) are read"], Texts(file));
        Assert.Empty(file.Documents);
        Assert.False(file.IsComplete);
    }

    [Fact]
    public void Parse_fileOfTooManyDocuments_isRefusedUnread()
    {
        RouterFile file = Routers.Parse(string.Concat(Enumerable.Repeat("---\n{}\n", YamlLimits.Documents + 1)));

        Assert.Equal(["web.yaml:20001:1: the file holds more than 10000 documents"], Texts(file));
        Assert.False(file.IsComplete);
    }

    [Fact]
    public void Parse_fileOfFourMebibytes_isRead()
    {
        string content = Good + "#" + new string('x', YamlLimits.FileBytes - Good.Length - 1);

        Assert.Equal("good", Routers.ParseValid(content).Key.Name);
    }

    [Theory]
    [InlineData("utf-16", "UTF-16")]
    [InlineData("utf-16BE", "UTF-16")]
    [InlineData("utf-32", "UTF-32")]
    public void Parse_otherEncoding_isNamed(string encoding, string expected)
    {
        Encoding other = Encoding.GetEncoding(encoding);
        RouterFile file = RouterFileParser.Parse(Routers.Path, [.. other.GetPreamble(), .. other.GetBytes(Good)]);

        Assert.Equal([$"web.yaml:1:1: the file is in {expected}; save it in UTF-8"], Texts(file));
        Assert.False(file.IsComplete);
    }

    [Fact]
    public void Parse_byteOrderMarkOfUtf8_isSkipped()
    {
        RouterFile file = RouterFileParser.Parse(Routers.Path, [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(Good)]);

        Assert.Empty(file.AllDiagnostics);
        Assert.Equal(new SourceLocation(Routers.Path, 1, 1), file.Documents[0].Source);
    }

    [Fact]
    public void Parse_latin1InAComment_losesOnlyThatDocument()
    {
        RouterFile file = RouterFileParser.Parse(
            Routers.Path, [.. Encoding.UTF8.GetBytes(Good), .. Encoding.Latin1.GetBytes("---\nspec: {} # für\n---\n"), .. Encoding.UTF8.GetBytes(Good)]);

        Assert.Equal(["web.yaml:8:13: the byte 0xfc is not valid UTF-8; save the file in UTF-8"], Texts(file));
        Assert.Equal([true, false, true], file.Documents.Select(document => document.Router is not null));
    }

    /// <summary>The parser takes text piece by piece; a character of four bytes and two columns may lie across the border of two pieces.</summary>
    [Fact]
    public void Parse_faultFarIntoTheFile_isAtItsPlace()
    {
        foreach (int length in Enumerable.Range(1000, 50))
        {
            byte[] before = Encoding.UTF8.GetBytes($"#{new string('x', length)}\r\n# \u20ac\U0001F600");

            Assert.Equal(["web.yaml:2:6: the byte 0xf0 is not valid UTF-8; save the file in UTF-8"], Texts(RouterFileParser.Parse(Routers.Path, [.. before, 0xF0, 0x9F])));
            Assert.Equal(["web.yaml:2:6: the control character U+0080 is not allowed in YAML"], Texts(RouterFileParser.Parse(Routers.Path, [.. before, 0xC2, 0x80])));
            Assert.Contains(
                Texts(Routers.Parse($"#{new string('x', length)}\r\nkind: \U0001F600Pod")),
                text => text.StartsWith("web.yaml:2:7: kind: `\U0001F600Pod` is not served", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Parse_zeroByte_isNamedAtItsPlace() =>
        Assert.Equal(["web.yaml:1:4: the control character U+0000 is not allowed in YAML"], Texts(Routers.Parse("a: \0\n")));

    [Fact]
    public void Parse_windowsLineEnds_countAsOne()
    {
        RouterFile file = Routers.Parse((Good + "---\n" + Good + "x: 1\n").ReplaceLineEndings("\r\n"));

        Assert.Equal(["web.yaml:14:1: x: unknown field; allowed here: apiVersion, kind, metadata, spec"], Texts(file));
    }

    [Theory]
    [InlineData("a: 'never closed\n", "web.yaml:8:4: the quote opened here is not closed")]
    [InlineData("a: [never closed\n", "web.yaml:8:4: the `[` opened here is never closed")]
    [InlineData("a:\n\tb: c\n", "web.yaml:9:1: tabs are not allowed for indentation; use spaces")]
    public void Parse_syntaxErrorBetweenDocuments_losesOnlyThatDocument(string bad, string expected)
    {
        RouterFile file = Routers.Parse($"{Good}---\n{bad}---\n{Good.Replace("good", "other", StringComparison.Ordinal)}");

        Assert.Equal([expected], Texts(file));
        Assert.Equal(["default/good", null, "default/other"], file.Documents.Select(document => document.Router?.Key.ToString()));
        Assert.False(file.IsComplete);
    }

    [Fact]
    public void Parse_syntaxErrorBelowTheMetadata_stillTellsTheKey()
    {
        RouterFile file = Routers.Parse("metadata: {name: web, namespace: shop}\nspec: {addresses: [\n");

        Assert.Equal(new RouterKey("shop", "web"), Assert.Single(file.Documents).Key);
        Assert.True(file.IsComplete);
    }

    [Theory]
    [InlineData("metadata:\n  name: web\n  namespace: 'shop\n")]
    [InlineData("metadata:\n  name: web\n  namespace: @shop\n")]
    public void Parse_syntaxErrorInsideTheMetadata_doesNotGuessTheKey(string yaml)
    {
        RouterFile file = Routers.Parse(yaml);

        Assert.Null(Assert.Single(file.Documents).Key);
        Assert.False(file.IsComplete);
    }

    [Fact]
    public void Parse_faultInTheSpec_stillTellsTheKey()
    {
        RouterFile file = Routers.Parse(Routers.Header + "spec: {}\n");

        Assert.Equal(new RouterKey("default", "web"), Assert.Single(file.Documents).Key);
        Assert.True(file.IsComplete);
    }

    [Theory]
    [InlineData("metadata: {}")]
    [InlineData("metadata: {name: Web}")]
    [InlineData("metadata: {name: web, namespace: [a]}")]
    public void Parse_unreadableName_leavesTheFileIncomplete(string metadata) =>
        Assert.False(Routers.Parse($"apiVersion: network.operator.openshift.io/v1\nkind: EgressRouter\n{metadata}\nspec: {{}}\n").IsComplete);

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    public void Parse_deepNesting_isRefusedWithoutHarm(string level)
    {
        string deep = string.Concat(Enumerable.Repeat(level, YamlLimits.FileBytes / level.Length));

        Assert.Equal($"web.yaml:1:{(YamlLimits.Depth * level.Length) + 1}: values are nested deeper than 64 levels", Texts(Routers.Parse(deep))[0]);
    }

    [Fact]
    public void Parse_nestingAtTheLimit_isRead()
    {
        string managed = string.Concat(Enumerable.Repeat("[", YamlLimits.Depth - 1)) + string.Concat(Enumerable.Repeat("]", YamlLimits.Depth - 1));

        Assert.Equal("good", Routers.ParseValid($"{Good}status: {managed}\n").Key.Name);
    }

    [Fact]
    public void Parse_aliasBomb_isRefusedWhereItGoesTooFar()
    {
        StringBuilder bomb = new("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 20; i++)
        {
            string alias = $"*a{i - 1}";
            bomb.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat(alias, 9))}]\n");
        }

        Assert.Equal(
            ["web.yaml:6:40: the document holds more than 500000 values, counted as often as aliases repeat them"],
            Texts(Routers.Parse(bomb.ToString())));
    }

    [Fact]
    public void Parse_aliasesThatNest_areRefusedAtTheDepthLimit()
    {
        StringBuilder bomb = new("a0: &a0 [x]\n");
        for (int i = 1; i < 100; i++)
        {
            bomb.Append($"a{i}: &a{i} [*a{i - 1}]\n");
        }

        Assert.Equal(["web.yaml:64:12: values are nested deeper than 64 levels"], Texts(Routers.Parse(bomb.ToString())));
    }

    [Fact]
    public void Parse_faultsWithoutEnd_areCutOff()
    {
        string rules = string.Concat(Enumerable.Repeat("    - {}\n", 5_000));
        ValueList<Diagnostic> found = Routers.Parse($"{Routers.Header}spec:\n  addresses: [{{ip: 192.168.12.99/24}}]\n  redirect:\n    redirectRules:\n{rules}").Documents[0].Diagnostics;

        Assert.Equal(YamlLimits.Faults + 1, found.Count);
        Assert.EndsWith("more than 1000 faults; the rest are left out", found[^1].ToString());
    }

    private static string[] Texts(RouterFile file) => [.. file.AllDiagnostics.Select(diagnostic => diagnostic.ToString())];
}
