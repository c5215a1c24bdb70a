using EgressAgent.Linux.Files;

namespace EgressAgent.Linux.Tests.Files;

public sealed class FileReplacementTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("egress-linux-");

    private string Path => System.IO.Path.Combine(_directory.FullName, "hosts");

    [Fact]
    public void File_that_somebody_else_wrote_meanwhile_stays_as_it_is()
    {
        File.WriteAllText(Path, "before");
        FileStatus? seen = FileStatus.TryRead(Path);
        File.WriteAllText(Path, "their own");

        Assert.False(FileReplacement.TryReplace(Path, seen, "ours"u8));
        Assert.False(FileReplacement.TryReplace(Path, seen: null, "ours"u8));
        Assert.Equal("their own", File.ReadAllText(Path));

        Assert.True(FileReplacement.TryReplace(Path, FileStatus.TryRead(Path), "ours"u8));
        Assert.Equal("ours", File.ReadAllText(Path));
        Assert.Single(_directory.GetFiles());
    }

    [Fact]
    public void File_that_is_not_there_is_made_for_everybody_to_read()
    {
        Assert.True(FileReplacement.TryReplace(Path, seen: null, "ours"u8));

        Assert.Equal("644", Convert.ToString((int)File.GetUnixFileMode(Path), 8));
    }

    [Fact]
    public void Link_is_replaced_itself_by_a_file_that_not_everybody_may_write()
    {
        string target = System.IO.Path.Combine(_directory.FullName, "target");
        File.WriteAllText(target, "their own");
        File.CreateSymbolicLink(Path, target);

        Assert.True(FileReplacement.TryReplace(Path, FileStatus.TryRead(Path, followsLink: false), "ours"u8));

        Assert.Equal("their own", File.ReadAllText(target));
        Assert.Equal("644", Convert.ToString((int)File.GetUnixFileMode(Path), 8));
        Assert.Null(new FileInfo(Path).LinkTarget);
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
