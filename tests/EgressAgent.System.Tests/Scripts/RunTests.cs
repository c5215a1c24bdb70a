using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Scripts;

/// <summary>tests/run has a last line, whatever happens to it. Here its build is a script that fails or hangs.</summary>
public sealed class RunTests : IDisposable
{
    private const string LastLine = "\n0 passed, 1 failed, 0 skipped\n";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly string _tree = Directory.CreateTempSubdirectory("egress-test-").FullName;

    public void Dispose() => Directory.Delete(_tree, recursive: true);

    [Fact]
    public void Build_that_fails_is_shown_and_counted()
    {
        using Script run = Start("echo this does not compile; exit 1");

        (int exitCode, string output) = run.Wait(Deadline);

        Assert.Equal(1, exitCode);
        Assert.Contains("this does not compile", output);
        Assert.EndsWith(LastLine, output);
        Assert.Empty(run.Remains());
    }

    [Fact]
    public void Step_that_hangs_is_ended_and_counted()
    {
        using Script run = Start("sleep 1000 & sleep 1000", limit: "3");

        (int exitCode, string output) = run.Wait(Deadline);

        Assert.Equal(1, exitCode);
        Assert.Contains("the run was ended after 3 s, its time limit", output);
        Assert.EndsWith(LastLine, output);
        Assert.Empty(run.Remains());
    }

    [Fact]
    public void Termination_ends_it_in_order()
    {
        string begun = Path.Combine(_tree, "begun");
        using Script run = Start($"touch {begun}; sleep 1000 & sleep 1000");
        Eventually.True("the build", () => File.Exists(begun));

        Command.Check("kill", "-TERM", $"{run.Process.Id}");

        (int exitCode, string output) = run.Wait(Deadline);
        Assert.Equal(1, exitCode);
        Assert.EndsWith(LastLine, output);
        Assert.Empty(run.Remains());
    }

    // A tree with the real scripts, and a dotnet of its own.
    private Script Start(string build, string limit = "600")
    {
        foreach (string script in (string[])["packaging/lib.sh", "tests/run", "tests/snapshot"])
        {
            string copy = Path.Combine(_tree, script);
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(Repository.PathOf(script), copy);
        }

        string dotnet = Path.Combine(_tree, "dotnet");
        File.WriteAllText(dotnet, $"#!/bin/sh\n[ \"$1\" = --list-sdks ] && echo 10.0.100 && exit\n{build}\n");
        File.SetUnixFileMode(dotnet, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return Script.Start(
            Path.Combine(_tree, "tests/run"),
            new Dictionary<string, string> { ["PATH"] = $"{_tree}:{Environment.GetEnvironmentVariable("PATH")}", ["EGRESS_TEST_LIMIT"] = limit },
            "--unit");
    }
}
