using EgressAgent.Engine.Cluster.Etcd;
using EgressAgent.Model;

namespace EgressAgent.Engine.Cluster;

/// <summary>Who this node is to the others.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Record">What the others know of it.</param>
/// <param name="Preempts">Whether it takes routers from nodes of a lower priority that are well.</param>
internal sealed record AgreementMember(string Node, NodeRecord Record, bool Preempts = false)
{
    internal ClaimRecord Claim => new(Node, Record.Id, Record.Priority);
}

/// <summary>
/// Which routers this node holds: it decides, and does nothing itself. All that it knows is told to it, each time with the time of
/// CLOCK_BOOTTIME in nanoseconds, and what is to be done it says as <see cref="AgreementAction"/>s. Not thread-safe.
/// </summary>
/// <remarks>
/// That no two nodes speak for a router rests on this. A claim is there as long as its holder's lease, or until the holder gives it up,
/// which it does silent, and says so: each claim, and each end of one that was given up, is a turn. The holder may speak until a fence after it last <em>began</em> to ask etcd for its lease, and was told that it
/// is there: a read that is ordered with all writes (not the keep-alive, which a leader that was deposed answers out of its memory). Who
/// learns that a claim is gone waits a fence from then on before it claims: whatever the last holder was told, it had asked before. A
/// claim holds for the turns that were seen alone, so that one which comes late is none. While etcd is away the promises of <em>all</em>
/// other members do as well: see there. All times are of one node each, and no clock of the wall is asked.
/// </remarks>
internal sealed partial class Agreement
{
    /// <summary>For how long a node may speak after it began to ask for its lease.</summary>
    internal static readonly TimeSpan Fence = TimeSpan.FromMilliseconds(400);

    private const long Millisecond = 1_000_000;
    private const long FenceTime = 400 * Millisecond;
    private const long RenewInterval = 100 * Millisecond;
    private const long RetryInterval = 200 * Millisecond;

    // A node that is likelier to hold a router claims it first.
    private const long RankInterval = 25 * Millisecond;

    // Who gave a router up leaves it to others for so long.
    private const long YieldTime = 10_000 * Millisecond;

    // Before a node takes what another one holds it has shown that it stays.
    private const long ProbationTime = 5_000 * Millisecond;

    // More that are not answered help nobody.
    private const int MaxRenewals = 5;

    private readonly AgreementMember _self;
    private readonly ClusterView _view;
    private readonly Dictionary<RouterKey, Standing> _standings = [];
    private readonly List<AgreementAction> _actions = [];

    private long _informedAt;
    private bool _isReading;
    private bool _isInformed;
    private bool _hasBeenInformed;
    private long _retryRead;
    private bool _isJoining;
    private long _retryJoin;
    private long? _lease;
    private long _renewedAt = long.MinValue;
    private long _renewedSince;
    private long _nextRenewal;
    private int _renewals;
    private bool _isLeaving;

    internal Agreement(AgreementMember self, ClusterKeys keys, long now)
    {
        _self = self;
        _view = new ClusterView(keys);
        _informedAt = now;
        Do(new SilenceAll());
    }

    /// <summary>What etcd held last.</summary>
    internal ClusterView View => _view;

    /// <summary>Whether what etcd holds is known.</summary>
    internal bool IsInformed => _isInformed;

    /// <summary>Whether it was known once, and what was is still remembered.</summary>
    internal bool HasBeenInformed => _hasBeenInformed;

    /// <summary>The lease; null while there is none.</summary>
    internal long? Lease => _lease;

    /// <summary>Until when this node may speak, as far as it was told.</summary>
    internal long Deadline => Math.Max(_renewedAt, _promisedAt) is var began && began == long.MinValue ? 0 : began + FenceTime;

    /// <summary>Whether etcd renewed the lease within the last second.</summary>
    internal bool IsRenewed(long now) => _lease is not null && _renewedAt > now - (1000 * Millisecond);

    /// <summary>Whether this node holds a router; null until it is known whether this agent takes it over from an earlier one of the node.</summary>
    internal bool? IsHolder(RouterKey router)
    {
        Standing? standing = _standings.GetValueOrDefault(router);
        return standing is { Token: not null } ? true : standing is { IsDecided: true } || (_isInformed && !IsOwn(router)) ? false : null;
    }

    /// <summary>Those that are wanted here, or were.</summary>
    internal IReadOnlyCollection<RouterKey> Routers => _standings.Keys;

    /// <summary>The fencing token of this node's claim; null while it holds none.</summary>
    internal long? TokenOf(RouterKey router) => _standings.GetValueOrDefault(router)?.Token;

    /// <summary>Who held a router before this node did; null for nobody.</summary>
    internal string? FormerHolderOf(RouterKey router) => _standings.GetValueOrDefault(router)?.FormerHolder;

    /// <summary>Takes what is to be done, in order.</summary>
    internal IReadOnlyList<AgreementAction> TakeActions()
    {
        AgreementAction[] actions = [.. _actions];
        _actions.Clear();
        return actions;
    }

    /// <summary>Says what is due now.</summary>
    internal void Tick(long now)
    {
        if (!_isInformed && !_isReading && now >= _retryRead)
        {
            _isReading = true;
            Do(new ReadCluster());
        }

        if (_isInformed && _lease is null && !_isJoining && !_isLeaving && now >= _retryJoin)
        {
            _isJoining = true;
            Do(new JoinCluster());
        }

        if (_lease is { } lease && now >= _nextRenewal && _renewals < MaxRenewals)
        {
            _renewals++;
            _nextRenewal = now + RenewInterval;
            Do(new RenewLease(lease, now));
        }

        TickBeats(now);
        TickGateways(now);
        foreach ((RouterKey router, Standing standing) in _standings)
        {
            Consider(router, standing, now);
        }
    }

