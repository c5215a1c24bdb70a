namespace EgressAgent.Engine;

/// <summary>
/// Wakes a thread that waits for something to do. After its end it wakes nobody: a timer that was stopped, or an event that was let go
/// of, may still come once. Thread-safe.
/// </summary>
public sealed class WakeSignal : IDisposable
{
    private readonly Lock _lock = new();
    private readonly AutoResetEvent _event = new(initialState: false);
    private bool _isDisposed;

    /// <summary>Lets the wait that there is, or the next one, return.</summary>
    public void Set()
    {
        lock (_lock)
        {
            if (!_isDisposed)
            {
                _event.Set();
            }
        }
    }

    /// <summary>Returns when it was set since the last wait, or after <paramref name="timeout"/>.</summary>
    /// <returns>Whether it was set.</returns>
    public bool Wait(TimeSpan? timeout = null) => _event.WaitOne(timeout ?? Timeout.InfiniteTimeSpan);

    /// <summary>For when nobody waits any more.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _event.Dispose();
        }
    }
}
