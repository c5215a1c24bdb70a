using System.Globalization;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Records;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.Linux.Journal;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Traffic;

/// <summary>
/// Answers who was behind a source address and port at some time, by the records in the journal and by the flows that are there now.
/// The journal is read for one after the other, on a thread of its own. Thread-safe.
/// </summary>
public sealed class FlowFinder(Reconciler reconciler, ResourceRegistry registry, TrafficSampler traffic, AgentConfiguration configuration, TimeProvider time) : IDisposable
{
    /// <summary>How many flows an answer has at most.</summary>
    public const int MaxFlows = 1000;

    // Of one source, each way.
    private const int MaxRecords = 20_000;

    // Records have microseconds, and relayed connections the clock of the moment in which they were accepted.
    private static readonly TimeSpan ClockGrain = TimeSpan.FromMilliseconds(1);

    private readonly SemaphoreSlim _turn = new(1);

    /// <exception cref="LinuxException">The journal cannot be read.</exception>
    public async Task<FlowFinding> FindAsync(FlowSource source, DateTimeOffset at)
    {
        RouterStatus[] routers = [.. reconciler.Status.All.Where(router => LeavesAs(router, source))];
        await Task.WhenAll(routers.Select(router => traffic.RefreshAsync(router.Desired!.Redirect, isOnce: true, withFlows: true))).ConfigureAwait(false);
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            return await Task.Factory.StartNew(
                () => Find(source, at, routers), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private static bool LeavesAs(RouterStatus router, FlowSource source) =>
        router.Desired?.Redirect.Families.Any(family => family.Reserved.Contains(source.Address)) == true;

    private FlowFinding Find(FlowSource source, DateTimeOffset at, RouterStatus[] routers)
    {
        using var journal = JournalReader.OpenNamespace(configuration.FlowRecords.Namespace);
        var search = new FlowRecordSearch(journal, source, at, MaxRecords);
        search.Run();
        List<FoundFlow> flows = [.. search.Found];
        FoundFlow? after = search.After;
        foreach (FoundFlow living in routers.SelectMany(router => ListLiving(router.Key, source)))
        {
            int known = flows.FindIndex(flow => flow.End is null && IsSame(flow, living));
            if (flows.Append(search.Before).Any(flow => flow is not null && HasEnded(flow, living)))
            {
                // Its record was written after the look.
            }
            else if (known >= 0)
            {
                flows[known] = flows[known] with { State = FlowState.Living, BytesTo = living.BytesTo, BytesFrom = living.BytesFrom };
            }
            else if (living.Start > at + FlowFinding.Tolerance || (after is not null && IsSame(after, living) && living.Start is null))
            {
                after = after is null || living.Start <= after.Start ? living : after;
            }
            else if (time.GetUtcNow() >= at - FlowFinding.Tolerance)
            {
                flows.Add(living);
            }
        }

        List<string> notes = [];
        if (flows.Count > MaxFlows)
        {
            notes.Add(Say($"{flows.Count - MaxFlows} more were there; the first {MaxFlows} are shown"));
        }

        if (search.ReadUntil is { } until)
        {
            notes.Add(Say($"records of {source} were read up to {Text(until)}, {MaxRecords} of them: a flow that ended later is missing here"));
        }

        if (search.ReadSince is { } since)
        {
            notes.Add(Say($"records of {source} were read back to {Text(since)}, {MaxRecords} of them: a flow that began earlier and has no recorded end is missing here"));
        }

        if (at + FlowFinding.Tolerance < time.GetUtcNow() && flows.Any(flow => flow.Start is null))
        {
            notes.Add($"a flow whose beginning is not known may have begun after {Text(at)}");
        }

        if (flows.Count == 0)
        {
            notes.AddRange(ExplainNothing(journal, source, at, routers));
        }

        return new FlowFinding(
            [.. flows.OrderBy(flow => flow.Start).Take(MaxFlows)],
            flows.Count > 0 ? [] : [.. new[] { search.Before, after }.OfType<FoundFlow>()],
            [.. notes]);
    }

    private IEnumerable<FoundFlow> ListLiving(RouterKey key, FlowSource source) =>
        from flow in traffic.LastFlows(key).All
        where flow.Source.Address.Equals(source.Address)
            && flow.Source.Port == source.Port
            && (flow.Protocol == "ICMPv6" ? "58" : flow.Protocol).Equals(source.Protocol, StringComparison.OrdinalIgnoreCase)
        select new FoundFlow
        {
            Router = key.ToString(),
            Protocol = source.Protocol.ToUpperInvariant(),
            Client = FlowRecordReader.Text(flow.Client),
            Source = FlowRecordReader.Text(flow.Source),
            Destination = FlowRecordReader.Text(flow.Destination),
            Start = flow.Start,
            State = FlowState.Living,
            BytesTo = flow.BytesOut,
            BytesFrom = flow.BytesIn,
        };

    private static bool IsSame(FoundFlow record, FoundFlow living) =>
        record.Router == living.Router && record.Client == living.Client && (record.Destination.Length == 0 || record.Destination == living.Destination);

    private bool HasEnded(FoundFlow record, FoundFlow living) => record.End is { } end && IsSame(record, living)
        && (living.Start is { } start && record.Start is { } begun ? (start - begun).Duration() < ClockGrain : end > time.GetUtcNow() - 2 * TrafficSampler.MaxAge);

    // Which of the reasons it was is not known: all that hold are said.
    private IEnumerable<string> ExplainNothing(JournalReader journal, FlowSource source, DateTimeOffset at, RouterStatus[] routers)
    {
        if (at > time.GetUtcNow() + FlowFinding.Tolerance)
        {
            yield return $"{Text(at)} is still to come";
            yield break;
        }

        DateTimeOffset? oldest = ReadOldest(journal);
        if (oldest is null)
        {
            yield return $"the journal namespace {configuration.FlowRecords.Namespace} of this machine has no record of any flow";
        }
        else if (oldest > at)
        {
            yield return $"the oldest record is of a flow that began at {Text(oldest.Value)}: earlier ones were not kept that long, or there were none";
        }

        if (routers.Length == 0)
        {
            yield return $"no router leaves as {source.Address} now; for the addresses: egressctl status";
        }

        foreach (RegisteredRouter router in routers.Select(status => registry.Find(status.Key)).OfType<RegisteredRouter>())
        {
            if (router.History is [var first, ..] && router.History.Count < RegisteredRouter.MaxEvents && first.Time > at)
            {
                yield return $"{router.Key} has been there since {Text(first.Time)} only";
            }

            if ((router.LastGood?.Spec.FlowLog ?? configuration.FlowLog) == FlowLogMode.None)
            {
                yield return $"{router.Key} keeps no records, as its flow-log is none: egress-router(5)";
            }
        }
    }

    private static DateTimeOffset? ReadOldest(JournalReader journal)
    {
        // One or the other: of one field that is what two matches mean.
        journal.Match(FlowRecord.EventField, FlowRecord.StartEvent);
        journal.Match(FlowRecord.EventField, FlowRecord.EndEvent);
        journal.SeekStart();
        return journal.MoveNext() ? new FlowRecordReader(journal).Read()?.Start ?? journal.Time : null;
    }

    private static string Text(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Say(FormattableString text) => FormattableString.Invariant(text);
}
