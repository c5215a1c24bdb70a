using EgressAgent.Engine.Registry;
using EgressAgent.Model;

namespace EgressAgent.MortalAgent;

/// <summary>The real state database; each write counts.</summary>
internal sealed class MortalStore(IResourceStore store, Countdown countdown) : IResourceStore
{
    public string Path => store.Path;

    public IReadOnlyList<ResourceRecord> Load() => store.Load();

    public void Write(IReadOnlyCollection<ResourceRecord> changed, IReadOnlyCollection<ResourceKey> gone, Func<IEnumerable<ResourceRecord>> all)
    {
        countdown.BeforeDoing($"saving {string.Join(", ", changed.Select(record => record.Id).Concat(gone))}");
        store.Write(changed, gone, all);
    }
}
