using EgressAgent.Engine.State;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Tests.Support;

/// <summary>A store that forgets: for tests that never start anew.</summary>
internal sealed class MemoryStore : IRouterStore
{
    public IReadOnlyList<RouterRecord> Load() => [];

    public void Save(RouterRecord record)
    {
    }

    public void Remove(RouterKey key)
    {
    }
}
