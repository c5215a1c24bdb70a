using System.Collections.Concurrent;
using EgressAgent.Engine.State;
using EgressAgent.Model;

namespace EgressAgent.Engine.Tests.Support;

/// <summary>A store in memory, whose disk can be full.</summary>
internal sealed class MemoryStore : IRouterStore
{
    private readonly ConcurrentDictionary<RouterKey, RouterRecord> _records = [];

    public bool IsFull { get; set; }

    public IReadOnlyList<RouterRecord> Load() => [.. _records.Values];

    public void Save(RouterRecord record)
    {
        RefuseIfFull();
        _records[record.Key] = record;
    }

    public void Remove(RouterKey key)
    {
        RefuseIfFull();
        _records.TryRemove(key, out _);
    }

    private void RefuseIfFull()
    {
        if (IsFull)
        {
            throw new IOException("No space left on device");
        }
    }
}
