using EgressAgent.Linux.Files;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Files;

public sealed class DirectoryLockTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("egress-lock-").FullName;

    [Fact]
    public void Second_one_is_refused_and_the_holder_named_until_the_first_lets_go()
    {
        using (DirectoryLock? first = DirectoryLock.TryTake(_directory))
        {
            Assert.NotNull(first);
            Assert.Null(DirectoryLock.TryTake(_directory));
            Assert.Equal(Environment.ProcessId, DirectoryLock.FindHolder(_directory));
        }

        Assert.Null(DirectoryLock.FindHolder(_directory));
        using DirectoryLock? next = DirectoryLock.TryTake(_directory);
        Assert.NotNull(next);
    }

    [Fact]
    public void Lock_leaves_no_file_and_needs_no_space()
    {
        Tool.Run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", _directory);
        try
        {
            using DirectoryLock? taken = DirectoryLock.TryTake(_directory);
            Assert.NotNull(taken);
        }
        finally
        {
            Tool.Run("umount", _directory);
        }

        Assert.Empty(Directory.GetFiles(_directory));
    }

    [Fact]
    public void Missing_directory_is_an_error() =>
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => DirectoryLock.TryTake($"{_directory}/missing")).Errno);

    [Theory]
    [InlineData("/state", "/state")]
    [InlineData("/link/state/", "/real/state")]
    [InlineData("/link/missing/state", "/real/missing/state")]
    [InlineData("/link/../state", "/state")]
    [InlineData("/loop/state", "/loop/state")]
    public void Real_path_has_no_link_in_it(string path, string real)
    {
        Directory.CreateDirectory($"{_directory}/real/state");
        Directory.CreateSymbolicLink($"{_directory}/link", "real");
        Directory.CreateSymbolicLink($"{_directory}/loop", "loop");

        Assert.Equal(_directory + real, RealPath.Of(_directory + path));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
