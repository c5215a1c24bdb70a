using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Records;
using EgressAgent.Model;
using EgressAgent.Model.Status;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Records;

public sealed class FlowRecorderTests : IDisposable
{
    private const int Room = 10;

    private readonly FakeTimeProvider _time = new();
    private readonly JournalReceiver _journal = new(isListening: false);
    private readonly FlowRecorder _recorder;
    private readonly List<(string? NotWritten, string? Loss)> _told = [];

    public FlowRecorderTests()
    {
        _recorder = new FlowRecorder(_journal.Namespace, tellsDestinations: true, _time, Room);
        _recorder.Changed += state =>
        {
            lock (_told)
            {
                _told.Add((state.NotWritten, state.Loss));
            }
        };
    }

    public void Dispose()
    {
        _recorder.Dispose();
        _journal.Dispose();
    }

    [Fact]
    public void What_finds_no_room_is_lost_counted_and_told_until_a_minute_passed_without()
    {
        const int Count = 30;
        Add(Count);
        Eventually.Holds(() => Assert.Contains("10 records wait to be written already", _recorder.State.Loss));
        Eventually.Holds(() => Assert.Contains("ENOENT", _recorder.State.NotWritten));
        ulong lost = _recorder.State.Lost;

        // One of them may be on its way.
        Assert.InRange(lost, (ulong)(Count - Room - 1), (ulong)(Count - Room));

        _journal.Listen();
        Eventually.Holds(() => Assert.Equal(Count - (int)lost, _journal.Entries.Count));
        Eventually.Holds(() => Assert.Null(_recorder.State.NotWritten));
        Assert.NotNull(_recorder.State.Loss);
        _time.Advance(TimeSpan.FromSeconds(61));

        Eventually.Holds(() => Assert.Equal((null, null), Told[^1]));
        Assert.Equal((Count - lost, lost), (_recorder.State.Written, _recorder.State.Lost));

        // In their order, and none twice; room that the writer makes among the last is taken by one of those.
        int[] ports = [.. _journal.Entries.Select(entry => int.Parse(entry["EGRESS_CLIENT_PORT"]))];
        Assert.Equal(Enumerable.Range(0, Room), ports.Take(Room));
        Assert.Equal(ports.Distinct().Order(), ports);
    }

    [Fact]
    public void Journal_that_does_not_read_holds_up_nobody()
    {
        using Socket deaf = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        deaf.Bind(new UnixDomainSocketEndPoint(_journal.SocketPath));

        // More than the kernel takes for a socket that nobody reads.
        Eventually.Holds(() =>
        {
            Add(100);
            Assert.Contains("EAGAIN", _recorder.State.NotWritten);
        });
        Assert.Contains($"systemctl restart systemd-journald@{_journal.Namespace}.service", _recorder.State.NotWritten);
    }

    [Fact]
    public void End_writes_what_waits_and_counts_what_it_cannot()
    {
        Add(5);
        Eventually.Holds(() => Assert.NotNull(_recorder.State.NotWritten));
        _journal.Listen();
        _recorder.Dispose();

        Assert.Equal((5ul, 0ul), (_recorder.State.Written, _recorder.State.Lost));

        Add(1);
        Assert.Equal(1ul, _recorder.State.Lost);
    }

    [Fact]
    public void What_is_missing_in_a_record_is_found_out_before_it_is_written()
    {
        _journal.Listen();

        _recorder.Add(Record(1), record => record with { Source = new IPEndPoint(record.Source.Address, 4711) });

        Eventually.Holds(() => Assert.Equal("4711", Assert.Single(_journal.Entries)["EGRESS_SOURCE_PORT"]));
    }

    [Fact]
    public void What_an_agent_that_is_killed_has_not_written_the_next_one_counts_as_lost()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("egress-owed-").FullName, "count");
        try
        {
            using OwedRecords owed = OwedRecords.TryOpen(path)!;
            using FlowRecorder killed = new(_journal.Namespace, tellsDestinations: true, _time, Room, owed);
            for (int flow = 0; flow < 5; flow++)
            {
                killed.Expect();
            }

            // One flow ends, one is not wanted any more, one is another datapath's; of those three the first and the last wait for the journal.
            killed.Add(Record(1), isExpected: true);
            killed.Forgo();
            killed.Add(Record(2));
            killed.Add(Record(3) with { Event = FlowEvent.Start });
            Assert.Equal(5, owed.Count);

            // The file as a process that is killed leaves it.
            File.Copy(path, path + "-left");
            using OwedRecords left = OwedRecords.TryOpen(path + "-left")!;
            using FlowRecorder next = new(_journal.Namespace, tellsDestinations: true, _time, Room, left);
            next.LoseFormer();
            next.Lose(1, "of another reason");
            next.Lose(1, "of another reason");
            Assert.Equal(7ul, next.State.Lost);
            Assert.EndsWith(
                "the agent was killed with 5 still to write, of flows that the relay datapath carried, or that had just ended; of another reason", next.State.Loss);
            Assert.Equal(0, left.Count);

            // What is written is not owed, and what is lost in the agent's life neither.
            _journal.Listen();
            Eventually.Holds(() => Assert.Equal(3, owed.Count));
            killed.Dispose();
            killed.Add(Record(4), isExpected: true);
            Assert.Equal(2, owed.Count);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("no")]
    [InlineData("no count at all")]
    public void File_that_holds_no_count_says_nothing(string content)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, content);
            using OwedRecords owed = OwedRecords.TryOpen(path)!;
            Assert.Equal((0ul, 0L), (owed.Former, owed.Count));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private (string? NotWritten, string? Loss)[] Told
    {
        get
        {
            lock (_told)
            {
                return [.. _told];
            }
        }
    }

    private void Add(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _recorder.Add(Record(i));
        }
    }

    private static FlowRecord Record(int port) => new(
        FlowEvent.End, new RouterKey("default", "web"), "8080/TCP", 6, IPEndPoint.Parse($"198.18.0.1:{port}"), IPEndPoint.Parse("192.168.12.99:40000"),
        IPEndPoint.Parse("203.0.113.26:80"));
}
