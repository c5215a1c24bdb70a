using EgressAgent.Model;

namespace EgressAgent.Engine.Registry;

/// <summary>
/// Keeps the state database at what the registry knows, on a thread of its own, so that nothing waits for the disk but what must be
/// on it. A database that cannot be read or written is told, and tried again.
/// </summary>
internal sealed class StateWriter : IDisposable
{
    private readonly ResourceRegistry _registry;
    private readonly IRouterStore _store;
    private readonly Lock _io = new();
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly ITimer _retry;
    private readonly Thread _thread;
    private Dictionary<RouterKey, RouterRecord>? _saved;
    private Backoff _backoff;
    private volatile bool _isStopping;

    internal StateWriter(ResourceRegistry registry, IRouterStore store, TimeProvider time)
    {
        _registry = registry;
        _store = store;
        _retry = time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _thread = new Thread(Run) { Name = "state", IsBackground = true };
    }

    /// <summary>Loads what was saved before, and saves what is different from now on.</summary>
    internal void Start()
    {
        TryWrite();
        _thread.Start();
    }

    /// <summary>Something may be different.</summary>
    internal void Wake() => _wake.Set();

    /// <summary>Returns when what the router was given is on disk.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    internal void EnsureSaved(RegisteredRouter router)
    {
        lock (_io)
        {
            if (_saved?.GetValueOrDefault(router.Key)?.Allocation != router.Allocation)
            {
                Write();
            }
        }
    }

    public void Dispose()
    {
        _isStopping = true;
        Wake();
        _thread.Join();
        _retry.Dispose();
        _wake.Dispose();
    }

    private void Run()
    {
        while (!_isStopping)
        {
            _wake.WaitOne();
            TryWrite();
        }
    }

    private void TryWrite()
    {
        lock (_io)
        {
            try
            {
                Write();
                _backoff.Reset();
            }
            catch (IOException)
            {
                _retry.Change(_backoff.Next(), Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void Write()
    {
        string consequence = "the routers run from their files and from what the kernel shows; an inside address that neither of them tells may become another one";
        try
        {
            if (_saved is null)
            {
                IReadOnlyList<RouterRecord> known = _store.Load();
                _saved = known.ToDictionary(record => record.Key);
                _registry.Restore(known);
            }

            consequence = "the routers run, and what changed is lost with a restart of the node";
            IReadOnlyList<RouterRecord> records = _registry.Records();
            RouterRecord[] changed = [.. records.Where(record => record != _saved.GetValueOrDefault(record.Key))];
            RouterKey[] gone = [.. _saved.Keys.Except(records.Select(record => record.Key))];
            if (changed.Length > 0 || gone.Length > 0)
            {
                _store.Write(changed, gone, () => records);
                _saved = records.ToDictionary(record => record.Key);
            }

            _registry.NoteState(_store.Path, null);
        }
        catch (IOException failure)
        {
            _registry.NoteState(_store.Path, $"{failure.Message}; {consequence}; it is tried again");
            throw;
        }
    }
}
