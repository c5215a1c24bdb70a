using EgressAgent.Testing;

namespace EgressAgent.System.Tests.Booted;

/// <summary>The package as a file, judged by Debian's own checker.</summary>
public sealed class PackageFileTests
{
    [Fact]
    public void Lintian_has_nothing_to_say()
    {
        Requires.Agent();
        Assert.SkipUnless(File.Exists("/usr/bin/lintian"), "needs lintian");

        CommandResult checkedBy = Command.Run("lintian", "--allow-root", Repository.AgentPackage);

        Assert.Equal((0, ""), (checkedBy.ExitCode, checkedBy.Output));
    }
}
