using System.Diagnostics;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// Serves a name on a message bus. One loop owns everything that is shown; threads hand it work and never wait for it or for the
/// bus. When there is no bus, or when it goes away, it is tried again with growing pauses, and everything is there again before
/// the name is.
/// </summary>
public sealed class BusService : IDisposable
{
    // How long a bus that does not read may hold up the end.
    private static readonly TimeSpan FlushTime = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRush = TimeSpan.FromSeconds(30);

    // How much is sent, or begun, before the bus has to have read it.
    private const int BatchSize = 64;

    private readonly BusOptions _options;
    private readonly BusQueue _queue = new();
    private readonly BusConnection _connection = new();
    private readonly BusDispatcher _dispatcher;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _run;

    private Task<BusLink>? _opening;
    private Task? _quiet;
    private long _firstCall;
    private long _lastCall;
    private BusStatus? _status;
    private TimeSpan _backoff;

    private BusService(BusOptions options, Action<BusConnection> configure)
    {
        _options = options;
        _backoff = options.InitialBackoff;
        _dispatcher = new BusDispatcher(_connection, _queue, options.Faulted);
        configure(_connection);
        _run = Task.Run(RunAsync);
    }

    /// <summary>Starts the service and returns at once, whether there is a bus or not.</summary>
    /// <param name="options">Where to connect and to whom to report.</param>
    /// <param name="configure">Runs first, on the calling thread: adds the objects that are there from the start.</param>
    public static BusService Start(BusOptions options, Action<BusConnection> configure) => new(options, configure);

    /// <summary>
    /// Has the loop do something, soon; returns at once and may be called from any thread. Work that still waits under an
    /// equal key is replaced and keeps its place, so that no more waits than there are keys, however slow the bus is: work
    /// brings the objects to the state that it finds when it runs, rather than carry one change. It also runs while there is
    /// no connection. An exception is reported to <see cref="BusOptions.Faulted"/>. After <see cref="Dispose"/>, nothing happens.
    /// </summary>
    public void Post(object key, Action<BusConnection> work) => _queue.PutWork(key, work);

    /// <summary>Does the work that waits, sends what is queued, for a second at most, and gives up the name. Not for the loop.</summary>
    public void Dispose()
    {
        _queue.Stop();
        _stopping.CancelAfter(FlushTime);
        _run.Wait();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_queue.IsStopped)
        {
            Connect();
            TellQuiet();
            bool more = await ServeAsync(BatchSize).ConfigureAwait(false);
            if (!more)
            {
                await _queue.WaitAsync().ConfigureAwait(false);
            }
        }

        await EndAsync().ConfigureAwait(false);
    }

    // Opening goes on beside the loop, which a bus that does not answer must not hold up.
    private void Connect()
    {
        if (_connection.Link is { LossReason: { } reason })
        {
            Retry(reason);
        }

        if (_connection.Link is not null)
        {
            return;
        }

        if (_opening is null)
        {
            Open(TimeSpan.Zero);
        }
        else if (_opening.IsCompleted)
        {
            Adopt(_opening);
        }
    }

    private void Adopt(Task<BusLink> opened)
    {
        if (opened.IsCompletedSuccessfully)
        {
            _opening = null;
            _backoff = _options.InitialBackoff;
            _connection.Link = opened.Result;
            Report(new BusStatus(true, $"{_options.Name} is served on {_options.Address} by {opened.Result.UniqueName}"));
        }
        else
        {
            Retry(opened.Exception?.InnerException?.Message ?? "cancelled");
        }
    }

    private void Retry(string reason)
    {
        _connection.Link?.Dispose();
        _connection.Link = null;
        Open(_backoff);
        _backoff = TimeSpan.FromTicks(Math.Min(_backoff.Ticks * 2, _options.MaxBackoff.Ticks));
        Report(new BusStatus(false, reason));
    }

    private void Open(TimeSpan pause)
    {
        _opening = OpenAsync(pause);
        _ = _opening.ContinueWith(_ => _queue.Wake(), TaskScheduler.Default);
    }

    private async Task<BusLink> OpenAsync(TimeSpan pause)
    {
        await Task.Delay(pause, _stopping.Token).ConfigureAwait(false);
        return await BusLink.OpenAsync(_options, _queue, _stopping.Token).ConfigureAwait(false);
    }

    // Calls, answers and work take turns, up to a fair share; true where more may be waiting. What is sent waits, and work
    // coalesces, while the bus does not read.
    private async ValueTask<bool> ServeAsync(int share)
    {
        bool more = true;
        for (int works = _queue.WorkCount; more && share > 0 && _connection.Sent < BatchSize; share--)
        {
            more = false;
            if (_queue.TryTakeAnswer(out Action? answer))
            {
                answer();
                more = true;
            }

            if (_queue.TryTakeCall(out BusMethodCall? call))
            {
                await _dispatcher.HandleAsync(call).ConfigureAwait(false);
                _lastCall = Stopwatch.GetTimestamp();
                _firstCall = _quiet is null ? _lastCall : _firstCall;
                _quiet ??= WakeLater();
                more = true;
            }

            if (works-- > 0 && _queue.TryTakeWork(out object? key, out Action<BusConnection>? work))
            {
                Do(key, work);
                more = true;
            }
        }

        if (_connection.Sent > 0 && _connection.Link is { } link)
        {
            await link.FlushAsync(_stopping.Token).ConfigureAwait(false);
        }

        _connection.Sent = 0;
        return more;
    }

    private void TellQuiet()
    {
        if (_quiet is not { IsCompleted: true })
        {
            return;
        }

        bool isQuiet = Stopwatch.GetElapsedTime(_lastCall) >= QuietTime || Stopwatch.GetElapsedTime(_firstCall) >= LongestRush;
        _quiet = isQuiet ? null : WakeLater();
        if (isQuiet)
        {
            _options.Quiet();
        }
    }

    private Task WakeLater()
    {
        Task later = Task.Delay(QuietTime, _stopping.Token);
        _ = later.ContinueWith(_ => _queue.Wake(), TaskScheduler.Default);
        return later;
    }

    private void Do(object key, Action<BusConnection> work)
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

    private async Task EndAsync()
    {
        while (await ServeAsync(int.MaxValue).ConfigureAwait(false) && !_stopping.IsCancellationRequested)
        {
        }

        _connection.Link?.Dispose();
        if (_opening is not null)
        {
            await _stopping.CancelAsync().ConfigureAwait(false);
            await _opening.ContinueWith(opened => opened.IsCompletedSuccessfully ? opened.Result : null, TaskScheduler.Default)
                .ContinueWith(opened => opened.Result?.Dispose(), TaskScheduler.Default).ConfigureAwait(false);
        }
    }

    private void Report(BusStatus status)
    {
        if (status != _status)
        {
            _status = status;
            _options.StatusChanged(status);
        }
    }
}
