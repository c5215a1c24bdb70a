using System.Collections.Concurrent;
using EgressAgent.Model;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>The one place where the state of Services is set. Readers get immutable values. Thread-safe.</summary>
public sealed class ServiceBoard
{
    private readonly ConcurrentDictionary<ResourceKey, ServiceStatus> _statuses = new();

    /// <summary>Raised on the thread of the Services after one became another. Handlers return at once and do not throw.</summary>
    public event Action<ServiceTransition>? Changed;

    /// <summary>All Services, sorted by key.</summary>
    public IReadOnlyList<ServiceStatus> All => [.. _statuses.Values.OrderBy(status => status.Id)];

    public ServiceStatus? Find(ResourceKey key) => _statuses.GetValueOrDefault(key);

    internal void Report(ServiceStatus after)
    {
        ServiceStatus? before = Find(after.Id);
        if (after != before)
        {
            _statuses[after.Id] = after;
            Changed?.Invoke(new ServiceTransition(after.Id, before, after));
        }
    }

    internal void Forget(ResourceKey key)
    {
        if (_statuses.TryRemove(key, out ServiceStatus? before))
        {
            Changed?.Invoke(new ServiceTransition(key, before, null));
        }
    }
}
