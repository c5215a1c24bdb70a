using EgressAgent.Engine.Cluster;
using EgressAgent.Engine.Cluster.Etcd;
using EgressAgent.Model;

namespace EgressAgent.Engine.Tests.Cluster;

/// <summary>
/// Agreements of several nodes with one etcd, under a schedule that follows from a seed: what is sent takes its time or is lost, with
/// its answer or before it took effect; nodes stand still between any two of their actions, and agents are killed and start again, while
/// the fence of their kernel stays; etcd is away for a while, leases end early, and watches break. Time passes only here.
/// </summary>
internal sealed class SimulatedCluster
{
    internal const long Millisecond = 1_000_000;

    private static readonly ClusterKeys Keys = ClusterKeys.Of("edge");

    private readonly Random _random;
    private readonly PriorityQueue<Action, (long, long)> _events = new();
    private readonly SimulatedEtcd _etcd = new();
    private readonly SimulatedNode[] _nodes;
    private long _sequence;

    internal bool IsEtcdAway { get; set; }

    /// <param name="seed">Of the schedule.</param>
    /// <param name="nodes">How many.</param>
    /// <param name="routers">Those that all nodes have.</param>
    /// <param name="joining">How many of the nodes are members later on.</param>
    /// <param name="preempts">Whether their priorities grow, and each takes what one of a lower priority has.</param>
    internal SimulatedCluster(int seed, int nodes, IReadOnlySet<RouterKey> routers, int joining = 0, bool preempts = false)
    {
        _random = new Random(seed);
        Routers = routers;
        Preempts = preempts;
        _nodes = [.. Enumerable.Range(0, nodes).Select(number => new SimulatedNode(this, number, _random.NextInt64(1000 * Millisecond, 100_000 * Millisecond)))];
        foreach (SimulatedNode node in _nodes.SkipLast(joining))
        {
            node.Begin();
        }

        foreach (SimulatedNode node in _nodes.TakeLast(joining))
        {
            After(Between(3000, 30_000), () =>
            {
                if (Chance(0.5))
                {
                    LeaveOneToEtcd(node);
                }

                node.Begin();
            });
        }
    }

    internal IReadOnlySet<RouterKey> Routers { get; }

    internal bool Preempts { get; }

    internal long Now { get; private set; }

    /// <summary>Whether anything goes wrong.</summary>
    internal bool HasFaults { get; set; } = true;

    /// <summary>How often a router was held by another node than before.</summary>
    internal int Moves { get; private set; }

    internal IReadOnlyDictionary<RouterKey, string> LastHolders => _lastHolders;

    private readonly Dictionary<RouterKey, string> _lastHolders = [];

    internal void Run(long until)
    {
        while (_events.TryPeek(out _, out (long Time, long) place) && place.Time <= until)
        {
            Action happens = _events.Dequeue();
            Now = place.Time;
            if (!IsEtcdAway)
            {
                _etcd.Expire(Now);
            }

            happens();
        }

        Now = until;
    }

    /// <summary>Those that may speak for a router now, by the fences of their kernels.</summary>
    internal IReadOnlyList<string> SpeakersOf(RouterKey router) => [.. _nodes.Where(node => node.MaySpeak(router)).Select(node => node.Name)];

    internal void Disturb()
    {
        if (!HasFaults)
        {
            IsEtcdAway = false;
            return;
        }

        SimulatedNode node = _nodes[_random.Next(_nodes.Length)];
        switch (_random.Next(14))
        {
            case 0:
                node.Kill(Between(20, 3000));
                break;
            case 1 or 2:
                node.StandStill(Between(50, 4000));
                break;
            case 3:
                IsEtcdAway = true;
                After(Between(100, 4000), () =>
                {
                    IsEtcdAway = false;
                    _etcd.RenewAll(Now);
                });
                break;
            case 4 when _etcd.Leases.Count > 0:
                _etcd.Revoke(_etcd.Leases.ElementAt(_random.Next(_etcd.Leases.Count)));
                break;
            case 5:
                node.BreakWatch();
                break;
            case 6:
                node.Tell((agreement, now) => agreement.Release(Routers.ElementAt(_random.Next(Routers.Count)), now));
                break;
            case 11:
                LeaveOneToEtcd(node);
                break;
            case 12:
                RevokeAndStart(node);
                break;
            case 13 when _lastHolders.Count > 0:
                RestartOthers(Find(_lastHolders.Values.First()));
                break;
            case 10:
                node.HasGateway = false;
                After(Between(100, 6000), () => node.HasGateway = true);
                break;
            case 7 or 8:
                node.IsUnheard = true;
                After(Between(100, 4000), () => node.IsUnheard = false);
                break;
            default:
                node.IsCutOff = true;
                After(Between(100, 4000), () => node.IsCutOff = false);
                break;
        }
    }

    /// <summary>For when an agent that has started knows its routers: files may be read later than etcd.</summary>
    internal void WhenFilesAreRead(Action action) => After(0, () => After(Chance(0.5) ? Between(0, 600) : 0, action));

