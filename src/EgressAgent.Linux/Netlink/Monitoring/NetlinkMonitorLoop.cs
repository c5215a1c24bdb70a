using EgressAgent.Linux.AddressConflicts;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Linux.Netlink.Monitoring;

/// <summary>
/// One thread that waits for any number of monitors and calls back when one can be read. Monitors come and go at any time, from any
/// thread. Callbacks run one at a time and should only note what happened; an exception in one ends the process.
/// </summary>
public sealed class NetlinkMonitorLoop : IDisposable
{
    private const ulong WakeupKey = 0;
    private const int EventsPerWait = 64;

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Registration> _registrations = [];
    private readonly EpollHandle _epoll;
    private readonly WakeupHandle _wakeup;
    private readonly Thread _thread;
    private ulong _lastKey = WakeupKey;
    private volatile bool _isStopping;

    /// <param name="threadName">As it shows in ps(1), which cuts it to 15 characters.</param>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public NetlinkMonitorLoop(string threadName = "netlink-monitor")
    {
        _epoll = EpollHandle.Create();
        try
        {
            _wakeup = WakeupHandle.Create();
            Watch(_wakeup.Descriptor, EpollEvents.In, WakeupKey);
        }
        catch
        {
            _wakeup?.Dispose();
            _epoll.Dispose();
            throw;
        }

        _thread = new Thread(Run) { Name = threadName, IsBackground = true };
        _thread.Start();
    }

    /// <summary>
    /// Starts to call back when a monitor can be read, which the callback does. The monitor stays the caller's to dispose of, after
    /// <see cref="Remove(NetlinkMonitor)"/>.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void Add(NetlinkMonitor monitor, Action callback) => Add(monitor, monitor.Socket.Handle.Descriptor, EpollEvents.In, callback);

    /// <inheritdoc cref="Add(NetlinkMonitor, Action)"/>
    public void Add(AddressConflictMonitor monitor, Action callback) => Add(monitor, monitor.Descriptor, EpollEvents.In, callback);

    /// <summary>Starts to call back when mounts change.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void Add(MountMonitor monitor, Action callback) => Add(monitor, monitor.Descriptor, MountMonitor.Events, callback);

    /// <summary>
    /// Stops reading a monitor. On return its callback is not running, unless it is the caller itself, and will not run again.
    /// </summary>
    /// <returns>False when the loop does not have it.</returns>
    public bool Remove(NetlinkMonitor monitor) => Remove(monitor, monitor.Socket.Handle.Descriptor);

    /// <inheritdoc cref="Remove(NetlinkMonitor)"/>
    public bool Remove(AddressConflictMonitor monitor) => Remove(monitor, monitor.Descriptor);

    /// <inheritdoc cref="Remove(NetlinkMonitor)"/>
    public bool Remove(MountMonitor monitor) => Remove(monitor, monitor.Descriptor);

    /// <summary>Ends the thread and waits for it.</summary>
    public void Dispose()
    {
        if (_isStopping)
        {
            return;
        }

        _isStopping = true;
        _wakeup.Signal();
        _thread.Join();
        _wakeup.Dispose();
        _epoll.Dispose();
    }

    private void Add(object monitor, int descriptor, EpollEvents events, Action deliver)
    {
        lock (_gate)
        {
            ulong key = ++_lastKey;
            _registrations.Add(key, new Registration(monitor, deliver));
            try
            {
                Watch(descriptor, events, key);
            }
            catch
            {
                _registrations.Remove(key);
                throw;
            }
        }
    }

    private bool Remove(object monitor, int descriptor)
    {
        Registration? registration;
        lock (_gate)
        {
            (ulong key, registration) = _registrations.FirstOrDefault(item => item.Value.Monitor == monitor);
            if (registration is null)
            {
                return false;
            }

            _registrations.Remove(key);
            _epoll.Remove(descriptor);
        }

        registration.Stop();
        return true;
    }

    private void Watch(int descriptor, EpollEvents events, ulong key)
    {
        Errno errno = _epoll.Add(descriptor, events, key);
        if (!errno.IsSuccess)
        {
            throw new LinuxException("watch netlink monitor", "", errno);
        }
    }

    private void Run()
    {
        try
        {
            using var events = new EpollEventBuffer(EventsPerWait);
            while (!_isStopping)
            {
                int count = _epoll.Wait(events, -1);
                for (int i = 0; i < count && !_isStopping; i++)
                {
                    Find(events.Data(i))?.Deliver();
                }
            }
        }
        catch (Exception exception)
        {
            // Without the loop the process would go on blind to every change.
            Environment.FailFast($"The thread {_thread.Name} cannot go on", exception);
        }
    }

    // Null for the wake-up, and for a monitor that was removed after its event was reported.
    private Registration? Find(ulong key)
    {
        lock (_gate)
        {
            return _registrations.GetValueOrDefault(key);
        }
    }

    private sealed class Registration(object monitor, Action deliver)
    {
        private readonly Lock _delivering = new();
        private bool _isStopped;

        public object Monitor => monitor;

        public void Deliver()
        {
            lock (_delivering)
            {
                if (!_isStopped)
                {
                    deliver();
                }
            }
        }

        public void Stop()
        {
            lock (_delivering)
            {
                _isStopped = true;
            }
        }
    }
}