    /// <summary>All keys were read, as of a revision.</summary>
    internal void Informed(long revision, IEnumerable<EtcdEntry> entries, long now)
    {
        (_isReading, _isInformed, _hasBeenInformed) = (false, true, true);
        HashSet<RouterKey> before = [.. _view.Claims.Keys];
        _view.Clear();
        foreach (EtcdEntry entry in entries)
        {
            _view.Apply(entry);
        }

        // What happened in between is not known: whoever held a router may have held it until now.
        _informedAt = now;
        foreach (RouterKey router in before.Union(_standings.Keys).ToArray())
        {
            NoteClaim(router, now);
        }

        Do(new WatchCluster(revision + 1));
        TickPeers(now);
        Tick(now);
    }

    /// <summary>Keys were written or deleted.</summary>
    internal void Changed(EtcdChange change, long now)
    {
        if (change.IsCompacted)
        {
            Uninformed(now);
            return;
        }

        HashSet<RouterKey> before = [.. _view.Claims.Keys];
        HashSet<RouterKey> yielded = [];
        foreach (EtcdEntry entry in change.Entries)
        {
            _view.Apply(entry);
            if (entry.IsDeleted && _view.IsAsk(entry.Key, out string? answering))
            {
                NoteAnswer(answering, now);
            }
            else if (!entry.IsDeleted && entry.Value != _self.Node && _view.IsYield(entry.Key, out RouterKey wanted) && IsHolder(wanted) == true)
            {
                yielded.Add(wanted);
            }
        }

        foreach (RouterKey router in before.Union(_view.Claims.Keys).Union(_standings.Keys).ToArray())
        {
            if (Find(router).Seen != _view.Claims.GetValueOrDefault(router))
            {
                NoteClaim(router, now);
            }
        }

        foreach (RouterKey router in yielded)
        {
            Release(router, now);
        }

        if (change.Entries.Count > 0)
        {
            TickPeers(now);
            Tick(now);
        }
    }

    /// <summary>The keys could not be read, or are not watched any more.</summary>
    internal void Uninformed(long now)
    {
        (_isReading, _isInformed) = (false, false);
        _retryRead = now + RetryInterval;
    }

    /// <summary>This node is to hold these routers if it falls to it, and no others.</summary>
    internal void Want(IReadOnlySet<RouterKey> routers, long now)
    {
        foreach (RouterKey router in routers.Union(_standings.Keys).ToArray())
        {
            Standing standing = Find(router);
            standing.IsWanted = routers.Contains(router);
            if (!standing.IsWanted)
            {
                GiveUp(router, standing);
            }
        }

        _nextAnswers = now;
        Tick(now);
    }

    /// <summary>A router goes to another node, if there is one that takes it.</summary>
    internal void Release(RouterKey router, long now)
    {
        Standing standing = Find(router);
        standing.NotBefore = Math.Max(standing.NotBefore, now + YieldTime);
        GiveUp(router, standing);
    }

    /// <summary>All routers go to other nodes, and this node is no candidate any more.</summary>
    internal void Leave()
    {
        _isLeaving = true;
        foreach ((RouterKey router, Standing standing) in _standings)
        {
            GiveUp(router, standing);
        }
    }

    private void Do(AgreementAction action) => _actions.Add(action);

    private void Drop(RouterKey router, Standing standing)
    {
        standing.Token = null;
        standing.IsDecided = true;
        _nextAnswers = 0;
        Do(new DropRouter(router));
    }

    private Standing Find(RouterKey router)
    {
        if (!_standings.TryGetValue(router, out Standing? standing))
        {
            // Nobody knows since when there is no claim.
            _standings.Add(router, standing = new Standing { NotBefore = _informedAt + FenceTime });
        }

        return standing;
    }

    /// <summary>How this node stands to a router.</summary>
    private sealed class Standing
    {
        internal bool IsWanted { get; set; }

        /// <summary>The fencing token of this node's claim; null while it holds none.</summary>
        internal long? Token { get; set; }

        /// <summary>When this agent began to hold it.</summary>
        internal long HeldSince { get; set; }

        /// <summary>Whether this agent has held or dropped the router.</summary>
        internal bool IsDecided { get; set; }

        /// <summary>That of a claim which is to be given up.</summary>
        internal long? GivingUp { get; set; }

        /// <summary>The claim that was there last, anybody's.</summary>
        internal HeldClaim? Seen { get; set; }

        /// <summary>The lease of a claim that went without a release, while its holder's lease may be there.</summary>
        internal HeldClaim? Orphan { get; set; }

        /// <summary>Whose turn it was when this node claimed last.</summary>
        internal string? FormerHolder { get; set; }

        /// <summary>When this node learned that nobody holds it.</summary>
        internal long FreeSince { get; set; }

        internal long NotBefore { get; set; }

        /// <summary>Whether its gateways answer this node; null while that is not known.</summary>
        internal bool? DoGatewaysAnswer { get; set; }

        /// <summary>Until when an answer counts for nothing, as it did not while this node held the router, and for how long that was.</summary>
        internal long DistrustedUntil { get; set; }

        internal long Distrust { get; set; }

        /// <summary>When its holder may be asked to leave it.</summary>
        internal long NextYield { get; set; }

        /// <summary>When an attempt that was not answered may be made again.</summary>
        internal long Retry { get; set; }

        internal bool IsAsking { get; set; }
    }
}
