using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Daemon.Watch;
using EgressAgent.Model;
using EgressAgent.Model.Validation;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Watch;

public sealed class RouterFileReaderTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string File => _directory["web.yaml"];

    [Fact]
    public void Read_validFile_isParsed()
    {
        Requires.Root();
        System.IO.File.WriteAllText(File, Example.Document());

        RouterFile file = RouterFileReader.Read(File, out _);

        Assert.Empty(file.AllDiagnostics);
        Assert.True(file.IsComplete);
        Assert.Equal("default/web", Assert.Single(file.Documents).Router?.Key.ToString());
    }

    [Theory]
    [InlineData("chmod", "g+w", "writable by group or others")]
    [InlineData("chmod", "o+w", "writable by group or others")]
    [InlineData("chown", "65534", "belongs to user 65534")]
    public void Read_whatOthersMayWrite_isRefused(string command, string argument, string expected)
    {
        Requires.Root();
        System.IO.File.WriteAllText(File, Example.Document());
        Command.Check(command, argument, File);

        AssertRefused(expected);
    }

    [Fact]
    public void Read_tooLarge_isRefusedWithoutReadingItAll()
    {
        Requires.Root();
        using (FileStream sparse = System.IO.File.Create(File))
        {
            sparse.SetLength(1L << 40);
        }

        AssertRefused("4 MiB");
    }

    [Fact]
    public void Read_missing_isSaid() => AssertRefused("the file is gone");

    [Fact]
    public void Read_directory_isSaid()
    {
        Requires.Root();
        Directory.CreateDirectory(File);

        AssertRefused("not a regular file");
    }

    [Fact]
    public void Read_loopOfLinks_isSaid()
    {
        System.IO.File.CreateSymbolicLink(File, File);

        AssertRefused("symbolic links");
    }

    [Fact]
    public void Read_pipeWithoutWriter_doesNotWait()
    {
        Requires.Root();
        Command.Check("mkfifo", "-m", "600", File);

        AssertRefused("not a regular file");
    }

    public void Dispose() => _directory.Dispose();

    private void AssertRefused(string expected)
    {
        RouterFile file = RouterFileReader.Read(File, out _);

        Assert.False(file.IsComplete);
        Assert.Empty(file.Documents);
        Diagnostic finding = Assert.Single(file.Diagnostics);
        Assert.Contains(expected, finding.Message);
        Assert.Equal(File, finding.Location.File);
    }
}
