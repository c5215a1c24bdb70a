using System.Globalization;
using EgressAgent.Linux.Files;
using EgressAgent.Testing;

namespace EgressAgent.Linux.Tests.Files;

/// <summary>Held against stat(1).</summary>
public sealed class FileStatusTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("egress-files-").FullName;

    [Fact]
    public void TryRead_file_saysWhatStatSays()
    {
        string path = Path.Combine(_directory, "file");
        File.WriteAllText(path, "twelve bytes");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupWrite | UnixFileMode.SetGroup);

        FileStatus status = FileStatus.TryRead(path)!.Value;

        string seconds = string.Create(CultureInfo.InvariantCulture, $"{status.ChangeTime / 1_000_000_000}.{status.ChangeTime % 1_000_000_000:D9}");
        Assert.Equal(
            Command.Check("stat", "--format=%Hd %Ld %i %s %u %g %a %.9Z", path).Trim(),
            $"{status.Device >> 32} {status.Device & uint.MaxValue} {status.Inode} {status.Size} {status.Owner} {status.Group} {Convert.ToString((int)status.Mode, 8)} {seconds}");
        Assert.True(status.IsRegular);
    }

    [Fact]
    public void TryRead_replacedFile_isAnotherVersion()
    {
        string path = Path.Combine(_directory, "file");
        File.WriteAllText(path, "a");
        FileStatus? before = FileStatus.TryRead(path);
        File.WriteAllText(path + ".new", "b");
        File.Move(path + ".new", path, overwrite: true);

        Assert.NotEqual(before, FileStatus.TryRead(path));
    }

    [Fact]
    public void TryRead_link_isOfItsTarget()
    {
        File.CreateSymbolicLink(Path.Combine(_directory, "link"), _directory);

        Assert.False(FileStatus.TryRead(Path.Combine(_directory, "link"))!.Value.IsRegular);
    }

    [Fact]
    public void TryRead_nothingThere_isNull()
    {
        File.WriteAllText(Path.Combine(_directory, "file"), "");

        Assert.Null(FileStatus.TryRead(Path.Combine(_directory, "none")));
        Assert.Null(FileStatus.TryRead(Path.Combine(_directory, "file", "below")));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
