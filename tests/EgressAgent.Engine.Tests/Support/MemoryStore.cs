using System.Collections.Concurrent;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;

namespace EgressAgent.Engine.Tests.Support;

/// <summary>A store in memory, whose disk can be full or broken.</summary>
internal sealed class MemoryStore : IRouterStore
{
    private readonly ConcurrentDictionary<RouterKey, RouterRecord> _records = [];

    public string Path => "state.db";

    public bool IsFull { get; set; }

    public bool IsUnreadable { get; set; }

    public IReadOnlyList<RouterRecord> Records => [.. _records.Values];

    public IReadOnlyList<RouterRecord> Load() => IsUnreadable ? throw new IOException("Input/output error") : Records;

    public void Write(IReadOnlyCollection<RouterRecord> changed, IReadOnlyCollection<RouterKey> gone, Func<IEnumerable<RouterRecord>> all)
    {
        if (IsFull)
        {
            throw new IOException("No space left on device");
        }

        foreach (RouterRecord record in changed)
        {
            _records[record.Key] = record;
        }

        foreach (RouterKey key in gone)
        {
            _records.TryRemove(key, out _);
        }
    }
}
