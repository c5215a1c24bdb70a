using EgressAgent.Model;

namespace EgressAgent.Engine.Cluster;

// Whose gateways answer, which nodes tell each other in etcd. It is never a reason to be silent, but for a holder that knows of somebody
// to whom they do; where nobody's answer nothing moves.
internal sealed partial class Agreement
{
    // A standby asks from the master, and may be answered where the router's own MAC is not let through: who has given way for its gateway
    // is believed again after so long, and each time after twice as long.
    private const long ShortestDistrust = 60_000 * Millisecond;
    private const long LongestDistrust = 3_600_000 * Millisecond;

    // A holder whose fence lapsed was not heard by its gateway either: it is asked anew, which takes so long.
    private const long AskingTime = 15_000 * Millisecond;

    private long _speakingSince;
    private string _notedAnswers = "";
    private bool _isNotingAnswers;
    private long _nextAnswers;

    /// <summary>Whether a router's gateways answer this node; null while that is not known.</summary>
    internal void NoteGateways(RouterKey router, bool? answers, long now)
    {
        Standing standing = Find(router);
        standing.DoGatewaysAnswer = answers;
        if (answers == true && standing.Token is not null)
        {
            standing.Distrust = 0;
        }

        _nextAnswers = now;
        Tick(now);
    }

    /// <summary>What became of <see cref="NoteAnswers"/>.</summary>
    internal void NotedAnswers(long lease, string routers, bool isDone, long now)
    {
        _isNotingAnswers = false;
        _nextAnswers = now + RetryInterval;
        _notedAnswers = isDone && lease == _lease ? routers : _notedAnswers;
    }

    private void TickGateways(long now)
    {
        if (_lease is not { } lease || _isLeaving || _isNotingAnswers || now < _nextAnswers)
        {
            return;
        }

        // Distrust ends by itself.
        _nextAnswers = _standings.Values.Select(standing => standing.DistrustedUntil).Where(until => until > now).DefaultIfEmpty(long.MaxValue).Min();
        string answered = string.Join(
            ' ', _standings.Where(standing => standing.Value.IsWanted && IsAnswered(standing.Value, now)).Select(standing => $"{standing.Key}").Order(StringComparer.Ordinal));
        if (answered != _notedAnswers)
        {
            _isNotingAnswers = true;
            Do(new NoteAnswers(lease, answered));
        }
    }

    private void NoteExtension(long former, long now)
    {
        if (former <= now)
        {
            _speakingSince = now;
        }

        Do(new ExtendFence(Deadline));
    }

    private bool IsUnanswered(Standing standing, long now) =>
        standing is { Token: not null, DoGatewaysAnswer: false } && Deadline > now && now - Math.Max(_speakingSince, standing.HeldSince) > AskingTime;

    private static bool IsAnswered(Standing standing, long now) =>
        standing.DoGatewaysAnswer == true && (standing.Token is not null || now >= standing.DistrustedUntil);

    // Another node that is there, and does not have to be asked whether it is.
    private string? FindAnswered(RouterKey router) => _view.Alive
        .FirstOrDefault(other => other.Key != _self.Node && !_revoked.Contains(other.Value.Lease) && _view.IsAnswered(other.Key, router)).Key;

    private void GiveWay(RouterKey router, Standing standing, string to, long now)
    {
        standing.Distrust = Math.Clamp(2 * standing.Distrust, ShortestDistrust, LongestDistrust);
        standing.DistrustedUntil = now + standing.Distrust;
        Do(new TellGivenWay(router, to));
        Release(router, now);
    }
}
