using System.Collections.Concurrent;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Systemd;

/// <summary>
/// The descriptors that the service manager keeps for us while we restart, each under a name of its own
/// (FileDescriptorStoreMax=, sd_pid_notify_with_fds(3)): what an earlier process left there, and what we add. Where no manager
/// asks to be told, nothing is kept. Thread-safe.
/// </summary>
public sealed class DescriptorStore : IDisposable
{
    /// <summary>Whether a service manager asks to be told (NOTIFY_SOCKET, sd_notify(3)).</summary>
    public static bool HasManager => Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is { Length: > 0 };

    private readonly Lock _lock = new();
    private readonly Dictionary<string, FileHandle> _passed = [];
    private readonly BlockingCollection<Change> _changes = [];
    private readonly Action<LinuxException> _refused;
    private readonly Thread _thread;

    /// <param name="passed">What <see cref="PassedDescriptors.Take"/> brought. It belongs to the store.</param>
    /// <param name="refused">Told, on a thread of the store, when the manager cannot be reached.</param>
    public DescriptorStore(IEnumerable<PassedDescriptor> passed, Action<LinuxException> refused)
    {
        _refused = refused;
        foreach (PassedDescriptor descriptor in passed)
        {
            if (!_passed.TryAdd(descriptor.Name, descriptor.Handle))
            {
                descriptor.Handle.Dispose();
            }
        }

        // Its own, since a manager that does not read makes its clients wait.
        _thread = new Thread(Tell) { Name = "descriptor-store", IsBackground = true };
        _thread.Start();
    }

    /// <summary>What an earlier process kept under the name; null when there is nothing, and on further calls. The manager keeps it too.</summary>
    public FileHandle? Take(string name)
    {
        lock (_lock)
        {
            return _passed.Remove(name, out FileHandle? handle) ? handle : null;
        }
    }

    /// <summary>As <see cref="Take"/>, whatever the name goes on with.</summary>
    public PassedDescriptor? TakeFirst(string prefix)
    {
        lock (_lock)
        {
            return _passed.Keys.FirstOrDefault(name => name.StartsWith(prefix, StringComparison.Ordinal)) is { } name && Take(name) is { } handle
                ? new PassedDescriptor(name, handle)
                : null;
        }
    }

    /// <summary>Has the manager keep the descriptor under a name that nothing else has. The caller keeps its own.</summary>
    public void Keep(string name, FileHandle handle)
    {
        bool held = false;
        handle.DangerousAddRef(ref held);
        _changes.Add(new Change(name, handle));
    }

    /// <summary>Has the manager close what it keeps under the name.</summary>
    public void Forget(string name) => _changes.Add(new Change(name, null));

    /// <summary>Closes, here and in the manager, what an earlier process kept and nobody has taken.</summary>
    /// <returns>Their names.</returns>
    public IReadOnlyList<string> ForgetUntaken()
    {
        List<string> names;
        lock (_lock)
        {
            names = [.. _passed.Keys];
        }

        foreach (string name in names)
        {
            Take(name)?.Dispose();
            Forget(name);
        }

        return names;
    }

    /// <summary>Tells what is still to be told, unless the manager does not listen.</summary>
    public void Dispose()
    {
        _changes.CompleteAdding();
        if (_thread.Join(TimeSpan.FromSeconds(1)))
        {
            _changes.Dispose();
        }
    }

    private void Tell()
    {
        foreach (Change change in _changes.GetConsumingEnumerable())
        {
            try
            {
                if (change.Handle is { } handle)
                {
                    ServiceNotifier.StoreDescriptors(change.Name, handle);
                }
                else
                {
                    ServiceNotifier.RemoveStoredDescriptors(change.Name);
                }
            }
            catch (LinuxException exception)
            {
                _refused(exception);
            }
            finally
            {
                change.Handle?.DangerousRelease();
            }
        }
    }

    /// <param name="Name">Under which it is or was kept.</param>
    /// <param name="Handle">What to keep, with a reference counted in; null to have it closed.</param>
    private readonly record struct Change(string Name, FileHandle? Handle);
}
