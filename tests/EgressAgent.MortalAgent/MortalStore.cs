using EgressAgent.Engine.State;
using EgressAgent.Model;

namespace EgressAgent.MortalAgent;

/// <summary>The real state database; each write counts.</summary>
internal sealed class MortalStore(IRouterStore store, Countdown countdown) : IRouterStore
{
    public IReadOnlyList<RouterRecord> Load() => store.Load();

    public void Save(RouterRecord record)
    {
        countdown.BeforeDoing($"saving {record.Key}");
        store.Save(record);
    }

    public void Remove(RouterKey key)
    {
        countdown.BeforeDoing($"forgetting {key}");
        store.Remove(key);
    }
}
