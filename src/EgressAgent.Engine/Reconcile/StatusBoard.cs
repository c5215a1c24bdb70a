using System.Collections.Concurrent;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// The one place where a router's state is set. Readers get immutable values; a condition's time moves only when its status
/// does. Thread-safe.
/// </summary>
public sealed class StatusBoard(TimeProvider time)
{
    private readonly ConcurrentDictionary<RouterKey, RouterStatus> _statuses = new();

    /// <summary>Raised on the worker's thread after a router's status became another, or the router was removed. Handlers return at once and do not throw.</summary>
    public event Action<RouterTransition>? Changed;

    /// <summary>All routers, sorted by key.</summary>
    public IReadOnlyList<RouterStatus> All => [.. _statuses.Values.OrderBy(status => status.Key)];

    public RouterStatus? Find(RouterKey key) => _statuses.GetValueOrDefault(key);

    internal void Report(RegisteredRouter router, StatusFacts facts)
    {
        // A router that runs on an earlier spec is degraded, however well it runs.
        if (router.Faults.Count > 0 && facts.State is RouterState.Active or RouterState.Configuring)
        {
            facts = facts with
            {
                State = RouterState.Degraded,
                Degraded = new StatusFacts.Claim(
                    true, StatusReasons.InvalidSpec, $"the last good spec is kept, because the file is in error: {StatusFacts.FaultText(router)}"),
            };
        }

        RouterStatus? before = Find(router.Key);
        Publish(before, new RouterStatus
        {
            Key = router.Key,
            File = router.Source.File,
            State = facts.State,
            Generation = router.Generation,
            Desired = facts.Desired ?? before?.Desired,
            IsInForce = facts.IsInForce,
            Troubles = [.. facts.Troubles, .. facts.IsInForce ? [] : before?.Troubles.Where(IsOfARouterInForce) ?? []],
            Conditions =
            [
                Make(ConditionType.Available, facts.Available, before),
                Make(ConditionType.Progressing, facts.Progressing, before),
                Make(ConditionType.Degraded, facts.Degraded, before),
            ],
        });
    }

    internal void Removing(RouterKey key)
    {
        if (Find(key) is { } before)
        {
            Publish(before, before with { State = RouterState.Removing });
        }
    }

    internal void Forget(RouterKey key)
    {
        if (_statuses.TryRemove(key, out RouterStatus? before))
        {
            Changed?.Invoke(new RouterTransition(key, before, null));
        }
    }

    private static bool IsOfARouterInForce(Trouble trouble) => trouble.Kind is not (TroubleKind.Waiting or TroubleKind.Failed);

    private void Publish(RouterStatus? before, RouterStatus after)
    {
        if (after != before)
        {
            _statuses[after.Key] = after;
            Changed?.Invoke(new RouterTransition(after.Key, before, after));
        }
    }

    private Condition Make(ConditionType type, StatusFacts.Claim claim, RouterStatus? before)
    {
        Condition? earlier = before?.Condition(type);
        DateTimeOffset since = earlier?.Status == claim.Status && earlier is not null ? earlier.LastTransition : time.GetUtcNow();
        return new Condition(type, claim.Status, claim.Reason, claim.Message, since);
    }
}
