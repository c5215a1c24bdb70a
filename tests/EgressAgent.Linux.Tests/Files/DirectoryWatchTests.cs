using System.Buffers.Binary;
using System.Text;
using EgressAgent.Linux.Files;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Tests.Files;

public sealed class DirectoryWatchTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("egress-files-").FullName;

    [Fact]
    public void Wait_filesChanged_namesThem()
    {
        using DirectoryWatch watch = DirectoryWatch.TryOpen(_directory)!;
        File.WriteAllText(Path.Combine(_directory, "grün.yaml"), "a");
        File.Move(Path.Combine(_directory, "grün.yaml"), Path.Combine(_directory, "b"));
        File.Delete(Path.Combine(_directory, "b"));

        DirectoryChange change = watch.Wait();

        Assert.Equal(["b", "grün.yaml"], change.Names.Order(StringComparer.Ordinal));
        Assert.False(change.IsOverflow || change.IsLost);
    }

    [Fact]
    public void Wait_directoryRemoved_isLost()
    {
        using DirectoryWatch watch = DirectoryWatch.TryOpen(_directory)!;
        Directory.Delete(_directory);

        Assert.True(watch.Wait().IsLost);
        Directory.CreateDirectory(_directory);
    }

    [Fact]
    public void Cancel_beforeWait_endsIt()
    {
        using DirectoryWatch watch = DirectoryWatch.TryOpen(_directory)!;

        watch.Cancel();

        Assert.True(watch.Wait().IsLost);
    }

    [Fact]
    public void TryOpen_noDirectory_isNull()
    {
        File.WriteAllText(Path.Combine(_directory, "file"), "");

        Assert.Null(DirectoryWatch.TryOpen(Path.Combine(_directory, "none")));
        Assert.Null(DirectoryWatch.TryOpen(Path.Combine(_directory, "file")));
    }

    [Fact]
    public void Parse_severalEvents_gathersThem()
    {
        byte[] events = [.. Event(LibC.IN_CLOSE_WRITE, "a.yaml", 16), .. Event(LibC.IN_DELETE, "exactly16bytes!", 16), .. Event(LibC.IN_CLOSE_WRITE, "a.yaml", 16)];

        DirectoryChange change = DirectoryWatch.Parse(events);

        Assert.Equal(["a.yaml", "exactly16bytes!"], change.Names.Order(StringComparer.Ordinal));
        Assert.False(change.IsOverflow || change.IsLost);
    }

    [Fact]
    public void Parse_queueOverflow_isSaid()
    {
        DirectoryChange change = DirectoryWatch.Parse(Event(LibC.IN_Q_OVERFLOW, "", 0));

        Assert.True(change is { IsOverflow: true, IsLost: false, Names.Count: 0 });
    }

    [Theory]
    [InlineData(LibC.IN_DELETE_SELF)]
    [InlineData(LibC.IN_MOVE_SELF)]
    [InlineData(LibC.IN_UNMOUNT)]
    [InlineData(LibC.IN_IGNORED)]
    public void Parse_endOfTheDirectory_isLost(uint mask) => Assert.True(DirectoryWatch.Parse(Event(mask, "", 0)).IsLost);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static byte[] Event(uint mask, string name, int length)
    {
        byte[] bytes = new byte[16 + length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), mask);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), length);
        Encoding.UTF8.GetBytes(name, bytes.AsSpan(16));
        return bytes;
    }
}
