using EgressAgent.Model;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// Which routers are due. A key is handed to one worker at a time; adding it while it is being worked on makes it due once more
/// afterwards, adding it while it waits changes nothing. Thread-safe.
/// </summary>
internal sealed class WorkQueue : IDisposable
{
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Queue<RouterKey> _ready = new();
    private readonly HashSet<RouterKey> _dirty = [];
    private readonly HashSet<RouterKey> _processing = [];
    private readonly PriorityQueue<RouterKey, long> _later = new();
    private readonly Dictionary<RouterKey, long> _dueTimes = [];
    private readonly SemaphoreSlim _available = new(0);
    private readonly ITimer _timer;
    private TaskCompletionSource? _idle;
    private bool _isClosed;

    internal WorkQueue(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(_ => MoveDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Completes when no key waits and none is being worked on. Keys that are due later do not count.</summary>
    internal Task WhenIdle()
    {
        lock (_lock)
        {
            if (IsIdle)
            {
                return Task.CompletedTask;
            }

            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _idle.Task;
        }
    }

    /// <summary>Makes a key due now.</summary>
    internal void Add(RouterKey key)
    {
        lock (_lock)
        {
            AddLocked(key);
        }
    }

    /// <summary>Makes a key due after a delay, or earlier if it was to be due earlier.</summary>
    internal void AddAfter(RouterKey key, TimeSpan delay)
    {
        lock (_lock)
        {
            long due = _time.GetTimestamp() + (long)(delay.TotalSeconds * _time.TimestampFrequency);
            if (_isClosed || (_dueTimes.TryGetValue(key, out long known) && known <= due))
            {
                return;
            }

            _dueTimes[key] = due;
            _later.Enqueue(key, due);
            SetTimer();
        }
    }

    /// <summary>Waits for a key that is due; false when the queue was closed. Every key taken is given back with <see cref="Done"/>.</summary>
    internal bool TryTake(out RouterKey key)
    {
        _available.Wait();
        lock (_lock)
        {
            if (_isClosed)
            {
                key = default;
                return false;
            }

            key = _ready.Dequeue();
            _dirty.Remove(key);
            _processing.Add(key);
            return true;
        }
    }

    /// <returns>Whether no key waits and none is being worked on now.</returns>
    internal bool Done(RouterKey key)
    {
        lock (_lock)
        {
            _processing.Remove(key);
            if (_dirty.Contains(key))
            {
                Release(key);
            }
            else if (IsIdle)
            {
                _idle?.SetResult();
                _idle = null;
            }

            return IsIdle;
        }
    }

    /// <summary>Lets every waiting and future <see cref="TryTake"/> return false.</summary>
    internal void Close(int workers)
    {
        lock (_lock)
        {
            _isClosed = true;
        }

        _available.Release(workers);
    }

    public void Dispose()
    {
        _timer.Dispose();
        _available.Dispose();
    }

    private bool IsIdle => _dirty.Count == 0 && _processing.Count == 0;

    private void AddLocked(RouterKey key)
    {
        if (!_isClosed && _dirty.Add(key) && !_processing.Contains(key))
        {
            Release(key);
        }
    }

    private void Release(RouterKey key)
    {
        _ready.Enqueue(key);
        _available.Release();
    }

    private void MoveDue()
    {
        lock (_lock)
        {
            long now = _time.GetTimestamp();
            while (_later.TryPeek(out RouterKey key, out long due) && due <= now)
            {
                _later.Dequeue();

                // An entry that an earlier one has overtaken is no longer in the table.
                if (_dueTimes.TryGetValue(key, out long known) && known == due)
                {
                    _dueTimes.Remove(key);
                    AddLocked(key);
                }
            }

            SetTimer();
        }
    }

    private void SetTimer()
    {
        if (!_isClosed && _later.TryPeek(out _, out long due))
        {
            double seconds = Math.Max(0, (double)(due - _time.GetTimestamp()) / _time.TimestampFrequency);

            // Rounded up to the timer's millisecond, or it would fire early and spin.
            _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(seconds * 1000)), Timeout.InfiniteTimeSpan);
        }
    }
}
