using EgressAgent.Engine.Registry;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Tests.Support;

/// <summary>A store that forgets: for tests that never start anew.</summary>
internal sealed class MemoryStore : IRouterStore
{
    public string Path => "state.db";

    /// <summary>What an earlier agent left.</summary>
    public IReadOnlyList<RouterRecord> Known { get; set; } = [];

    public IReadOnlyList<RouterRecord> Load() => Known;

    public void Write(IReadOnlyCollection<RouterRecord> changed, IReadOnlyCollection<RouterKey> gone, Func<IEnumerable<RouterRecord>> all)
    {
    }
}
