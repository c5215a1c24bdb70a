using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using EgressAgent.Linux;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// One thread, one epoll instance, one wake-up descriptor. Everything that is registered here is touched by this thread alone,
/// so the data path has no locks. An exception that escapes is a defect and ends the process, as on any thread.
/// </summary>
internal sealed class RelayLoop : IDisposable
{
    private const int EventCapacity = 256;
    private const int DatagramCapacity = 32;
    private const ulong WakeupTag = ulong.MaxValue;
    private const int TickMilliseconds = 250;

    private readonly EpollHandle _epoll;
    private readonly WakeupHandle _wakeup;
    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly SourceTable _sources = new();
    private readonly List<RelayShard> _shards = [];
    private readonly Queue<RelayedConnection> _unfinished = new();
    private readonly TimeProvider _timeProvider;
    private readonly long _ticksPerTick;
    private readonly Thread _thread;
    private long _nextTick;
    private int _connections;
    private int _isSignalled;
    private volatile bool _stopping;

    private RelayLoop(int index, TimeProvider timeProvider, EpollHandle epoll, WakeupHandle wakeup)
    {
        _epoll = epoll;
        _wakeup = wakeup;
        Index = index;
        _timeProvider = timeProvider;
        _ticksPerTick = timeProvider.TimestampFrequency * TickMilliseconds / 1000;
        _thread = new Thread(Run) { Name = $"relay-{index}", IsBackground = true };
        _thread.Start();
    }

    /// <exception cref="LinuxException">No descriptor or no memory is left.</exception>
    internal static RelayLoop Start(int index, TimeProvider timeProvider)
    {
        EpollHandle epoll = EpollHandle.Create();
        WakeupHandle? wakeup = null;
        try
        {
            wakeup = WakeupHandle.Create();
            Errno errno = epoll.Add(wakeup.Descriptor, EpollEvents.In, WakeupTag);
            return errno.IsSuccess ? new RelayLoop(index, timeProvider, epoll, wakeup) : throw new LinuxException("epoll_ctl", "eventfd", errno);
        }
        catch (LinuxException)
        {
            wakeup?.Dispose();
            epoll.Dispose();
            throw;
        }
    }

    internal int Index { get; }

    internal PipePool Pipes { get; } = new();

    internal BufferPool Buffers { get; } = new();

    internal DatagramBatch Datagrams { get; } = new(DatagramCapacity);

    /// <summary>Connections of all routers on this loop, those included that are on their way to it.</summary>
    internal int ConnectionCount => Volatile.Read(ref _connections);

    /// <summary>Room for one accept round of any acceptor.</summary>
    internal AcceptedClient[] Accepted { get; } = new AcceptedClient[Acceptor.MaxBatch];

    /// <summary>How often the loop has woken.</summary>
    internal long Turn { get; private set; }

    /// <summary>The provider's timestamp when the loop last woke.</summary>
    internal long Now { get; private set; }

    internal DateTimeOffset ToUtc(long timestamp) =>
        _timeProvider.GetUtcNow() - _timeProvider.GetElapsedTime(timestamp);

    /// <summary>Runs the action on the loop's thread and waits for it. Not to be called from a loop.</summary>
    internal void Invoke(Action action)
    {
        using var done = new ManualResetEventSlim();
        ExceptionDispatchInfo? failure = null;
        Post(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
            finally
            {
                done.Set();
            }
        });
        done.Wait();
        failure?.Throw();
    }

    /// <summary>Runs the action on the loop's thread, after those posted before.</summary>
    internal void Post(Action action)
    {
        _posted.Enqueue(action);
        if (Interlocked.Exchange(ref _isSignalled, 1) == 0)
        {
            _wakeup.Signal();
        }
    }

    internal void CountConnection(int change) => Interlocked.Add(ref _connections, change);

    internal void Add(RelayShard shard) => _shards.Add(shard);

    internal void Remove(RelayShard shard) => _shards.Remove(shard);

    internal void Register(LoopSource source) => _sources.Add(source);

    internal void Unregister(LoopSource source) => _sources.Remove(source);

    internal Errno Watch(LoopSource source, int side, int descriptor, EpollEvents events) =>
        _epoll.Add(descriptor, events, _sources.TagOf(source, side));

    /// <summary>Where it is not watched, nothing happens.</summary>
    /// <exception cref="LinuxException">The descriptor is closed.</exception>
    internal void StopWatching(int descriptor)
    {
        Errno errno = _epoll.Remove(descriptor);
        if (!errno.IsSuccess && errno != Errno.ENOENT)
        {
            throw new LinuxException("stop watching", $"descriptor {descriptor}", errno);
        }
    }

    /// <summary>Lets a flow that has used up its turn go on after the others have had theirs.</summary>
    internal void Continue(RelayedConnection flow) => _unfinished.Enqueue(flow);

    public void Dispose()
    {
        _stopping = true;
        _wakeup.Signal();
        _thread.Join();
        Pipes.Dispose();
        Buffers.Dispose();
        Datagrams.Dispose();
        _wakeup.Dispose();
        _epoll.Dispose();
    }

    private void Run()
    {
        using var events = new EpollEventBuffer(EventCapacity);
        Now = _timeProvider.GetTimestamp();
        while (!_stopping)
        {
            int count = _epoll.Wait(events, NextTimeout());
            Now = _timeProvider.GetTimestamp();
            Turn++;
            for (int index = 0; index < count; index++)
            {
                Dispatch(events.Events(index), events.Data(index));
            }

            for (int turns = _unfinished.Count; turns > 0; turns--)
            {
                _unfinished.Dequeue().Resume();
            }

            if (Now >= _nextTick)
            {
                Tick();
            }
        }
    }

    private void Dispatch(EpollEvents events, ulong tag)
    {
        if (tag == WakeupTag)
        {
            _wakeup.Reset();

            // Before the queue is looked at: what is posted after this signals again.
            Interlocked.Exchange(ref _isSignalled, 0);
            while (_posted.TryDequeue(out Action? action))
            {
                action();
            }
        }
        else
        {
            _sources.Find(tag, out int side)?.OnEvents(events, side);
        }
    }

    private int NextTimeout()
    {
        if (_unfinished.Count > 0)
        {
            return 0;
        }

        foreach (RelayShard shard in _shards)
        {
            if (shard.NeedsTicks)
            {
                return TickMilliseconds;
            }
        }

        return Timeout.Infinite;
    }

    private void Tick()
    {
        _nextTick = Now + _ticksPerTick;
        foreach (RelayShard shard in _shards)
        {
            shard.Tick(Now);
        }
    }
}
