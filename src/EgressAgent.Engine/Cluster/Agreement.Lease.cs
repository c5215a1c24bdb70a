using EgressAgent.Model;

namespace EgressAgent.Engine.Cluster;

// The lease, and with it the fence.
internal sealed partial class Agreement
{
    /// <summary>There is a lease, and the others see this node. Claims of an earlier agent of this node are taken over one by one.</summary>
    internal void Joined(long lease, long now)
    {
        _isJoining = false;
        if (_isLeaving)
        {
            Do(new RevokeLease(lease));
            return;
        }

        _lease = lease;
        _renewals = 0;
        (_notedAnswers, _nextAnswers) = ("", now);
        _nextRenewal = now;
        ForgetPromises();
        TickPeers(now);
        Tick(now);
    }

    /// <summary>There is no lease for now.</summary>
    internal void NotJoined(long now, bool isRefused)
    {
        _isJoining = false;
        _retryJoin = now + (isRefused ? 10 * RetryInterval : RetryInterval);
    }

    /// <summary>What became of <see cref="RenewLease"/>.</summary>
    /// <param name="lease">The lease.</param>
    /// <param name="began">As the action said.</param>
    /// <param name="isThere">Whether the lease is there; null when nobody says.</param>
    /// <param name="now">The time.</param>
    internal void Renewed(long lease, long began, bool? isThere, long now)
    {
        // An answer to an earlier lease says nothing of this one.
        if (lease != _lease)
        {
            return;
        }

        _renewals--;
        if (isThere == false)
        {
            LoseLease(now);
        }
        else if (isThere == true && began > _renewedAt)
        {
            _renewedSince = began - _renewedAt > FreshTime || _renewedAt == long.MinValue ? now : _renewedSince;
            long former = Deadline;
            _renewedAt = began;
            NoteExtension(former, now);
        }

        Tick(now);
    }

    // Before there is another lease each router of this one is silent, since a new one extends the fence of all.
    private void LoseLease(long now)
    {
        foreach ((RouterKey router, Standing standing) in _standings.Where(standing => standing.Value.Token is not null))
        {
            Drop(router, standing);
        }

        foreach (Standing standing in _standings.Values)
        {
            standing.GivingUp = null;
        }

        _lease = null;
        _renewedAt = long.MinValue;
        ForgetPromises();
        _retryJoin = now;
    }
}
