using EgressAgent.Linux.Journal;
using EgressAgent.Testing.Journal;

namespace EgressAgent.Linux.Tests.Journal;

/// <summary>Files that a real journald wrote.</summary>
public sealed class JournalReaderTests : IDisposable
{
    private readonly PrivateJournal? _journal;

    public JournalReaderTests()
    {
        EgressAgent.Testing.Requires.Root();
        Assert.SkipUnless(PrivateJournal.IsAvailable, "needs systemd-journald and a machine-id");
        _journal = PrivateJournal.Start();
    }

    [Fact]
    public void Entries_areRead_inTheirOrder_andBackwards()
    {
        Send("COUNT=1\n", "COUNT=2\n", "OTHER=x\n", "COUNT=3\n");
        using JournalReader reader = Open();
        reader.SeekStart();
        List<string> forward = [];
        while (reader.MoveNext())
        {
            if (Field(reader, "COUNT") is { } count)
            {
                forward.Add(count);
            }
        }

        List<string> backward = [];
        while (reader.MovePrevious())
        {
            if (Field(reader, "COUNT") is { } count)
            {
                backward.Add(count);
            }
        }

        Assert.Equal(["1", "2", "3"], forward);
        Assert.Equal(["2", "1"], backward);
    }

    [Fact]
    public void Match_ofTwoFields_wantsBoth_andOfOneField_eitherValue()
    {
        Send("COLOUR=red\nSIZE=1\n", "COLOUR=blue\nSIZE=1\n", "COLOUR=red\nSIZE=2\n", "COLOUR=redder\nSIZE=1\n");
        using JournalReader reader = Open();

        Assert.Equal(["red 1"], Find(reader, ("COLOUR", "red"), ("SIZE", "1")));
        Assert.Equal(["red 1", "blue 1", "red 2"], Find(reader, ("COLOUR", "red"), ("COLOUR", "blue")));
        Assert.Empty(Find(reader, ("COLOUR", "green")));
        Assert.Empty(Find(reader, ("COLOUR", "blue"), ("SIZE", "2")));
        Assert.Empty(Find(reader, ("COLO", "blue")));
    }

    [Fact]
    public void Seek_aTime_isBetweenWhatWasBeforeAndWhatFollows()
    {
        Send("COUNT=1\n");
        Send("COUNT=2\n");
        using JournalReader reader = Open();
        reader.Match("COUNT", "2");
        reader.SeekStart();
        Assert.True(reader.MoveNext());
        DateTimeOffset second = reader.Time;
        Assert.InRange(second, DateTimeOffset.UtcNow - TimeSpan.FromMinutes(1), DateTimeOffset.UtcNow);
        reader.ClearMatches();
        reader.Match("COUNT", "1");
        reader.Match("COUNT", "2");

        reader.Seek(second);
        Assert.True(reader.MoveNext());
        Assert.Equal("2", Field(reader, "COUNT"));
        Assert.False(reader.MoveNext());
        reader.Seek(second);
        Assert.True(reader.MovePrevious());
        Assert.Equal("2", Field(reader, "COUNT"));
        reader.Seek(second - TimeSpan.FromMicroseconds(1));
        Assert.True(reader.MovePrevious());
        Assert.Equal("1", Field(reader, "COUNT"));
        Assert.False(reader.MovePrevious());
        reader.Seek(DateTimeOffset.MinValue);
        Assert.False(reader.MovePrevious());
        reader.Seek(DateTimeOffset.MaxValue);
        Assert.False(reader.MoveNext());
    }

    [Fact]
    public void Read_values_areWholeAndMayBeAnything()
    {
        string big = new('ä', 5000);
        Send($"EMPTY=\nEQUALS=a=b=c\nBIG={big}\n");
        using JournalReader reader = Open();
        reader.Match("EMPTY", "");
        reader.SeekStart();
        Assert.True(reader.MoveNext());

        Assert.Equal("", Field(reader, "EMPTY"));
        Assert.Equal("a=b=c", Field(reader, "EQUALS"));
        Assert.Equal(big, Field(reader, "BIG"));
        Assert.Null(Field(reader, "NONE"));
        Assert.Null(Field(reader, "EQUAL"));
    }

    [Fact]
    public void Read_fieldsOfOnePrefix_areThose()
    {
        Send("MY_ONE=1\nMY_EMPTY=\nMYSELF=2\nMY_TWO=a=ä\n", "MY_ONE=3\n");
        using JournalReader reader = Open();
        reader.Match("MY_ONE", "1");
        reader.Match("MY_ONE", "3");
        reader.SeekStart();
        Dictionary<string, string> fields = [];

        Assert.True(reader.MoveNext());
        reader.Read("MY_"u8, fields);
        Assert.Equal(new Dictionary<string, string> { ["MY_ONE"] = "1", ["MY_EMPTY"] = "", ["MY_TWO"] = "a=ä" }, fields);
        Assert.True(reader.MoveNext());
        reader.Read("MY_"u8, fields);
        Assert.Equal("3", Assert.Single(fields).Value);
    }

    [Fact]
    public void Entries_thatComeMeanwhile_areThereForTheNextReader()
    {
        using JournalReader before = Open();
        Send("COUNT=1\n");
        using JournalReader after = Open();

        Assert.Equal(["1"], Find(after, ("COUNT", "1")));
    }

    [Fact]
    public void Namespace_thatNobodyLoggedTo_isEmpty()
    {
        using var reader = JournalReader.OpenNamespace("egress-test-nobody");
        reader.SeekStart();

        Assert.False(reader.MoveNext());
        reader.Seek(DateTimeOffset.UtcNow);
        Assert.False(reader.MovePrevious());
        Assert.Null(Field(reader, "MESSAGE"));
    }

    [Fact]
    public void Reader_thatIsDone_keepsNoDescriptor()
    {
        Send("COUNT=1\n");
        Open().Dispose();
        int before = Descriptors();
        for (int i = 0; i < 50; i++)
        {
            using JournalReader reader = Open();
            Assert.Equal(["1"], Find(reader, ("COUNT", "1")));
        }

        Assert.InRange(Descriptors(), 0, before + 10);

        static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;
    }

    public void Dispose() => _journal?.Dispose();

    private JournalReader Open() => JournalReader.OpenNamespace(_journal!.Namespace);

    private void Send(params string[] entries)
    {
        foreach (string entry in entries)
        {
            _journal!.Send(entry);
        }

        _journal!.Sync();
    }

    private static string? Field(JournalReader reader, string name)
    {
        Dictionary<string, string> fields = [];
        reader.Read([], fields);
        return fields.GetValueOrDefault(name);
    }

    private static List<string> Find(JournalReader reader, params (string Field, string Value)[] matches)
    {
        reader.ClearMatches();
        foreach ((string field, string value) in matches)
        {
            reader.Match(field, value);
        }

        reader.SeekStart();
        List<string> found = [];
        while (reader.MoveNext())
        {
            found.Add(string.Join(' ', new[] { Field(reader, "COLOUR"), Field(reader, "SIZE"), Field(reader, "COUNT") }.OfType<string>()));
        }

        return found;
    }
}
