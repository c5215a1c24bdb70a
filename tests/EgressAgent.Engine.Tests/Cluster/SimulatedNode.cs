using EgressAgent.Engine.Cluster;
using EgressAgent.Engine.Cluster.Etcd;
using EgressAgent.Model;

namespace EgressAgent.Engine.Tests.Cluster;

/// <summary>A node: an agent, which may stand still or be killed, and a kernel with the fence, which neither changes.</summary>
/// <param name="cluster">Of which it is.</param>
/// <param name="number">Which of its nodes.</param>
/// <param name="booted">What its clock is ahead of the others'.</param>
internal sealed class SimulatedNode(SimulatedCluster cluster, int number, long booted)
{
    private readonly HashSet<RouterKey> _open = [];
    private readonly Queue<Action<Agreement, long>> _told = new();
    private Agreement? _agreement;
    private long _deadline;
    private long _stillUntil;
    private bool _isBusy;
    private bool _hasGateway = true;
    private Action<EtcdChange>? _watch;
    private SimulatedEtcd? _watched;

    internal string Name { get; } = $"n{number}";

    internal int Priority => cluster.Preempts ? 100 + number : 100;

    internal int Life { get; private set; }

    /// <summary>Whether etcd is out of reach.</summary>
    internal bool IsCutOff { get; set; }

    /// <summary>Whether no heartbeat comes from it, or to it.</summary>
    internal bool IsUnheard { get; set; }

    /// <summary>Whether the routers' gateway answers it.</summary>
    internal bool HasGateway
    {
        get => _hasGateway;
        set
        {
            _hasGateway = value;
            TellGateways();
        }
    }

    /// <summary>Whether its port to the LAN lets nothing by the routers' own MAC pass: as a holder it hears nobody.</summary>
    internal bool IsFiltered { get; set; }

    private long Clock => cluster.Now + booted;

    internal bool MaySpeak(RouterKey router) => _open.Contains(router) && Clock < _deadline;

    internal void Begin()
    {
        Life++;
        _agreement = new Agreement(new AgreementMember(Name, new NodeRecord(Name, Priority, Name), cluster.Preempts), ClusterKeys.Of("edge"), Clock);
        int life = Life;
        cluster.WhenFilesAreRead(() =>
        {
            Unless(life, (agreement, now) => agreement.Want(cluster.Routers, now));
            if (Life == life)
            {
                TellGateways();
            }
        });
        Beat(Life);
    }

    internal void Kill(long downTime)
    {
        if (_agreement is null)
        {
            return;
        }

        Unwatch();
        Life++;
        _agreement = null;
        _told.Clear();
        _isBusy = false;
        cluster.After(downTime, Begin);
    }

    internal void StandStill(long time) => _stillUntil = Math.Max(_stillUntil, cluster.Now + time);

    internal void BreakWatch()
    {
        if (_watched is not null)
        {
            Unwatch();
            Tell((agreement, now) => agreement.Uninformed(now));
        }
    }

    internal void Watch(SimulatedEtcd etcd, long from)
    {
        Unwatch();
        if (etcd.Revision >= from)
        {
            // What came in between is told; here by reading again.
            int life = Life;
            cluster.After(cluster.Between(1, 20), () => Unless(life, (agreement, now) => agreement.Uninformed(now)));
            return;
        }

        int watcher = Life;
        long last = 0;
        _watched = etcd;
        _watch = change =>
        {
            // In order, and late at times.
            long arrival = Math.Max(last + 1, cluster.Now + (cluster.Chance(0.05) ? cluster.Between(50, 1500) : cluster.Between(0, 8)));
            last = arrival;
            Action<EtcdChange>? mine = _watch;
            cluster.After(arrival - cluster.Now, () =>
            {
                if (ReferenceEquals(mine, _watch) && IsCutOff)
                {
                    BreakWatch();
                }
                else if (ReferenceEquals(mine, _watch))
                {
                    Unless(watcher, (agreement, now) => agreement.Changed(change, now));
                }
            });
        };
        etcd.Changed += _watch;
    }

    internal void Tell(Action<Agreement, long> told)
    {
        if (_agreement is not null)
        {
            _told.Enqueue(told);
            Work();
        }
    }

    private void TellGateways() => Tell((agreement, now) =>
    {
        foreach (RouterKey router in cluster.Routers)
        {
            agreement.NoteGateways(router, HasGateway && !(IsFiltered && agreement.TokenOf(router) is not null), now);
        }
    });

    private void Unless(int life, Action<Agreement, long> told)
    {
        if (Life == life)
        {
            Tell(told);
        }
    }

    private void Unwatch()
    {
        if (_watched is not null)
        {
            _watched.Changed -= _watch;
        }

        (_watched, _watch) = (null, null);
    }

    private void Beat(int life)
    {
        if (Life == life)
        {
            Tell((agreement, now) => agreement.Tick(now));
            cluster.After(20 * SimulatedCluster.Millisecond, () => Beat(life));
        }
    }

    // One thing after the other; while it stands still nothing is done, and what comes waits.
    private void Work()
    {
        if (_isBusy || _told.Count == 0)
        {
            return;
        }

        _isBusy = true;
        WhenAwake(Life, () =>
        {
            long now = Clock;
            _told.Dequeue()(_agreement!, now);
            _agreement!.Tick(now);
            Take(new Queue<AgreementAction>(_agreement.TakeActions()));
        });
    }

    private void Take(Queue<AgreementAction> actions)
    {
        if (!actions.TryDequeue(out AgreementAction? action))
        {
            _isBusy = false;
            Work();
            return;
        }

        if (cluster.Chance(0.001))
        {
            StandStill(cluster.Between(50, 2000));
        }

        WhenAwake(Life, () =>
        {
            Apply(action);
            Take(actions);
        });
    }

    private void Apply(AgreementAction action)
    {
        switch (action)
        {
            case SilenceAll:
                _open.Clear();
                break;
            case ExtendFence extension:
                _deadline = Math.Max(_deadline, extension.Deadline);
                cluster.AssertOneSpeaks();
                break;
            case HoldRouter held:
                _open.Add(held.Router);
                cluster.NoteHeld(held.Router, Name);
                cluster.After(5 * SimulatedCluster.Millisecond, TellGateways);
                break;
            case DropRouter dropped:
                _open.Remove(dropped.Router);
                cluster.After(5 * SimulatedCluster.Millisecond, TellGateways);
                break;
            default:
                cluster.Do(this, action);
                break;
        }
    }

    private void WhenAwake(int life, Action action)
    {
        if (cluster.Now >= _stillUntil)
        {
            action();
            return;
        }

        cluster.After(_stillUntil - cluster.Now, () =>
        {
            if (Life == life)
            {
                WhenAwake(life, action);
            }
        });
    }
}
