using EgressAgent.Linux;
using EgressAgent.Linux.Journal;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Records;

/// <summary>
/// Writes the records of flows to the journal of a namespace, on a thread of its own, so that nothing holds up who hears of flows or
/// carries them. What waits to be written is bounded; what is lost is counted and told, and so is when that is over. The thread is there
/// from the first record on. Thread-safe.
/// </summary>
public sealed class FlowRecorder : IDisposable
{
    /// <summary>How many records may wait.</summary>
    public const int Room = 65536;

    // Which are told; more than that have the same cause in other routers.
    private const int MaxLosses = 4;
    private const string TooLate = "the agent ended before they could be written";

    // That long nothing more is lost, and it is over.
    private static readonly TimeSpan LossTime = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan EndTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(20);

    private readonly Lock _lock = new();
    private readonly string _journalNamespace;
    private readonly bool _tellsDestinations;
    private readonly TimeProvider _time;
    private readonly int _room;
    private readonly OwedRecords? _owed;
    private readonly BoundedQueue<Waiting> _waiting;
    private readonly CancellationTokenSource _ending = new();
    private readonly JournalEntry _entry = new();
    private Thread? _thread;
    private JournalSocket? _socket;
    private ulong _written;
    private ulong _lost;
    private string? _notWritten;
    private readonly List<string> _losses = [];
    private long _lostAt;
    private (string? NotWritten, string? Loss) _told;
    private bool _isEnded;

    /// <param name="journalNamespace">The namespace's name.</param>
    /// <param name="tellsDestinations">Whether records say where flows went.</param>
    /// <param name="time">The clock.</param>
    /// <param name="owed">What is still to be written, for the next agent; it belongs to the caller. Null where that is noted nowhere.</param>
    public FlowRecorder(string journalNamespace, bool tellsDestinations, TimeProvider time, OwedRecords? owed = null)
        : this(journalNamespace, tellsDestinations, time, Room, owed)
    {
    }

    internal FlowRecorder(string journalNamespace, bool tellsDestinations, TimeProvider time, int room, OwedRecords? owed = null)
    {
        _journalNamespace = journalNamespace;
        _tellsDestinations = tellsDestinations;
        _time = time;
        _room = room;
        _owed = owed;
        _waiting = new BoundedQueue<Waiting>(room);
        SocketPath = JournalSocket.PathOf(journalNamespace);
    }

    /// <summary>Raised on the recorder's thread when <see cref="State"/> has other troubles.</summary>
    public event Action<FlowRecorderState>? Changed;

    /// <summary>Where records go.</summary>
    public string SocketPath { get; }

    public FlowRecorderState State
    {
        get
        {
            lock (_lock)
            {
                string? loss = _losses.Count == 0 ? null : $"records of flows are lost, and counted in egress_flow_records_lost_total: {string.Join("; ", _losses)}";
                return new FlowRecorderState(_written, _lost, _notWritten, loss);
            }
        }
    }

    /// <summary>Counts as lost what an agent that was killed has left unwritten.</summary>
    public void LoseFormer()
    {
        if (_owed is { Former: > 0 and var former })
        {
            Lose(former, $"the agent was killed with {former} still to write, of flows that the relay datapath carried, or that had just ended");
        }
    }

    /// <summary>
    /// A flow has begun that nobody can tell the next agent of: should this one be killed before its record is written, it is counted as
    /// lost. Its end is added as an expected one, or <see cref="Forgo"/> called.
    /// </summary>
    internal void Expect() => _owed?.Add();

    /// <summary>There will be no record of such a flow, and none is wanted.</summary>
    internal void Forgo() => _owed?.Remove();

    /// <summary>Has a record written.</summary>
    /// <param name="record">The record.</param>
    /// <param name="complete">Finds out what is missing in it, on the recorder's thread; null when nothing is.</param>
    /// <param name="isExpected">Whether <see cref="Expect"/> was called for it.</param>
    internal void Add(FlowRecord record, Func<FlowRecord, FlowRecord>? complete = null, bool isExpected = false)
    {
        if (record.Event == FlowEvent.End && !isExpected)
        {
            Expect();
        }

        bool isTaken;
        lock (_lock)
        {
            isTaken = !_isEnded && _waiting.TryAdd(new Waiting(record, complete));
            EnsureStarted();
        }

        if (!isTaken)
        {
            Lose(record, $"{_room} records wait to be written already");
        }
    }

    /// <summary>Counts records that there will not be.</summary>
    /// <param name="count">How many.</param>
    /// <param name="why">The reason.</param>
    internal void Lose(ulong count, string why)
    {
        lock (_lock)
        {
            _lost += count;
            _lostAt = _time.GetTimestamp();
            if (_losses.Count < MaxLosses && !_losses.Contains(why))
            {
                _losses.Add(why);
            }

            EnsureStarted();
        }
    }

