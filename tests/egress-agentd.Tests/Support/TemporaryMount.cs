using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Support;

/// <summary>A file system in memory of a few bytes, at a directory of the test's own. Skips the test that may not mount.</summary>
internal sealed class TemporaryMount : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public TemporaryMount(string size)
    {
        Requires.Root();
        CommandResult mount = Command.Run("mount", "-t", "tmpfs", "-o", $"size={size},mode=0700", "egress-agentd-test", Path);
        if (mount.ExitCode != 0)
        {
            _directory.Dispose();
            Assert.Skip($"needs mount(8): {mount.Errors.Trim()}");
        }
    }

    public string Path => _directory.Path;

    public void MakeReadOnly() => Command.Check("mount", "-o", "remount,ro", Path);

    public void MakeWritable() => Command.Check("mount", "-o", "remount,rw", Path);

    public void Dispose()
    {
        Command.Check("umount", "--lazy", Path);
        _directory.Dispose();
    }
}
