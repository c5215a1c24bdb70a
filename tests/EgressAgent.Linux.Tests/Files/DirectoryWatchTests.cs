using System.Buffers.Binary;
using System.Text;
using EgressAgent.Linux.Files;
using EgressAgent.Linux.Interop;
using EgressAgent.Testing;

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
    public void Wait_fileTakenAwayAndWrittenAnew_namesItWhenItIsWhole()
    {
        string path = Path.Combine(_directory, "a.yaml");
        File.WriteAllText(path, "before");
        using DirectoryWatch watch = DirectoryWatch.TryOpen(_directory)!;
        File.Delete(path);
        using (File.Create(path))
        {
            Assert.Empty(watch.Wait().Names);
        }

        Assert.Equal(["a.yaml"], watch.Wait().Names);
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

        using DirectoryWatch watch = DirectoryWatch.TryOpen(_directory)!;
        DirectoryChange change = watch.Parse(events);

        Assert.Equal(["a.yaml", "exactly16bytes!"], change.Names.Order(StringComparer.Ordinal));
        Assert.False(change.IsOverflow || change.IsLost);
    }

    [Fact]
    public void Parse_queueOverflow_isSaid()
    {
        using DirectoryWatch watch = DirectoryWatch.TryOpen(_directory)!;
        DirectoryChange change = watch.Parse(Event(LibC.IN_Q_OVERFLOW, "", 0));

        Assert.True(change is { IsOverflow: true, IsLost: false, Names.Count: 0 });
    }

    [Theory]
    [InlineData(LibC.IN_DELETE_SELF)]
    [InlineData(LibC.IN_MOVE_SELF)]
    [InlineData(LibC.IN_UNMOUNT)]
    [InlineData(LibC.IN_IGNORED)]
    public void Parse_endOfTheDirectory_isLost(uint mask)
    {
        using DirectoryWatch watch = DirectoryWatch.TryOpen(_directory)!;

        Assert.True(watch.Parse(Event(mask, "", 0)).IsLost);
    }

    [Fact]
    public void Wait_untilATime_isNothing()
    {
        using DirectoryWatch watch = DirectoryWatch.TryOpen(_directory)!;

        Assert.True(watch.Wait(TimeSpan.FromMilliseconds(1)).IsNothing);
    }

    [Fact]
    public void Wait_linksMade_namesThem()
    {
        using DirectoryWatch watch = DirectoryWatch.TryOpen(_directory)!;
        string outside = Directory.CreateTempSubdirectory("egress-files-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(outside, "file"), "");
            File.CreateSymbolicLink(Path.Combine(_directory, "symbolic"), "/nowhere");
            Command.Check("ln", Path.Combine(outside, "file"), Path.Combine(_directory, "hard"));

            Assert.Equal(["hard", "symbolic"], watch.Wait().Names.Order(StringComparer.Ordinal));
        }
        finally
        {
            Directory.Delete(outside, recursive: true);
        }
    }

    [Fact]
    public void Wait_namesElsewhere_areSeenAndNoOthers()
    {
        using DirectoryWatch watch = DirectoryWatch.TryOpen(_directory)!;
        string outside = Directory.CreateTempSubdirectory("egress-files-").FullName;
        try
        {
            watch.WatchElsewhere(new Dictionary<string, IReadOnlySet<string>> { [outside] = new HashSet<string> { "target" } }, new HashSet<string>());
            File.WriteAllText(Path.Combine(outside, "other"), "");
            Assert.True(watch.Wait().IsNothing);
            File.WriteAllText(Path.Combine(outside, "target"), "");
            DirectoryChange change = watch.Wait();
            Assert.Equal([Path.Combine(outside, "target")], change.Elsewhere);
            Assert.True(change is { IsLost: false, Names.Count: 0 });

            watch.WatchElsewhere(new Dictionary<string, IReadOnlySet<string>>(), new HashSet<string> { Path.Combine(outside, "other") });
            File.WriteAllText(Path.Combine(outside, "target"), "");
            File.WriteAllText(Path.Combine(outside, "other"), "more");
            Eventually.True("the file itself", () => watch.Wait().Elsewhere.Contains(Path.Combine(outside, "other")));
        }
        finally
        {
            Directory.Delete(outside, recursive: true);
        }
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static byte[] Event(uint mask, string name, int length)
    {
        byte[] bytes = new byte[16 + length];

        // The first watch of an instance has the descriptor 1.
        BinaryPrimitives.WriteInt32LittleEndian(bytes, 1);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), mask);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), length);
        Encoding.UTF8.GetBytes(name, bytes.AsSpan(16));
        return bytes;
    }
}
