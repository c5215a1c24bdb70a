using EgressAgent.Model;

namespace EgressAgent.Engine.Registry;

/// <summary>
/// Keeps the state database at what the registry knows, on a thread of its own, so that nothing waits for the disk but what must be
/// on it. A database that cannot be read or written is told, and tried again.
/// </summary>
internal sealed class StateWriter : IDisposable
{
    // Routers that come into force one after the other are written together. So much of a history is lost by a crash at most.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly ResourceRegistry _registry;
    private readonly IResourceStore _store;
    private readonly Lock _io = new();
    private readonly WakeSignal _wake = new();
    private readonly ITimer _retry;
    private readonly ITimer _soon;
    private readonly Thread _thread;
    private Dictionary<ResourceKey, ResourceRecord>? _saved;
    private Backoff _backoff;
    private bool _isDueSoon;
    private bool _isForAll;
    private volatile bool _isStopping;

    internal StateWriter(ResourceRegistry registry, IResourceStore store, TimeProvider time)
    {
        _registry = registry;
        _store = store;
        _retry = time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _soon = time.CreateTimer(_ => WakeNow(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
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

    /// <summary>What is saved may be lost.</summary>
    internal void WakeForAll()
    {
        Volatile.Write(ref _isForAll, true);
        Wake();
    }

    /// <summary>Something may be different that nobody misses if it is not saved before long.</summary>
    internal void WakeSoon()
    {
        if (!Interlocked.Exchange(ref _isDueSoon, true))
        {
            _soon.Change(Patience, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Returns when the addresses that a resource was given are on disk.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    internal void EnsureSaved(RegisteredResource resource)
    {
        lock (_io)
        {
            if (!resource.Addresses.Equals(_saved?.GetValueOrDefault(resource.Id)?.Addresses))
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
        _soon.Dispose();
        _wake.Dispose();
    }

    private void Run()
    {
        bool isLast;
        do
        {
            _wake.Wait();
            isLast = _isStopping;
            TryWrite();
        }
        while (!isLast);
    }

    private void WakeNow()
    {
        Volatile.Write(ref _isDueSoon, false);
        Wake();
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
        bool isForAll = false;
        string consequence = "the routers run from their files and from what the kernel shows; an address that neither of them tells may become another one";
        try
        {
            if (_saved is null)
            {
                IReadOnlyList<ResourceRecord> known = _store.Load();
                _saved = known.ToDictionary(record => record.Id);
                _registry.Restore(known);
            }

            consequence = "the routers run, and what changed, and what is counted, is lost with a restart of the node";
            IReadOnlyList<ResourceRecord> records = _registry.Records();
            isForAll = Interlocked.Exchange(ref _isForAll, false);
            ResourceRecord[] changed = [.. records.Where(record => isForAll || record != _saved.GetValueOrDefault(record.Id))];
            ResourceKey[] gone = [.. _saved.Keys.Except(records.Select(record => record.Id))];
            if (changed.Length > 0 || gone.Length > 0)
            {
                _store.Write(changed, gone, () => records);
            }

            // What is equal is kept once, with what the registry has.
            _saved = records.ToDictionary(record => record.Id);
            _registry.NoteState(_store.Path, null);
        }
        catch (IOException failure)
        {
            _isForAll |= isForAll;
            _registry.NoteState(_store.Path, $"{failure.Message}; {consequence}; it is tried again");
            throw;
        }
    }
}