    // All others go by their heartbeats, also those that know nothing of this one.
    private void LeaveOneToEtcd(SimulatedNode node)
    {
        foreach (SimulatedNode other in _nodes.Where(other => other != node))
        {
            other.IsCutOff = true;
            After(Between(3000, 8000), () => other.IsCutOff = false);
        }
    }

    // All claims go while their holders stand still, and may speak for the rest of their fence, and an agent starts just then.
    private void RevokeAndStart(SimulatedNode node)
    {
        node.Kill(Between(1, 20));
        foreach (SimulatedNode other in _nodes.Where(other => other != node))
        {
            other.StandStill(Between(300, 600));
        }

        foreach (long lease in _etcd.Leases.ToArray())
        {
            _etcd.Revoke(lease);
        }
    }

    // A holder is cut off from etcd, and replaced; then etcd is away, and of whoever knows that the holder was replaced agents start anew.
    private void RestartOthers(SimulatedNode holder)
    {
        holder.IsCutOff = true;
        After(Between(9000, 12_000), () => holder.IsCutOff = false);
        After(3000 * Millisecond, () =>
        {
            IsEtcdAway = true;
            foreach (SimulatedNode other in _nodes.Where(other => other != holder))
            {
                other.Kill(Between(20, 200));
            }
        });
        After(Between(4000, 6000), () =>
        {
            IsEtcdAway = false;
            _etcd.RenewAll(Now);
        });
    }

    internal void After(long delay, Action action) => _events.Enqueue(action, (Now + delay, _sequence++));

    internal SimulatedNode Find(string name) => _nodes.Single(node => node.Name == name);

    internal long Between(int fromMilliseconds, int toMilliseconds) => _random.NextInt64(fromMilliseconds * Millisecond, toMilliseconds * Millisecond);

    internal bool Chance(double share) => HasFaults && _random.NextDouble() < share;

    // The way of a message: mostly short, sometimes longer than the fence.
    private long Delay() => Chance(0.03) ? Between(100, 2500) : Between(0, 8);

    internal void NoteHeld(RouterKey router, string node)
    {
        Moves += _lastHolders.TryGetValue(router, out string? last) && last != node ? 1 : 0;
        _lastHolders[router] = node;
        AssertOneSpeaks();
    }

    internal void AssertOneSpeaks()
    {
        foreach (RouterKey router in Routers)
        {
            Assert.True(SpeakersOf(router).Count <= 1, $"at {Now / Millisecond} ms {string.Join(" and ", SpeakersOf(router))} speak for {router}");
        }
    }

    // What is asked takes effect, or not; what is answered comes, or not, and then nobody says anything for some time.
    private void Ask<T>(SimulatedNode node, Func<SimulatedEtcd, T> effect, Action<Agreement, T, long> answered, Action<Agreement, long> silent, long patience)
    {
        int life = node.Life;
        bool isOver = false;
        After(patience, () => Finish((agreement, now) => silent(agreement, now)));
        After(Delay(), () =>
        {
            if (IsEtcdAway || node.IsCutOff || Chance(0.02))
            {
                return;
            }

            T answer = effect(_etcd);
            if (!Chance(0.02))
            {
                After(Delay(), () => Finish((agreement, now) => answered(agreement, answer, now)));
            }
        });

        void Finish(Action<Agreement, long> tell)
        {
            if (!isOver && node.Life == life)
            {
                isOver = true;
                node.Tell(tell);
            }
        }
    }

