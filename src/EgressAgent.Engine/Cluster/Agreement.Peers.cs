namespace EgressAgent.Engine.Cluster;

// What nodes tell each other without etcd. A promise says no more than that, for who gives it, the lease is there: it waits a fence from
// when it learns otherwise before it claims, as always. Whoever might claim has to give it, so that of a lease that is gone one at least
// does not. A node that joins for the first time waits until all others, which may be without etcd, know that they have to ask it. Who has
// started, and has not read etcd yet, knows of no lease that is gone: it promises what it is asked for, claims nothing before it has read,
// and nothing within a fence of its last such promise either, not even what its node still holds.
internal sealed partial class Agreement
{
    // Three are missing when the third is due: what comes a moment later costs a question alone.
    private const long SilenceTime = 250 * Millisecond;
    private const long AnswerTime = 250 * Millisecond;
    private const long AskInterval = 1000 * Millisecond;

    // A renewal that is older says nothing of now.
    private const long FreshTime = 250 * Millisecond;

    // After etcd was away others may be back a moment later.
    private const long SettledTime = 500 * Millisecond;

    private const int RememberedBeats = 8;

    private readonly Dictionary<long, long> _beats = [];
    private readonly Dictionary<string, long> _promises = [];
    private readonly Dictionary<string, Peer> _peers = [];
    private readonly HashSet<long> _revoked = [];
    private long _counter;
    private long _nextBeat;
    private long _promisedAt = long.MinValue;
    private long _blindUntil;
    private long _noted;
    private bool _isNoting;

    /// <summary>Nodes that answer by way of etcd, and whose heartbeats do not come.</summary>
    internal IEnumerable<string> Unheard => _peers.Where(peer => peer.Value.Answered > 0).Select(peer => peer.Key);

    /// <summary>A heartbeat came, signed by a member.</summary>
    internal void Heard(string node, Heartbeat beat, long now)
    {
        if (!_hasBeenInformed)
        {
            _blindUntil = now + FenceTime;
            Do(new AnswerBeat(node, beat.Lease, beat.Counter));
            return;
        }

        // What was sent again, or is of a lease that is gone for this node, is not answered.
        if (_view.Alive.GetValueOrDefault(node)?.Lease != beat.Lease || _revoked.Contains(beat.Lease))
        {
            return;
        }

        Peer peer = PeerOf(node, beat.Lease, now);
        if (beat.Counter <= peer.Counter)
        {
            return;
        }

        (peer.Counter, peer.HeardAt, peer.IsRenewed) = (beat.Counter, now, beat.IsRenewed);
        (peer.AskedAt, peer.Answered) = (null, 0);
        Consider(node, peer, now);
        if (!_revoked.Contains(beat.Lease))
        {
            Do(new AnswerBeat(node, beat.Lease, beat.Counter));
        }
    }

    /// <summary>A member promised what a heartbeat of this node asked for.</summary>
    internal void Promised(string node, long lease, long counter, long now)
    {
        if (lease != _lease || !_beats.TryGetValue(counter, out long began))
        {
            return;
        }

        _promises[node] = Math.Max(began, _promises.GetValueOrDefault(node, long.MinValue));
        long all = Others().Select(other => _promises.GetValueOrDefault(other, long.MinValue)).DefaultIfEmpty(long.MinValue).Min();
        if (all > _promisedAt)
        {
            long before = Deadline;
            _promisedAt = all;
            if (Deadline > before)
            {
                NoteExtension(before, now);
            }
        }
    }

    /// <summary>A node could not be asked: of what it was not asked it cannot answer.</summary>
    internal void NotAsked(string node, long now)
    {
        if (_peers.GetValueOrDefault(node) is { } peer)
        {
            (peer.AskedAt, peer.Retry) = (null, now + RetryInterval);
        }
    }

    /// <summary>What became of <see cref="NoteMembers"/>.</summary>
    internal void Noted(long revision, bool isDone)
    {
        _isNoting = false;
        _noted = isDone ? revision : _noted;
    }

    private IEnumerable<string> Others() => _view.Nodes.Keys.Where(node => node != _self.Node);

