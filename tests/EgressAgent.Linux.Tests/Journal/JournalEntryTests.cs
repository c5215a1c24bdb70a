using System.Text;
using EgressAgent.Linux.Journal;

namespace EgressAgent.Linux.Tests.Journal;

public sealed class JournalEntryTests
{
    private readonly JournalEntry _entry = new();

    [Fact]
    public void Add_values_becomeFieldsOfThatName()
    {
        _entry.Add(JournalField.Message, "zwei\nZeilen für \0 dich");
        _entry.Add("EGRESS_RAW", [0xff, 0x0a, 0x00]);
        _entry.Add("EGRESS_PORT", long.MinValue);
        _entry.Add(JournalPriority.Warning);
        _entry.Add("EGRESS_EMPTY", "");

        Assert.Equal(5, _entry.Count);
        Assert.Equal("MESSAGE=zwei\nZeilen für \0 dich", Field(0));
        Assert.Equal([.. "EGRESS_RAW="u8, 0xff, 0x0a, 0x00], _entry.GetField(1).ToArray());
        Assert.Equal("EGRESS_PORT=-9223372036854775808", Field(2));
        Assert.Equal("PRIORITY=4", Field(3));
        Assert.Equal("EGRESS_EMPTY=", Field(4));
    }

    [Fact]
    public void Add_invalidName_isRefusedAndLeavesTheEntryAsItWas()
    {
        _entry.Add("GOOD", "1");

        Assert.Throws<ArgumentException>(() => _entry.Add("_PID", "1"));
        _entry.Add("ALSO_GOOD", "2");

        Assert.Equal(2, _entry.Count);
        Assert.Equal("ALSO_GOOD=2", Field(1));
    }

    [Fact]
    public void Clear_usedEntry_startsAnew()
    {
        _entry.Add(JournalField.Message, new string('x', 1 << 20));
        _entry.Clear();
        Assert.Equal(0, _entry.Count);

        _entry.Add(JournalField.Message, "short");

        Assert.Equal("MESSAGE=short", Field(0));
    }

    [Fact]
    public void Add_reusedEntry_doesNotAllocate()
    {
        Fill();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1_000; i++)
        {
            _entry.Clear();
            Fill();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Fill()
        {
            _entry.Add(JournalField.Message, "default/web: interface net1 created");
            _entry.Add("EGRESS_ROUTER", "default/web");
            _entry.Add("EGRESS_PORT", 8080);
            _entry.Add(JournalPriority.Informational);
        }
    }

    private string Field(int index) => Encoding.UTF8.GetString(_entry.GetField(index));
}
