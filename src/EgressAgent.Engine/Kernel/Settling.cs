namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Has something looked at once changes have settled: one seldom comes alone. What does not settle is looked at less and less often.
/// Thread-safe.
/// </summary>
internal sealed class Settling : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly Action _look;
    private readonly ITimer _timer;
    private readonly TimeSpan _shortest;
    private readonly TimeSpan _longest;
    private bool _isWaiting;
    private TimeSpan _pause;
    private long? _lastLook;

    /// <param name="time">The clock.</param>
    /// <param name="look">Called on a thread of the pool, perhaps once more while it still runs.</param>
    /// <param name="shortest">How long changes have to settle.</param>
    /// <param name="longest">How seldom it is looked while they keep coming.</param>
    internal Settling(TimeProvider time, Action look, TimeSpan shortest, TimeSpan longest)
    {
        (_shortest, _longest, _pause) = (shortest, longest, shortest);
        _time = time;
        _look = look;
        _timer = time.CreateTimer(_ => Look(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Notes that something has changed.</summary>
    internal void Unsettle()
    {
        lock (_lock)
        {
            if (_isWaiting)
            {
                return;
            }

            _isWaiting = true;
            _pause = _lastLook is { } last && _time.GetElapsedTime(last) < _pause
                ? _pause * 2 < _longest ? _pause * 2 : _longest
                : _shortest;
            _timer.Change(_pause, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        lock (_lock)
        {
            _isWaiting = false;
            _lastLook = _time.GetTimestamp();
        }

        _look();
    }
}
