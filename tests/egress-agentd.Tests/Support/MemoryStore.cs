using EgressAgent.Engine.Registry;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Tests.Support;

/// <summary>A store that forgets: for tests that never start anew.</summary>
internal sealed class MemoryStore : IResourceStore
{
    public string Path => "state.db";

    /// <summary>What an earlier agent left.</summary>
    public IReadOnlyList<ResourceRecord> Known { get; set; } = [];

    public IReadOnlyList<ResourceRecord> Load() => Known;

    public void Write(IReadOnlyCollection<ResourceRecord> changed, IReadOnlyCollection<ResourceKey> gone, Func<IEnumerable<ResourceRecord>> all)
    {
    }
}
