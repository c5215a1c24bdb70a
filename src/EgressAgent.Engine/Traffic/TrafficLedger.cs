using System.IO.Hashing;
using EgressAgent.Model;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Traffic;

/// <summary>The tallies of all routers, which outlive the agent where there is a store. Thread-safe; who uses a tally locks it.</summary>
internal sealed partial class TrafficLedger : IDisposable
{
    // A router that has counted nothing needs no record.
    private static readonly UInt128 Nothing = XxHash128.HashToUInt128(new RouterTally().ToRecord());

    private readonly ITrafficStore? _store;
    private readonly EndsJournal? _journal;
    private readonly ILogger _logger;
    private readonly Action _failed;
    private readonly Lock _lock = new();
    private readonly Lock _io = new();
    private readonly Dictionary<RouterKey, Entry> _entries = [];

    // What is written to be looked at is as long for many flows as it is soon written anew.
    private readonly MemoryStream _record = new();
    private readonly HashSet<RouterKey> _touched = [];
    private readonly HashSet<RouterKey> _gone = [];
    private bool _isFailing;
    private long _lastEnd;

    /// <param name="store">Null when nothing is kept.</param>
    /// <param name="journal">Belongs to the ledger; null where there is none.</param>
    /// <param name="isKnown">Whether there is such a router; what was kept of others is forgotten.</param>
    /// <param name="failed">Called when nothing can be kept for now. It is tried again with the next <see cref="Save"/>.</param>
    /// <param name="logger">For what cannot be read.</param>
    internal TrafficLedger(ITrafficStore? store, EndsJournal? journal, Func<RouterKey, bool> isKnown, Action failed, ILogger logger)
    {
        _store = store;
        _journal = journal;
        _failed = failed;
        _logger = logger;
        Load(isKnown);
        Repeat(isKnown);
        if (store is not null)
        {
            store.Emptied += TouchAll;
        }
    }

    /// <summary>Whether there may be something to save.</summary>
    internal bool IsPending
    {
        get
        {
            lock (_lock)
            {
                return _touched.Count > 0 || _gone.Count > 0;
            }
        }
    }

