using EgressAgent.Model;

namespace EgressAgent.Engine.Cluster;

// Who claims what, and when.
internal sealed partial class Agreement
{
    /// <summary>What became of <see cref="ClaimRouter"/>.</summary>
    /// <param name="router">The router.</param>
    /// <param name="lease">As the action said.</param>
    /// <param name="token">The fencing token of the claim; null when this node has none, or nobody knows.</param>
    /// <param name="now">The time.</param>
    internal void Claimed(RouterKey router, long lease, long? token, long now)
    {
        Standing standing = Find(router);
        standing.IsAsking = false;
        standing.Retry = now + RetryInterval;

        // A claim of a lease that is gone is gone too.
        if (token is null || lease != _lease)
        {
            return;
        }

        standing.Token = token;
        if (!standing.IsWanted || _isLeaving)
        {
            GiveUp(router, standing);
            return;
        }

        (standing.IsDecided, standing.HeldSince) = (true, now);
        _nextAnswers = now;
        Do(new HoldRouter(router, token.Value));
    }

    /// <summary>What became of <see cref="GiveUpRouter"/>: false when nobody knows.</summary>
    internal void GaveUp(RouterKey router, bool isDone, long now)
    {
        Standing standing = Find(router);
        standing.IsAsking = false;
        standing.Retry = now + RetryInterval;
        if (isDone)
        {
            standing.GivingUp = null;
        }
    }

    /// <summary>Whether a claim is there to be given up.</summary>
    internal bool IsGivingUp => _standings.Values.Any(standing => standing.GivingUp is not null);

    private bool IsOwn(RouterKey router) => _view.Claims.GetValueOrDefault(router)?.By is { } by && by.Node == _self.Node && by.Id == _self.Record.Id;

    // What etcd shows of a router's claim is another one than before.
    private void NoteClaim(RouterKey router, long now)
    {
        Standing standing = Find(router);
        HeldClaim? claim = _view.Claims.GetValueOrDefault(router);
        HeldClaim? former = standing.Seen;
        standing.Seen = claim;
        standing.FreeSince = claim is null && former is not null ? now : standing.FreeSince;
        if (standing.Token is { } token && claim?.Created != token && !(claim is null && former is null))
        {
            // Somebody took the claim away, by hand. Until this is told as a release nobody else claims.
            Drop(router, standing);
            standing.GivingUp = token;
        }

        if (claim is not null)
        {
            standing.Orphan = null;
        }
        else if (_view.Turns.GetValueOrDefault(router) is not { Record.IsOver: true })
        {
            standing.NotBefore = Math.Max(standing.NotBefore, now + FenceTime);
            standing.Orphan = former;
        }
    }

    private void Consider(RouterKey router, Standing standing, long now)
    {
        if (standing.IsAsking || now < standing.Retry || _lease is not { } lease)
        {
            return;
        }

        if (standing.GivingUp is { } token)
        {
            standing.IsAsking = true;
            Do(new GiveUpRouter(router, token));
        }
        else if (standing is { Token: null, IsWanted: true } && _isInformed && !_isLeaving && MayClaim(router, standing, now))
        {
            standing.IsAsking = true;
            standing.FormerHolder = _view.Turns.GetValueOrDefault(router)?.Record.Node;
            Do(new ClaimRouter(router, lease, _view.Turns.GetValueOrDefault(router)?.Modified ?? 0, IsOwn(router) ? _view.Claims[router].Modified : null));
        }
        else if (IsUnanswered(standing, now) && _isInformed && !_isLeaving && FindAnswered(router) is { } answered)
        {
            GiveWay(router, standing, answered, now);
        }
        else if (standing is { Token: null, IsWanted: true } && _isInformed && !_isLeaving && IsToYield(router, standing, now))
        {
            standing.NextYield = now + YieldTime;
            Do(new AskYield(router, lease));
        }
    }

    // Who has just come back may go again; and who has given it up does not want it back at once.
    private bool IsToYield(RouterKey router, Standing standing, long now) =>
        _self.Preempts
        && _view.Claims.GetValueOrDefault(router) is { } claim && claim.By.Node != _self.Node && claim.By.Priority < _self.Record.Priority
        && standing.DoGatewaysAnswer != false
        && now >= Math.Max(Math.Max(standing.NextYield, standing.NotBefore), standing.DistrustedUntil)
        && _renewedAt != long.MinValue && now - _renewedAt < FreshTime && now - _renewedSince > ProbationTime
        && IsKnown();

    private bool MayClaim(RouterKey router, Standing standing, long now)
    {
        // Not before the fence is extended at all: a router that is held and silent serves nobody.
        if (Deadline <= now || now < _blindUntil || !IsKnown())
        {
            return false;
        }

        if (_view.Claims.ContainsKey(router))
        {
            // It is this node that holds the router, and so it was, whichever of its agents.
            return IsOwn(router);
        }

        bool isOrphaned = standing.Orphan is { } orphan && _view.Alive.GetValueOrDefault(orphan.By.Node)?.Lease == orphan.Lease;
        return !isOrphaned && now >= Math.Max(standing.NotBefore, standing.FreeSince) + (RankOf(router) * RankInterval);
    }

    // Who has just released the router is no candidate, and who reaches its gateways comes before all others.
    private int RankOf(RouterKey router)
    {
        string? releaser = _view.Turns.GetValueOrDefault(router) is { Record: { IsOver: true } last } ? last.Node : null;
        return _view.Alive.Count(other => other.Key != _self.Node && other.Key != releaser
            && (_view.IsAnswered(other.Key, router), other.Value.Record.Priority, _self.Node)
                .CompareTo((_view.IsAnswered(_self.Node, router), _self.Record.Priority, other.Key)) > 0);
    }

    private void GiveUp(RouterKey router, Standing standing)
    {
        if (standing.Token is { } token)
        {
            Drop(router, standing);
            standing.GivingUp = token;
            if (!standing.IsAsking)
            {
                standing.IsAsking = true;
                Do(new GiveUpRouter(router, token));
            }
        }
        else if (IsOwn(router) && _isInformed && _lease is not null && standing.GivingUp is null && !standing.IsAsking)
        {
            // An earlier agent's, which this one has not taken over.
            Drop(router, standing);
            standing.GivingUp = _view.Claims[router].Created;
        }
    }
}
