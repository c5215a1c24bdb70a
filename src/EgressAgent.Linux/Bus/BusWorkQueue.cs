using EgressAgent.Linux.Epoll;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// Work for the bus thread, at most one piece a key, first come first served, and the descriptor that wakes the thread. Any
/// thread may put; one takes.
/// </summary>
internal sealed class BusWorkQueue : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<object> _order = new();
    private readonly Dictionary<object, Action<BusConnection>> _work = [];
    private readonly WakeupHandle _wakeup = WakeupHandle.Create();
    private bool _stopped;

    /// <summary>Readable when there is something to take, or when it is time to stop.</summary>
    internal int WakeupDescriptor => _wakeup.Descriptor;

    internal bool IsStopped
    {
        get
        {
            lock (_lock)
            {
                return _stopped;
            }
        }
    }

    internal int Count
    {
        get
        {
            lock (_lock)
            {
                return _order.Count;
            }
        }
    }

    /// <summary>Puts work, in place of what waits under an equal key. Does nothing once stopped.</summary>
    internal void Put(object key, Action<BusConnection> work)
    {
        lock (_lock)
        {
            if (_stopped)
            {
                return;
            }

            if (_work.TryAdd(key, work))
            {
                _order.Enqueue(key);
            }
            else
            {
                _work[key] = work;
            }

            _wakeup.Signal();
        }
    }

    internal bool TryTake(out object key, out Action<BusConnection> work)
    {
        lock (_lock)
        {
            if (!_order.TryDequeue(out object? first))
            {
                (key, work) = (this, _ => { });
                return false;
            }

            key = first;
            return _work.Remove(first, out work!);
        }
    }

    internal void Stop()
    {
        lock (_lock)
        {
            _stopped = true;
            _wakeup.Signal();
        }
    }

    /// <summary>Makes the descriptor unreadable until the next <see cref="Put"/> or <see cref="Stop"/>.</summary>
    internal void Acknowledge() => _wakeup.Reset();

    public void Dispose() => _wakeup.Dispose();
}
