using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// Serves a name on a message bus. One thread owns the connection and everything on it; other threads hand it work and never wait
/// for it or for the bus. When there is no bus, or when it goes away, the thread tries again with growing pauses and registers
/// everything anew.
/// </summary>
public sealed unsafe class BusThread : IDisposable
{
    // How long a bus that does not read may hold up the end.
    private const ulong FlushMicroseconds = 1_000_000;

    private readonly BusOptions _options;
    private readonly BusConnection _connection;
    private readonly BusWorkQueue _work = new();
    private readonly Thread _thread;

    private BusLink? _link;
    private BusStatus? _status;
    private TimeSpan _backoff;
    private ulong _nextAttempt;

    private BusThread(BusOptions options, Action<BusConnection> configure)
    {
        _options = options;
        _backoff = options.InitialBackoff;
        _connection = new BusConnection(this, options.Faulted);
        configure(_connection);
        _thread = new Thread(Run) { Name = options.ThreadName, IsBackground = true };
    }

    /// <summary>Starts the thread and returns at once, whether there is a bus or not.</summary>
    /// <param name="options">Where to connect and to whom to report.</param>
    /// <param name="configure">Runs first, on the calling thread: adds the objects that are there from the start.</param>
    public static BusThread Start(BusOptions options, Action<BusConnection> configure)
    {
        var bus = new BusThread(options, configure);
        bus._thread.Start();
        return bus;
    }

    /// <summary>
    /// Has the bus thread do something, soon; returns at once and may be called from any thread. Work that still waits under an
    /// equal key is replaced and keeps its place, so that no more waits than there are keys, however slow the bus is: work
    /// brings the objects to the state that it finds when it runs, rather than carry one change. It also runs while there is
    /// no connection. An exception is reported to <see cref="BusOptions.Faulted"/>. After <see cref="Dispose"/>, nothing happens.
    /// </summary>
    public void Post(object key, Action<BusConnection> work) => _work.Put(key, work);

    /// <summary>
    /// Does the work that waits, sends what is queued, for a second at most, gives up the name and ends the thread. Not to be called
    /// on the bus thread.
    /// </summary>
    public void Dispose()
    {
        _work.Stop();
        _thread.Join();
        _work.Dispose();
    }

    private void Run()
    {
        while (!_work.IsStopped)
        {
            if (_link is null && LibC.MonotonicMicroseconds() >= _nextAttempt)
            {
                Connect();
            }

            bool more = Process();
            DoWork();
            Wait(more);
        }

        DoWork();
        Flush();
        Close();
    }

    private void Connect()
    {
        try
        {
            _link = BusLink.Open(_options, _connection);
        }
        catch (LinuxException failure)
        {
            Retry(failure.Message);
        }
    }

    private bool Process()
    {
        if (_link is null)
        {
            return false;
        }

        try
        {
            bool more = _link.Process();
            if (_link.OwnsName && _status is not { IsReady: true })
            {
                _backoff = _options.InitialBackoff;
                Report(new BusStatus(true, $"{_options.Name} is served on {_options.Address} by {_link.UniqueName}"));
            }

            return more;
        }
        catch (LinuxException failure)
        {
            Retry(failure.Message);
            return false;
        }
    }

    // Work waits, and coalesces, while the bus does not take what it was sent.
    private void DoWork()
    {
        for (int i = _work.Count; i > 0 && _link is not { IsCongested: true } && _work.TryTake(out object key, out var work); i--)
        {
            try
            {
                work(_connection);
            }
            catch (Exception failure)
            {
                _options.Faulted(key.ToString() ?? "", failure);
            }
        }
    }

    private void Wait(bool more)
    {
        PollFd* descriptors = stackalloc PollFd[2];
        descriptors[0] = new PollFd { fd = _work.WakeupDescriptor, events = LibC.POLLIN };
        ulong deadline = _nextAttempt;
        if (_link is not null)
        {
            try
            {
                (descriptors[1], deadline) = _link.GetWait();
            }
            catch (LinuxException failure)
            {
                Retry(failure.Message);
                return;
            }
        }

        // EINTR and errors on the descriptor are found by the next turn.
        _ = LibC.poll(descriptors, _link is null ? 1u : 2u, more ? 0 : MillisecondsUntil(deadline));
        if (descriptors[0].revents != 0)
        {
            _work.Acknowledge();
        }
    }

    private void Flush()
    {
        ulong end = LibC.MonotonicMicroseconds() + FlushMicroseconds;
        while (_link is { IsCongested: true } && LibC.MonotonicMicroseconds() < end)
        {
            PollFd descriptor = _link.GetWait().Descriptor;
            _ = LibC.poll(&descriptor, 1, MillisecondsUntil(end));
            Process();
        }
    }

    private void Retry(string reason)
    {
        Close();
        _nextAttempt = LibC.MonotonicMicroseconds() + (ulong)_backoff.TotalMicroseconds;
        _backoff = TimeSpan.FromTicks(Math.Min(_backoff.Ticks * 2, _options.MaxBackoff.Ticks));
        Report(new BusStatus(false, reason));
    }

    private void Close()
    {
        _connection.Detach();
        _link?.Dispose();
        _link = null;
    }

    private void Report(BusStatus status)
    {
        if (status != _status)
        {
            _status = status;
            _options.StatusChanged(status);
        }
    }

    private static int MillisecondsUntil(ulong deadline)
    {
        if (deadline == ulong.MaxValue)
        {
            return -1;
        }

        ulong now = LibC.MonotonicMicroseconds();
        return deadline <= now ? 0 : (int)Math.Min((deadline - now + 999) / 1000, int.MaxValue);
    }
}
