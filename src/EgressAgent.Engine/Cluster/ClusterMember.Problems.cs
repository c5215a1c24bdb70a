using EgressAgent.Engine.Cluster.Etcd;
using EgressAgent.Linux.Clocks;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Cluster;

// What is wrong with the cluster, as an administrator is told.
public sealed partial class ClusterMember
{
    // For so long one and the same is told.
    private const long ProblemTime = 5_000_000_000;

    // A full etcd goes on to renew, and a node that has nothing to write would learn of it when another one is to be replaced.
    private const long TrialInterval = 5_000_000_000;

    private string? _problem;
    private long _problemAt;
    private string? _unwritten;
    private long _nextTrial;
    private bool _isTrying;
    private bool _wasSilent;

    private void NoteProblem(EtcdException failure, long now)
    {
        if (failure.Failure is EtcdFailure.NoSpace or EtcdFailure.User && _agreement.IsRenewed(now))
        {
            _unwritten = failure.Message;
        }
        else
        {
            NoteProblem(failure.Message, now);
        }
    }

    // Endpoints say one thing or another in turn.
    private void NoteProblem(string problem, long now)
    {
        if (_problem is null || now - _problemAt > ProblemTime)
        {
            (_problem, _problemAt) = (problem, now);
        }
    }

    private void TryWrite(long now)
    {
        if (_isTrying || now < _nextTrial || !_agreement.IsRenewed(now))
        {
            return;
        }

        (_isTrying, _nextTrial) = (true, now + TrialInterval);
        Ask(
            end => Done(_store.TryWriteAsync(end)),
            (_, _) => (_isTrying, _unwritten) = (false, null),
            _ => _isTrying = false);
    }

    private void NoteClaimed(ClaimRouter claim, long? token, long now)
    {
        _unwritten = token is null ? _unwritten : null;
        _agreement.Claimed(claim.Router, claim.Lease, token, now);
    }

    private void TellProblems(ClusterFacts before, ClusterFacts now)
    {
        if (now.Problem is null != before.Problem is null)
        {
            LogReach(
                _logger,
                now.Problem is null ? LogLevel.Information : LogLevel.Warning,
                now.Problem is { } begun ? $"etcd does not renew this node of the cluster: {begun}" : "over: etcd renews this node of the cluster again");
        }

        // One and the same problem is another one when nobody else renews the node any more.
        bool isSilent = now.Problem is not null && now.Deadline <= BootClock.Nanoseconds;
        if ((now.Problem, now.Unwritten, now.Unheard) != (before.Problem, before.Unwritten, before.Unheard) || isSilent != _wasSilent)
        {
            _wasSilent = isSilent;
            ProblemChanged?.Invoke(now);
        }
    }

    private string? DescribeUnheard()
    {
        string[] nodes = [.. _agreement.Unheard.Order(StringComparer.Ordinal)];
        return _heartbeats?.Problem ?? (nodes.Length == 0 ? null
            : $"heartbeats of {string.Join(", ", nodes)} do not come, and by way of etcd there are answers: let UDP through between the nodes, to the port of cluster.heartbeat");
    }

    [LoggerMessage(EventId = EventIds.ClusterUnreachable, EventName = nameof(EventIds.ClusterUnreachable), Message = "{Problem}")]
    private static partial void LogReach(ILogger logger, LogLevel level, string problem);
}
