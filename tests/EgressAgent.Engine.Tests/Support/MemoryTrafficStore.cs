using System.Collections.Concurrent;
using EgressAgent.Engine.Traffic;
using EgressAgent.Model;

namespace EgressAgent.Engine.Tests.Support;

/// <summary>Counters in memory, whose disk can be full.</summary>
internal sealed class MemoryTrafficStore : ITrafficStore
{
    private readonly ConcurrentDictionary<RouterKey, TrafficRecord> _records = [];
    private int _writes;

    public event Action? Emptied;

    public bool IsFull { get; set; }

    public int Writes => Volatile.Read(ref _writes);

    public Action BeforeWriting { get; set; } = () => { };

    public IReadOnlyList<TrafficRecord> LoadTraffic() => [.. _records.Values];

    public void WriteTraffic(IReadOnlyCollection<TrafficRecord> changed, IReadOnlyCollection<RouterKey> gone)
    {
        if (IsFull)
        {
            throw new IOException("No space left on device");
        }

        BeforeWriting();
        foreach (TrafficRecord record in changed)
        {
            _records[record.Key] = record;
        }

        foreach (RouterKey key in gone)
        {
            _records.TryRemove(key, out _);
        }

        Interlocked.Increment(ref _writes);
    }

    public void Empty()
    {
        _records.Clear();
        Emptied?.Invoke();
    }
}
