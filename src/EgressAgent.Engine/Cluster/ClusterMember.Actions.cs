using EgressAgent.Engine.Cluster.Etcd;
using EgressAgent.Linux;
using EgressAgent.Model;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Cluster;

// What the agreement has done. At the fence at once, and in order; in etcd meanwhile, and the agreement is told.
public sealed partial class ClusterMember
{
    private void Take(AgreementAction action)
    {
        switch (action)
        {
            case SilenceAll:
                _fence.CloseAll();
                break;
            case ExtendFence extension when !_cannotSilence:
                _fence.Extend(extension.Deadline);
                break;
            case HoldRouter held:
                _fence.Open(held.Router);
                break;
            case DropRouter dropped:
                Silence(dropped.Router);
                break;
            case ReadCluster:
                Ask(_store.ReadAsync, (outcome, now) => _agreement.Informed(outcome.Revision, outcome.Entries, now), _agreement.Uninformed);
                break;
            case WatchCluster watch:
                Watch(watch.From);
                break;
            case JoinCluster:
                Ask(_store.JoinAsync, NoteJoined, now => _agreement.NotJoined(now, isRefused: false));
                break;
            case RenewLease renewal:
                Ask(
                    end => _store.RenewAsync(renewal.Lease, end),
                    (isThere, now) => NoteRenewed(renewal, isThere, now),
                    now => _agreement.Renewed(renewal.Lease, renewal.Began, null, now));
                break;
            case RevokeLease revocation:
                Ask(end => Done(_store.RevokeAsync(revocation.Lease, end)), (_, _) => { }, _ => { });
                break;
            case NoteMembers note:
                Ask(
                    end => Done(_store.NoteMembersAsync(note.Revision, end)),
                    (_, _) => _agreement.Noted(note.Revision, isDone: true),
                    _ => _agreement.Noted(note.Revision, isDone: false));
                break;
            case AskNode question:
                Ask(end => Done(_store.AskAsync(question, end)), (_, _) => { }, now => _agreement.NotAsked(question.Node, now));
                break;
            case NoteAnswers answers:
                Ask(
                    end => Done(_store.NoteAnswersAsync(answers, end)),
                    (_, now) => _agreement.NotedAnswers(answers.Lease, answers.Routers, isDone: true, now),
                    now => _agreement.NotedAnswers(answers.Lease, answers.Routers, isDone: false, now));
                break;
            case TellGivenWay given:
                LogGivenWay(_logger, given.Router, given.To);
                break;
            case AskYield question:
                Ask(end => Done(_store.AskYieldAsync(question, end)), (_, _) => { }, _ => { });
                break;
            case AnswerAsk:
                Ask(end => Done(_store.AnswerAsync(end)), (_, _) => { }, _ => { });
                break;
            case SendBeat beat:
                foreach (string node in _agreement.View.Nodes.Keys)
                {
                    Send(new HeartbeatMessage(IsAnswer: false, Node, "", beat.Beat), node);
                }

                break;
            case AnswerBeat answer:
                Send(new HeartbeatMessage(IsAnswer: true, Node, answer.Node, new Heartbeat(answer.Lease, answer.Counter, IsRenewed: true)), answer.Node);
                break;
            case ClaimRouter claim:
                Ask(
                    end => _store.ClaimAsync(claim, end),
                    (token, now) => NoteClaimed(claim, token, now),
                    now => _agreement.Claimed(claim.Router, claim.Lease, null, now));
                break;
            case GiveUpRouter release:
                Ask(
                    end => Done(_store.GiveUpAsync(release.Router, release.Token, end)),
                    (_, now) => _agreement.GaveUp(release.Router, isDone: true, now),
                    now => _agreement.GaveUp(release.Router, isDone: false, now));
                break;
        }
    }

    // A router that cannot be silenced by its own flag is so by the deadline of all.
    private void Silence(RouterKey router)
    {
        try
        {
            _fence.Close(router);
        }
        catch (LinuxException refusal)
        {
            _cannotSilence = true;
            _problem = $"{router} cannot be silenced, so that no router of this node is let speak any more; restart the agent: {refusal.Message}";
        }
    }

    private void NoteJoined((long? Lease, string? WhyNot) outcome, long now)
    {
        if (outcome.Lease is { } lease)
        {
            _agreement.Joined(lease, now);
        }
        else
        {
            NoteProblem(outcome.WhyNot ?? "this node's lease is over before it was of use", now);
            _agreement.NotJoined(now, isRefused: outcome.WhyNot is not null);
        }
    }

    private void NoteRenewed(RenewLease renewal, bool isThere, long now)
    {
        _agreement.Renewed(renewal.Lease, renewal.Began, isThere, now);

        // A member that does not answer any more tells nothing either, and does not say so.
        if (isThere && _watched is not null && _watched != _etcd.Endpoint)
        {
            _watch?.Cancel();
            _watched = null;
            _agreement.Uninformed(now);
        }
    }

    private void Watch(long from)
    {
        _watch?.Cancel();
        CancellationTokenSource watch = _watch = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        _watched = _etcd.Endpoint;
        _ = WatchAsync(from, watch);
    }

    private async Task WatchAsync(long from, CancellationTokenSource watch)
    {
        CancellationToken end = watch.Token;
        try
        {
            await foreach (EtcdChange change in _store.WatchAsync(from, end).ConfigureAwait(false))
            {
                Post(now =>
                {
                    if (!end.IsCancellationRequested)
                    {
                        _agreement.Changed(change, now);
                    }
                });
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // Another one is there.
        }
        catch (EtcdException failure)
        {
            Post(now =>
            {
                if (!end.IsCancellationRequested)
                {
                    NoteProblem(failure, now);
                    _agreement.Uninformed(now);
                }
            });
        }
    }

    private async void Ask<T>(Func<CancellationToken, Task<T>> ask, Action<T, long> answered, Action<long> failed)
    {
        try
        {
            T answer = await Task.Run(() => ask(_end.Token)).ConfigureAwait(false);
            Post(now => answered(answer, now));
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // Nobody waits for it any more.
        }
        catch (EtcdException failure)
        {
            Post(now =>
            {
                NoteProblem(failure, now);
                failed(now);
            });
        }
        catch (Exception defect)
        {
            LogDefect(_logger, defect);
            Post(failed);
        }
    }

    private static async Task<bool> Done(Task task)
    {
        await task.ConfigureAwait(false);
        return true;
    }

    [LoggerMessage(EventId = EventIds.Failover, EventName = nameof(EventIds.Failover), Level = LogLevel.Information,
        Message = "{Router}: the cluster has this node, {Node}, hold it from now on, with the fencing token {Token}{Former}")]
    private static partial void LogHeld(ILogger logger, RouterKey router, string node, long token, string former);

    [LoggerMessage(EventId = EventIds.Failover, Level = LogLevel.Warning, Message = "{Router}: its gateway does not answer this node, and answers {Other}: the router is left to that one")]
    private static partial void LogGivenWay(ILogger logger, RouterKey router, string other);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the routers are silent here, and others take them over when this node's lease is over, some seconds from now: {Reason}")]
    private static partial void LogNotLeft(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "a defect in the agreement of the cluster; please report it")]
    private static partial void LogDefect(ILogger logger, Exception exception);
}