    /// <summary>Writes what waits, as far as the journal takes it within some seconds. What it does not take is lost.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isEnded)
            {
                return;
            }

            _isEnded = true;
            _waiting.Close();
        }

        _ending.CancelAfter(EndTime);
        _thread?.Join();
        while (_waiting.TryTake(out Waiting waiting, TimeSpan.Zero))
        {
            Lose(waiting.Record, TooLate);
        }

        Tell();
        _socket?.Dispose();
        _ending.Dispose();
    }

    private void Lose(FlowRecord record, string why)
    {
        Lose(1, why);
        Settle(record);
    }

    // Beginnings are not owed: where one is missing, its flow has an end.
    private void Settle(FlowRecord record)
    {
        if (record.Event == FlowEvent.End)
        {
            _owed?.Remove();
        }
    }

    // Under the lock.
    private void EnsureStarted()
    {
        if (_thread is null && !_isEnded)
        {
            _thread = new Thread(Run) { Name = "flow-records", IsBackground = true };
            _thread.Start();
        }
    }

    private void Run()
    {
        while (!_waiting.IsOver)
        {
            if (_waiting.TryTake(out Waiting waiting, RetryInterval))
            {
                if (!TryWrite(waiting))
                {
                    Lose(waiting.Record, TooLate);
                    return;
                }

                Settle(waiting.Record);
            }

            EndLoss();
            Tell();

            // Flows of the relay end one by one, and to be woken for each would cost more than to write its record.
            if (_waiting.Count == 0)
            {
                _ending.Token.WaitHandle.WaitOne(Gathering);
            }
        }
    }

    // False when the end comes before it.
    private bool TryWrite(in Waiting waiting)
    {
        FlowRecord record = waiting.Complete?.Invoke(waiting.Record) ?? waiting.Record;
        _entry.Clear();
        _entry.Add(JournalField.Message, record.Describe(_tellsDestinations));
        _entry.Add(JournalPriority.Informational);
        _entry.Add(JournalField.SyslogIdentifier, "egress-agentd");
        foreach ((string name, string value) in record.Fields(_tellsDestinations))
        {
            _entry.Add(name, value);
        }

        while (true)
        {
            Errno errno = TrySend();
            lock (_lock)
            {
                _written += errno.IsSuccess ? 1u : 0u;
                _notWritten = errno.IsSuccess ? null
                    : $"records of flows cannot be written: {errno}; {_room} wait, and further ones are lost; {Remedy(errno)}";
            }

            if (errno.IsSuccess)
            {
                return true;
            }

            EndLoss();
            Tell();
            if (_ending.Token.WaitHandle.WaitOne(errno == Errno.EAGAIN ? TimeSpan.Zero : RetryInterval))
            {
                return false;
            }
        }
    }

    private Errno TrySend()
    {
        try
        {
            _socket ??= JournalSocket.Open(SocketPath, RetryInterval);
            return _socket.Send(_entry);
        }
        catch (LinuxException exception)
        {
            return exception.Errno;
        }
    }

    private string Remedy(Errno errno) => errno == Errno.EAGAIN
        ? $"journald does not read them: systemctl restart systemd-journald@{_journalNamespace}.service"
        : errno == Errno.ENOENT || errno == Errno.ECONNREFUSED
            ? $"nobody listens there: {Wanted}systemctl start systemd-journald@{_journalNamespace}.socket"
            : $"see: systemctl status systemd-journald@{_journalNamespace}.socket";

    // The unit wants that of the default by itself; what no unit wants systemd stops at once.
    private string Wanted => _journalNamespace == FlowRecordSettings.Default.Namespace
        ? ""
        : $"systemctl add-wants egress-agentd.service systemd-journald@{_journalNamespace}.socket && ";

    private void EndLoss()
    {
        lock (_lock)
        {
            if (_losses.Count > 0 && _time.GetElapsedTime(_lostAt) >= LossTime)
            {
                _losses.Clear();
            }
        }
    }

    private void Tell()
    {
        FlowRecorderState state = State;
        if ((state.NotWritten, state.Loss) != _told)
        {
            _told = (state.NotWritten, state.Loss);
            Changed?.Invoke(state);
        }
    }

    private readonly record struct Waiting(FlowRecord Record, Func<FlowRecord, FlowRecord>? Complete);
}

/// <summary>How it goes with the records of flows.</summary>
/// <param name="Written">How many were written.</param>
/// <param name="Lost">How many are lost.</param>
/// <param name="NotWritten">Why none can be written at the moment; null when they can.</param>
/// <param name="Loss">Why some were lost of late; null when none were.</param>
public sealed record FlowRecorderState(ulong Written, ulong Lost, string? NotWritten, string? Loss);
