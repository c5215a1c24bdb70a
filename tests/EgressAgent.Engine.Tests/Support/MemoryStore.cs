using System.Collections.Concurrent;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;

namespace EgressAgent.Engine.Tests.Support;

/// <summary>A store in memory, whose disk can be full or broken.</summary>
internal sealed class MemoryStore : IResourceStore
{
    private readonly ConcurrentDictionary<ResourceKey, ResourceRecord> _records = [];

    public string Path => "state.db";

    public bool IsFull { get; set; }

    public bool IsUnreadable { get; set; }

    public IReadOnlyList<ResourceRecord> Records => [.. _records.Values];

    public IReadOnlyList<RouterRecord> Routers => [.. _records.Values.OfType<RouterRecord>()];

    public IReadOnlyList<ResourceRecord> Load() => IsUnreadable ? throw new IOException("Input/output error") : Records;

    public void Write(IReadOnlyCollection<ResourceRecord> changed, IReadOnlyCollection<ResourceKey> gone, Func<IEnumerable<ResourceRecord>> all)
    {
        if (IsFull)
        {
            throw new IOException("No space left on device");
        }

        foreach (ResourceRecord record in changed)
        {
            _records[record.Id] = record;
        }

        foreach (ResourceKey key in gone)
        {
            _records.TryRemove(key, out _);
        }
    }
}