    internal void Do(SimulatedNode node, AgreementAction action)
    {
        switch (action)
        {
            case ReadCluster:
                Ask(node, etcd => (etcd.Revision, etcd.Entries), (agreement, read, now) => agreement.Informed(read.Revision, read.Entries, now), (agreement, now) => agreement.Uninformed(now), 2000 * Millisecond);
                break;
            case WatchCluster watch:
                node.Watch(_etcd, watch.From);
                break;
            case JoinCluster:
                Ask(node, etcd => Join(etcd, node), (agreement, lease, now) => agreement.Joined(lease, now), (agreement, now) => agreement.NotJoined(now, isRefused: false), 2000 * Millisecond);
                break;
            case RenewLease renewal:
                Ask<bool?>(
                    node,
                    etcd => etcd.KeepAlive(renewal.Lease, Now) && etcd.Find(Keys.Alive(node.Name))?.Lease == renewal.Lease,
                    (agreement, isThere, now) => agreement.Renewed(renewal.Lease, renewal.Began, isThere, now),
                    (agreement, now) => agreement.Renewed(renewal.Lease, renewal.Began, null, now),
                    400 * Millisecond);
                break;
            case RevokeLease revocation:
                Ask(node, etcd => Revoke(etcd, revocation.Lease), (_, _, _) => { }, (_, _) => { }, 2000 * Millisecond);
                break;
            case NoteMembers note:
                Ask(
                    node,
                    etcd => Write(etcd, (Keys.Seen(node.Name), $"{note.Revision}", 0)),
                    (agreement, _, _) => agreement.Noted(note.Revision, isDone: true),
                    (agreement, _) => agreement.Noted(note.Revision, isDone: false),
                    2000 * Millisecond);
                break;
            case AskNode question:
                Ask(
                    node,
                    etcd => etcd.HasLease(question.Lease) && Write(etcd, (Keys.Ask(question.Node), node.Name, question.Lease)),
                    (_, _, _) => { },
                    (agreement, now) => agreement.NotAsked(question.Node, now),
                    2000 * Millisecond);
                break;
            case NoteAnswers answers:
                Ask(
                    node,
                    etcd => etcd.HasLease(answers.Lease) && Write(etcd, (Keys.Answers(node.Name), answers.Routers, answers.Lease)),
                    (agreement, _, now) => agreement.NotedAnswers(answers.Lease, answers.Routers, isDone: true, now),
                    (agreement, now) => agreement.NotedAnswers(answers.Lease, answers.Routers, isDone: false, now),
                    2000 * Millisecond);
                break;
            case AskYield question:
                Ask(node, etcd => etcd.HasLease(question.Lease) && Write(etcd, (Keys.Yield(question.Router), node.Name, question.Lease)), (_, _, _) => { }, (_, _) => { }, 2000 * Millisecond);
                break;
            case AnswerAsk:
                Ask(node, etcd => etcd.Find(Keys.Ask(node.Name)) is not null && Write(etcd, (Keys.Ask(node.Name), null, 0)), (_, _, _) => { }, (_, _) => { }, 2000 * Millisecond);
                break;
            case SendBeat beat:
                foreach (SimulatedNode other in _nodes.Where(other => other != node))
                {
                    Deliver(node, other, (agreement, now) => agreement.Heard(node.Name, beat.Beat, now));
                }

                break;
            case AnswerBeat answer:
                Deliver(node, _nodes.Single(other => other.Name == answer.Node), (agreement, now) => agreement.Promised(node.Name, answer.Lease, answer.Counter, now));
                break;
            case ClaimRouter claim:
                Ask(
                    node,
                    etcd => Claim(etcd, node, claim),
                    (agreement, token, now) => agreement.Claimed(claim.Router, claim.Lease, token, now),
                    (agreement, now) => agreement.Claimed(claim.Router, claim.Lease, null, now),
                    2000 * Millisecond);
                break;
            case GiveUpRouter release:
                Ask(
                    node,
                    etcd => GiveUp(etcd, node, release),
                    (agreement, _, now) => agreement.GaveUp(release.Router, isDone: true, now),
                    (agreement, now) => agreement.GaveUp(release.Router, isDone: false, now),
                    2000 * Millisecond);
                break;
        }
    }

    // At times late, twice, or not at all.
    private void Deliver(SimulatedNode from, SimulatedNode to, Action<Agreement, long> tell)
    {
        for (int copy = Chance(0.02) ? 2 : 1; copy > 0; copy--)
        {
            After(Delay(), () =>
            {
                if (!from.IsUnheard && !to.IsUnheard && !Chance(0.02))
                {
                    to.Tell(tell);
                }
            });
        }
    }

    private static bool Revoke(SimulatedEtcd etcd, long lease)
    {
        etcd.Revoke(lease);
        return true;
    }

    private static bool Write(SimulatedEtcd etcd, params (string Key, string? Value, long Lease)[] writes)
    {
        etcd.Write(writes);
        return true;
    }

    private long Join(SimulatedEtcd etcd, SimulatedNode node)
    {
        long lease = etcd.Grant(Now);
        string record = $$"""{"id":"{{node.Name}}","priority":{{node.Priority}},"heartbeat":"{{node.Name}}"}""";
        etcd.Write((Keys.Node(node.Name), record, 0), (Keys.Alive(node.Name), record, lease));
        return lease;
    }

    private static long? Claim(SimulatedEtcd etcd, SimulatedNode node, ClaimRouter claim)
    {
        EtcdEntry? there = etcd.Find(Keys.Claim(claim.Router));
        bool holds = claim.Own is { } own
            ? there?.Modified == own
            : there is null && (etcd.Find(Keys.Turn(claim.Router))?.Modified ?? 0) == claim.Turn;
        if (holds && etcd.HasLease(claim.Lease))
        {
            etcd.Write(
                (Keys.Claim(claim.Router), $$"""{"node":"{{node.Name}}","id":"{{node.Name}}","priority":{{node.Priority}}}""", claim.Lease),
                (Keys.Turn(claim.Router), $$"""{"node":"{{node.Name}}","isOver":false}""", 0));
        }

        return etcd.Find(Keys.Claim(claim.Router)) is { } now && now.Lease == claim.Lease ? now.Created : null;
    }

    private static bool GiveUp(SimulatedEtcd etcd, SimulatedNode node, GiveUpRouter release)
    {
        if (etcd.Find(Keys.Claim(release.Router))?.Created == release.Token)
        {
            etcd.Write((Keys.Claim(release.Router), null, 0), (Keys.Turn(release.Router), $$"""{"node":"{{node.Name}}","isOver":true}""", 0));
        }

        return true;
    }
}
