using System.Text.Json;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Commands;

/// <summary>The agent as it was built beside the tests, as a process of its own.</summary>
public sealed class CheckCommandTests : IDisposable
{
    // Who may use it is said, so that it does not matter whether the node forwards.
    private static readonly string Valid =
        Example.Document().Replace("name: web", "name: web, annotations: {egressagent.org/clients: node}", StringComparison.Ordinal);

    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void Check_validFile_exitsWith0AndIsSilent()
    {
        File.WriteAllText(_directory["web.yaml"], Valid);

        CommandResult result = Run("check", _directory["web.yaml"]);

        Assert.Equal((0, "", ""), (result.ExitCode, result.Output, result.Errors));
    }

    [Fact]
    public void Check_fault_exitsWith1AndSaysWhere()
    {
        Requires.Root();
        File.WriteAllText(_directory["web.yaml"], Example.Document(port: 70_000));

        CommandResult result = Run("check", _directory.Path);

        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"{_directory["web.yaml"]}:7:", result.Output);
        Assert.Contains(": spec.redirect.redirectRules[0].port: ", result.Output);
    }

    [Fact]
    public void Check_intoAFile_isNotWrittenOverByTheNextProgram()
    {
        File.WriteAllText(_directory["web.yaml"], Valid);
        string output = _directory["output"];

        Command.Check("sh", "-c", $"{{ dotnet {Agent.Assembly} check --json {_directory["web.yaml"]}; echo after; }} >{output}");

        Assert.StartsWith("{", File.ReadAllText(output));
        Assert.EndsWith("}\nafter\n", File.ReadAllText(output));
    }

    [Fact]
    public void Check_missingPath_exitsWith2()
    {
        CommandResult result = Run("check", _directory["none.yaml"]);

        Assert.Equal(2, result.ExitCode);
        Assert.Equal($"{_directory["none.yaml"]}: no such file or directory\n", result.Errors);
    }

    [Theory]
    [InlineData("", "1 file, 1 router, no fault")]
    [InlineData("---\n# nothing\n---\nkind: EgressRouter\n", "1 file, 1 router, 3 faults")]
    [InlineData("    fallbackIP: 198.18.0.9\n", "1 file, 1 router, no fault, 1 warning")]
    public void Check_onATerminal_endsWithOneLineThatCounts(string more, string expected)
    {
        File.WriteAllText(_directory["web.yaml"], Valid + more);

        CommandResult result = Command.Run("script", "--quiet", "--return", "--command", $"dotnet '{Agent.Assembly}' check '{_directory["web.yaml"]}'", "/dev/null");

        string[] lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(expected, lines[^1].TrimEnd('\r'));
    }

    [Fact]
    public void Check_json_isOneObjectForPrograms()
    {
        File.WriteAllText(_directory["good.yaml"], Valid + "    fallbackIP: 198.18.0.9\n");
        File.WriteAllText(_directory["bad.yaml"], "kind: \"\u00e4\"\n");
        File.WriteAllText(_directory["other.conf"], "");

        CommandResult result = Run("check", "--json", _directory.Path);

        Assert.Equal((1, ""), (result.ExitCode, result.Errors));
        JsonElement root = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal(["files", "routers", "services", "findings"], root.EnumerateObject().Select(member => member.Name));
        Assert.Equal((2, 1), (root.GetProperty("files").GetInt32(), root.GetProperty("routers").GetInt32()));
        JsonElement[] findings = [.. root.GetProperty("findings").EnumerateArray()];
        Assert.All(findings, finding =>
            Assert.Equal(["file", "line", "column", "field", "severity", "message"], finding.EnumerateObject().Select(member => member.Name)));
        Assert.Contains(findings, finding => Says(finding, "bad.yaml", 1, 7, "kind", "error"));
        Assert.Contains(findings, finding => Says(finding, "good.yaml", 8, 17, "spec.redirect.fallbackIP", "warning"));
        Assert.Contains(findings, finding => Says(finding, "other.conf", 0, 0, "", "warning"));

        bool Says(JsonElement finding, string file, int line, int column, string field, string severity) =>
            finding.GetProperty("file").GetString() == _directory[file]
            && (finding.GetProperty("line").GetInt32(), finding.GetProperty("column").GetInt32()) == (line, column)
            && (finding.GetProperty("field").GetString(), finding.GetProperty("severity").GetString()) == (field, severity);
    }

    [Theory]
    [InlineData(0, "good.yaml")]
    [InlineData(2, "none.yaml")]
    public void Check_json_exitsAsWithout(int expected, string file)
    {
        File.WriteAllText(_directory["good.yaml"], Valid + "    fallbackIP: 198.18.0.9\n");

        CommandResult result = Run("check", "--json", _directory[file]);

        Assert.Equal((expected, ""), (result.ExitCode, result.Errors));
        Assert.Single(JsonDocument.Parse(result.Output).RootElement.GetProperty("findings").EnumerateArray());
    }

    [Theory]
    [InlineData("check", "--no-such-option")]
    [InlineData("run", "--log", "elsewhere")]
    [InlineData("no-such-command")]
    public void CommandLine_inError_exitsWith2AndSaysWhy(params string[] arguments)
    {
        CommandResult result = Run(arguments);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(arguments[^1], result.Errors);
    }

    public void Dispose() => _directory.Dispose();

    private static CommandResult Run(params string[] arguments) => Agent.Run(arguments);
}