    /// <summary>A router's tally; one that has counted nothing when there is none.</summary>
    internal RouterTally Find(RouterKey key)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(key, out Entry? entry))
            {
                _entries.Add(key, entry = new Entry(new RouterTally()) { Saved = Nothing });
            }

            return entry.Tally;
        }
    }

    /// <summary>Counts a flow that has ended.</summary>
    /// <returns>Whether nothing was pending before.</returns>
    internal bool End(RouterKey key, RouterFlow flow)
    {
        RouterTally tally = Find(key);
        lock (tally)
        {
            // First, so that who saves after the journal has taken its turn waits for this lock, and saves it.
            bool isFirst = Touch(key);
            long number = Interlocked.Increment(ref _lastEnd);
            ushort? port = tally.End(flow, number)?.Port;
            if (tally.LastEnd == number)
            {
                _journal?.Add(new JournaledEnd(number, key, port, flow));
            }

            return isFirst;
        }
    }

    /// <summary>Something may be different in a router's tally.</summary>
    /// <returns>Whether nothing was pending before.</returns>
    internal bool Touch(RouterKey key)
    {
        lock (_lock)
        {
            bool isFirst = _touched.Count == 0 && _gone.Count == 0;
            return _store is not null && _touched.Add(key) && isFirst;
        }
    }

    /// <summary>Forgets a router that went: one of its name begins at 0.</summary>
    internal void Forget(RouterKey key)
    {
        lock (_lock)
        {
            _touched.Remove(key);
            if (_entries.Remove(key) && _store is not null)
            {
                _gone.Add(key);
                _journal?.Add(new JournaledEnd(Interlocked.Increment(ref _lastEnd), key, null, null));
            }
        }
    }

    /// <summary>Returns when all that was counted until now is kept, as far as that is possible.</summary>
    internal void Save()
    {
        if (_store is null)
        {
            return;
        }

        lock (_io)
        {
            _journal?.TakeTurns();
            (KeyValuePair<RouterKey, Entry>[] touched, RouterKey[] gone) = TakePending();
            List<(Entry Entry, UInt128 Hash, TrafficRecord Record)> changed = [];
            foreach ((RouterKey key, Entry entry) in touched)
            {
                _record.SetLength(0);
                lock (entry.Tally)
                {
                    entry.Tally.WriteRecord(_record);
                }

                UInt128 hash = XxHash128.HashToUInt128(_record.GetBuffer().AsSpan(0, (int)_record.Length));
                if (hash != entry.Saved)
                {
                    changed.Add((entry, hash, new TrafficRecord(key, _record.ToArray())));
                }
            }

            if (changed.Count == 0 && gone.Length == 0)
            {
                return;
            }

            try
            {
                _store.WriteTraffic([.. changed.Select(change => change.Record)], gone);
                changed.ForEach(change => change.Entry.Saved = change.Hash);
                _journal?.DropFormer();
                _isFailing = false;
            }
            catch (IOException)
            {
                PutBack(touched, gone);
                if (!_isFailing)
                {
                    _isFailing = true;
                    _failed();
                }
            }
        }
    }

    public void Dispose()
    {
        if (_store is not null)
        {
            _store.Emptied -= TouchAll;
        }

        _journal?.Dispose();
    }

    // What an earlier agent has counted and not saved.
    private void Repeat(Func<RouterKey, bool> isKnown)
    {
        _lastEnd = _entries.Values.Select(entry => entry.Tally.LastEnd).DefaultIfEmpty().Max();
        foreach (JournaledEnd end in _journal?.Read() ?? [])
        {
            _lastEnd = Math.Max(_lastEnd, end.Number);
            if (end.Flow is null)
            {
                if (_entries.TryGetValue(end.Key, out Entry? entry) && entry.Tally.LastEnd < end.Number)
                {
                    _entries.Remove(end.Key);
                    _gone.Add(end.Key);
                }
            }
            else if (isKnown(end.Key))
            {
                Find(end.Key).Repeat(end);
                _touched.Add(end.Key);
            }
        }
    }

    // What cannot be read now begins anew: it is told by who keeps the routers in the same place.
    private void Load(Func<RouterKey, bool> isKnown)
    {
        IReadOnlyList<TrafficRecord> records;
        try
        {
            records = _store?.LoadTraffic() ?? [];
        }
        catch (IOException)
        {
            return;
        }

        foreach (TrafficRecord record in records)
        {
            if (!isKnown(record.Key))
            {
                _gone.Add(record.Key);
                continue;
            }

            try
            {
                _entries.Add(record.Key, new Entry(RouterTally.Restore(record.Counts)) { Saved = XxHash128.HashToUInt128(record.Counts) });
            }
            catch (FormatException)
            {
                LogUnreadable(record.Key);
            }
        }
    }

    private (KeyValuePair<RouterKey, Entry>[] Touched, RouterKey[] Gone) TakePending()
    {
        lock (_lock)
        {
            KeyValuePair<RouterKey, Entry>[] touched = [.. _entries.Where(entry => _touched.Contains(entry.Key))];
            RouterKey[] gone = [.. _gone];
            _touched.Clear();
            _gone.Clear();
            return (touched, gone);
        }
    }

    private void PutBack(KeyValuePair<RouterKey, Entry>[] touched, RouterKey[] gone)
    {
        lock (_lock)
        {
            _touched.UnionWith(touched.Where(entry => _entries.GetValueOrDefault(entry.Key) == entry.Value).Select(entry => entry.Key));
            _gone.UnionWith(gone);
        }
    }

    private void TouchAll()
    {
        lock (_lock)
        {
            _touched.UnionWith(_entries.Keys);
            foreach (Entry entry in _entries.Values)
            {
                entry.Saved = null;
            }
        }
    }

    [LoggerMessage(EventId = EventIds.StateUnreadable, Level = LogLevel.Error, Message = "the counters of {Router} cannot be read and begin anew")]
    private partial void LogUnreadable(RouterKey router);

    private sealed class Entry(RouterTally tally)
    {
        internal RouterTally Tally => tally;

        /// <summary>What is kept, hashed; null when nothing is.</summary>
        internal UInt128? Saved { get; set; }
    }
}
