using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// What waits for the service's loop: calls and the rest of slow ones in their order, and work, at most one piece a key, first
/// come first served. Any thread may put; one loop takes.
/// </summary>
internal sealed class BusQueue
{
    private readonly Lock _lock = new();
    private readonly Queue<BusMethodCall> _calls = new();
    private readonly Queue<Action> _answers = new();
    private readonly Queue<object> _order = new();
    private readonly Dictionary<object, Action<BusConnection>> _work = [];
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1)
    {
        FullMode = BoundedChannelFullMode.DropWrite,
        SingleReader = true,
    });

    private bool _isStopped;

    internal bool IsStopped
    {
        get
        {
            lock (_lock)
            {
                return _isStopped;
            }
        }
    }

    internal int WorkCount
    {
        get
        {
            lock (_lock)
            {
                return _order.Count;
            }
        }
    }

    internal void PutCall(BusMethodCall call)
    {
        lock (_lock)
        {
            _calls.Enqueue(call);
        }

        Wake();
    }

    /// <summary>Puts what is left to do for a call that was begun; it is done also after <see cref="Stop"/>.</summary>
    internal void PutAnswer(Action answer)
    {
        lock (_lock)
        {
            _answers.Enqueue(answer);
        }

        Wake();
    }

    /// <summary>Puts work, in place of what waits under an equal key. Does nothing once stopped.</summary>
    internal void PutWork(object key, Action<BusConnection> work)
    {
        lock (_lock)
        {
            if (_isStopped)
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
        }

        Wake();
    }

    internal bool TryTakeCall([NotNullWhen(true)] out BusMethodCall? call)
    {
        lock (_lock)
        {
            return _calls.TryDequeue(out call);
        }
    }

    internal bool TryTakeAnswer([NotNullWhen(true)] out Action? answer)
    {
        lock (_lock)
        {
            return _answers.TryDequeue(out answer);
        }
    }

    internal bool TryTakeWork([NotNullWhen(true)] out object? key, [NotNullWhen(true)] out Action<BusConnection>? work)
    {
        lock (_lock)
        {
            if (!_order.TryDequeue(out key))
            {
                work = null;
                return false;
            }

            return _work.Remove(key, out work);
        }
    }

    internal void Stop()
    {
        lock (_lock)
        {
            _isStopped = true;
        }

        Wake();
    }

    /// <summary>Makes the loop look around.</summary>
    internal void Wake() => _news.Writer.TryWrite(true);

    /// <summary>Waits for something to look at, which may be gone by then.</summary>
    internal async ValueTask WaitAsync() => await _news.Reader.ReadAsync().ConfigureAwait(false);
}