    // By what is known, whoever may be without etcd knows this node.
    private bool IsKnown() => _view.Nodes.GetValueOrDefault(_self.Node) is { } self
        && _view.Nodes.All(other => other.Key == _self.Node || other.Value.Record.Heartbeat is null || _view.SeenBy(other.Key) >= self.Created);

    private void TickPeers(long now)
    {
        if (!_isInformed || _lease is not { } lease)
        {
            return;
        }

        long newest = _view.Nodes.Values.Select(node => node.Created).DefaultIfEmpty(0).Max();
        if (newest > _noted && !_isNoting)
        {
            _isNoting = true;
            Do(new NoteMembers(newest));
        }

        if (_view.Asked.Contains(_self.Node))
        {
            Do(new AnswerAsk());
        }
    }

    private void TickBeats(long now)
    {
        if (_lease is not { } lease || _self.Record.Heartbeat is null || _isLeaving)
        {
            return;
        }

        if (now >= _nextBeat)
        {
            _nextBeat = now + RenewInterval;
            _beats.Remove(_counter - RememberedBeats);
            _beats[++_counter] = now;
            Do(new SendBeat(new Heartbeat(lease, _counter, now - _renewedAt < 3 * RenewInterval)));
        }

        foreach ((string node, LiveNode live) in _view.Alive)
        {
            if (node != _self.Node && live.Record.Heartbeat is not null)
            {
                Consider(node, PeerOf(node, live.Lease, now), now);
            }
        }
    }

    // Whether a node is there is decided by who reaches etcd, and of one that holds something alone.
    private void Consider(string node, Peer peer, long now)
    {
        bool isSilent = now - peer.HeardAt > SilenceTime;
        if (!_isInformed || _lease is null || now - _renewedAt > FreshTime || now - _renewedSince < SettledTime || (peer.IsRenewed && !isSilent)
            || !_view.Claims.Values.Any(claim => claim.Lease == peer.Lease))
        {
            peer.AskedAt = null;
            return;
        }

        if (!isSilent)
        {
            // It says itself that it does not reach etcd, which this node does.
            Revoke(peer.Lease);
        }
        else if (peer.Answered > 0 && now - peer.Answered < AskInterval)
        {
            peer.AskedAt = null;
        }
        else if (peer.AskedAt is not { } asked)
        {
            if (now >= peer.Retry)
            {
                peer.AskedAt = now;
                Do(new AskNode(node, _lease.Value));
            }
        }
        else if (now - asked > AnswerTime)
        {
            Revoke(peer.Lease);
        }
    }

    // From here on the lease is gone for this node, whatever becomes of that.
    private void Revoke(long lease)
    {
        if (_revoked.Add(lease))
        {
            Do(new RevokeLease(lease));
        }
    }

    private void NoteAnswer(string node, long now)
    {
        if (_peers.GetValueOrDefault(node) is { AskedAt: not null } peer)
        {
            (peer.AskedAt, peer.Answered) = (null, now);
        }
    }

    // One that has just come is heard soon.
    private Peer PeerOf(string node, long lease, long now)
    {
        if (_peers.GetValueOrDefault(node) is not { } peer || peer.Lease != lease)
        {
            _peers[node] = peer = new Peer(lease) { HeardAt = now };
        }

        return peer;
    }

    private void ForgetPromises()
    {
        _beats.Clear();
        _promises.Clear();
        _promisedAt = long.MinValue;
    }

    /// <summary>Another node, as it was heard.</summary>
    private sealed class Peer(long lease)
    {
        internal long Lease { get; } = lease;

        internal long Counter { get; set; }

        internal long HeardAt { get; set; }

        internal bool IsRenewed { get; set; } = true;

        /// <summary>When it was asked by way of etcd; null while it is not.</summary>
        internal long? AskedAt { get; set; }

        /// <summary>When it may be asked again, where it could not be.</summary>
        internal long Retry { get; set; }

        /// <summary>When it answered so, since it was heard last; 0 if it has not.</summary>
        internal long Answered { get; set; }
    }
}
