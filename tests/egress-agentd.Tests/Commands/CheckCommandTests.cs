using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Commands;

/// <summary>The agent as it was built beside the tests, as a process of its own.</summary>
public sealed class CheckCommandTests : IDisposable
{
    private static readonly string Agent = Path.Combine(AppContext.BaseDirectory, "egress-agentd.dll");

    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void Check_validFile_exitsWith0AndIsSilent()
    {
        Requires.Root();
        File.WriteAllText(_directory["web.yaml"], Example.Document());

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
    public void Check_missingPath_exitsWith2()
    {
        CommandResult result = Run("check", _directory["none.yaml"]);

        Assert.Equal(2, result.ExitCode);
        Assert.Equal($"{_directory["none.yaml"]}: no such file or directory\n", result.Errors);
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

    private static CommandResult Run(params string[] arguments) => Command.Run(["dotnet", Agent, .. arguments]);
}
