using System.Collections.Concurrent;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// The one place where a router's state is set. Readers get immutable values; a condition's time moves only when its status
/// does. Thread-safe.
/// </summary>
public sealed class StatusBoard(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<RouterKey, RouterStatus> _statuses = new();
    private readonly Dictionary<RouterKey, (RegisteredRouter Router, StatusFacts Facts)> _facts = [];
    private readonly Dictionary<RouterKey, ValueList<ObservedGateway>> _gateways = [];
    private readonly Dictionary<RouterKey, ValueList<ObservedGateway>> _standbyGateways = [];
    private readonly Dictionary<RouterKey, ValueList<ClientObstacle>> _obstacles = [];

    /// <summary>Raised on any thread, one after the other, after a router's status became another, or the router was removed. Handlers return at once and do not throw.</summary>
    public event Action<RouterTransition>? Changed;

    /// <summary>All routers, sorted by key.</summary>
    public IReadOnlyList<RouterStatus> All => [.. _statuses.Values.OrderBy(status => status.Key)];

    /// <summary>All routers as they are met, for who asks often.</summary>
    internal IEnumerable<RouterStatus> Unsorted => _statuses.Select(status => status.Value);

    public RouterStatus? Find(RouterKey key) => _statuses.GetValueOrDefault(key);

    internal void Report(RegisteredRouter router, StatusFacts facts)
    {
        lock (_lock)
        {
            _facts[router.Key] = (router, facts);
            Combine(router, facts);
        }
    }

    /// <summary>Takes in what is known of a router's gateways; that needs no pass.</summary>
    internal void ReportGateways(RouterKey key, ValueList<ObservedGateway> gateways) => ReportGateways(_gateways, key, gateways);

    /// <summary>The same of a router that is a standby, whose gateways are asked from its master.</summary>
    internal void ReportStandbyGateways(RouterKey key, ValueList<ObservedGateway> gateways) => ReportGateways(_standbyGateways, key, gateways);

    private void ReportGateways(Dictionary<RouterKey, ValueList<ObservedGateway>> all, RouterKey key, ValueList<ObservedGateway> gateways)
    {
        lock (_lock)
        {
            all[key] = gateways;
            if (_facts.TryGetValue(key, out (RegisteredRouter Router, StatusFacts Facts) known))
            {
                Combine(known.Router, known.Facts);
            }
        }
    }

    /// <summary>Takes in what on the node keeps clients from a router; that needs no pass.</summary>
    internal void ReportObstacles(RouterKey key, ValueList<ClientObstacle> obstacles)
    {
        lock (_lock)
        {
            _obstacles[key] = obstacles;
            if (_facts.TryGetValue(key, out (RegisteredRouter Router, StatusFacts Facts) known))
            {
                Combine(known.Router, known.Facts);
            }
        }
    }

    internal void Removing(RouterKey key)
    {
        lock (_lock)
        {
            _facts.Remove(key);
            if (Find(key) is { } before)
            {
                Publish(before, before with { State = RouterState.Removing });
            }
        }
    }

    internal void Forget(RouterKey key)
    {
        lock (_lock)
        {
            _facts.Remove(key);
            _gateways.Remove(key);
            _standbyGateways.Remove(key);
            _obstacles.Remove(key);
            if (_statuses.TryRemove(key, out RouterStatus? before))
            {
                Changed?.Invoke(new RouterTransition(key, before, null, time.GetUtcNow()));
            }
        }
    }

    private void Combine(RegisteredRouter router, StatusFacts facts)
    {
        if (!facts.IsStandbyOfCluster)
        {
            _standbyGateways.Remove(router.Key);
        }

        var gateways = GatewayFacts.Of(facts, (facts.IsStandbyOfCluster ? _standbyGateways : _gateways).GetValueOrDefault(router.Key) ?? []);
        var clients = ClientFacts.Of(facts, _obstacles.GetValueOrDefault(router.Key));
        facts = facts.With([.. gateways.Troubles, .. clients.Troubles]);

        // A router that runs on an earlier spec is degraded, however well it runs.
        if (router.Faults.Count > 0 && facts.State is RouterState.Active or RouterState.Configuring or RouterState.Standby)
        {
            facts = facts with
            {
                State = RouterState.Degraded,
                Degraded = new Claim(
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
            Troubles = [.. facts.Troubles, .. facts.IsSettled ? [] : before?.Troubles.Where(IsOfARouterInForce) ?? []],
            Conditions =
            [
                Make(ConditionType.Available, facts.Available, before),
                Make(ConditionType.Progressing, facts.Progressing, before),
                Make(ConditionType.Degraded, facts.Degraded, before),
                Make(ConditionType.GatewayReachable, gateways.Condition, before),
                Make(ConditionType.ClientsReachable, clients.Condition, before),
            ],
        });
    }

    private static bool IsOfARouterInForce(Trouble trouble) => trouble.Kind is not (TroubleKind.Waiting or TroubleKind.Failed or TroubleKind.Held);

    private void Publish(RouterStatus? before, RouterStatus after)
    {
        if (after != before)
        {
            _statuses[after.Key] = after;
            Changed?.Invoke(new RouterTransition(after.Key, before, after, time.GetUtcNow()));
        }
    }

    private Condition Make(ConditionType type, Claim claim, RouterStatus? before) => claim.ToCondition(type, before?.Condition(type), time.GetUtcNow());
}
