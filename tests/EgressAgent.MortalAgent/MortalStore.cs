using EgressAgent.Engine.Registry;
using EgressAgent.Model;

namespace EgressAgent.MortalAgent;

/// <summary>The real state database; each write counts.</summary>
internal sealed class MortalStore(IRouterStore store, Countdown countdown) : IRouterStore
{
    public string Path => store.Path;

    public IReadOnlyList<RouterRecord> Load() => store.Load();

    public void Write(IReadOnlyCollection<RouterRecord> changed, IReadOnlyCollection<RouterKey> gone, Func<IEnumerable<RouterRecord>> all)
    {
        countdown.BeforeDoing($"saving {string.Join(", ", changed.Select(record => record.Key).Concat(gone))}");
        store.Write(changed, gone, all);
    }
}
