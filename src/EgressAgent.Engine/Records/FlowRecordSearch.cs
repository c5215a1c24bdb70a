using System.Globalization;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Journal;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Records;

/// <summary>
/// Looks in the journal for the flows of one source that were there at one time. A record of an end is written after the end, so the
/// flows of that time have theirs behind it, however long they went on; one of a beginning without an end stands before it.
/// </summary>
/// <param name="journal">The records, where it may move and match as it likes.</param>
/// <param name="source">Whose flows.</param>
/// <param name="at">When.</param>
/// <param name="limit">How many records of this source it reads each way, at most.</param>
/// <param name="recordsToCompare">How many records that were written one after the other may be in another order than their flows.</param>
internal sealed class FlowRecordSearch(JournalReader journal, FlowSource source, DateTimeOffset at, int limit, int recordsToCompare = 16)
{
    // The clock may have been set back between an end and its record.
    private static readonly TimeSpan ClockStep = TimeSpan.FromMinutes(1);

    private readonly FlowRecordReader _reader = new(journal);
    private readonly Dictionary<string, int> _countsByWay = [];
    private readonly Dictionary<FlowIdentity, FoundFlow> _open = [];
    private readonly Dictionary<(string Router, string Destination), DateTimeOffset> _lastStart = [];
    private readonly List<FoundFlow> _found = [];
    private DateTimeOffset _firstAfter = DateTimeOffset.MaxValue;

    /// <summary>Those that were there, and of those without a recorded end the ones that may have been.</summary>
    internal IReadOnlyList<FoundFlow> Found => _found;

    /// <summary>The last one that had ended by then.</summary>
    internal FoundFlow? Before { get; private set; }

    /// <summary>The first one that had not begun.</summary>
    internal FoundFlow? After { get; private set; }

    /// <summary>Up to when it read the records, where there are more.</summary>
    internal DateTimeOffset? ReadUntil { get; private set; }

    /// <summary>From when on it read the records, where there are earlier ones that may matter.</summary>
    internal DateTimeOffset? ReadSince { get; private set; }

    private DateTimeOffset Place => at - FlowFinding.Tolerance - ClockStep;

    internal void Run()
    {
        List<FoundFlow> records = ReadEarlier();
        records.Reverse();
        records.AddRange(ReadLater());
        journal.ClearMatches();
        foreach (FoundFlow record in records)
        {
            Take(record);
        }

        foreach (FoundFlow record in _open.Values.Where(record => !IsOver(record)))
        {
            Sort(record);
        }
    }

    private List<FoundFlow> ReadEarlier()
    {
        DateTimeOffset before = Place - TimeSpan.FromMicroseconds(1);
        MatchSource();
        journal.Match(FlowRecord.EventField, FlowRecord.StartEvent);
        journal.Seek(before);
        bool hasStarts = journal.MovePrevious();
        MatchSource();
        journal.Seek(before);
        (List<FoundFlow> records, DateTimeOffset? end) = Read(journal.MovePrevious, hasStarts ? limit : recordsToCompare, ReadUnlessOver);
        ReadSince = hasStarts ? end : null;
        return records;
    }

    private List<FoundFlow> ReadLater()
    {
        MatchSource();
        journal.Seek(Place);
        (List<FoundFlow> records, ReadUntil) = Read(journal.MoveNext, limit, ReadUnlessMuchLater);
        return records;
    }

    private (List<FoundFlow> Records, DateTimeOffset? End) Read(Func<bool> move, int count, Func<FoundFlow?> read)
    {
        List<FoundFlow> records = [];
        for (int i = 0; move(); i++)
        {
            if (i == count)
            {
                return (records, journal.Time);
            }

            if (read() is { } record)
            {
                records.Add(record);
            }
        }

        return (records, null);
    }

    // Where others went the same way later, an earlier flow is over, recorded or not: see IsOver. They are written in that order, nearly,
    // as ends are in the order of ends: so the last ones are enough.
    private FoundFlow? ReadUnlessOver()
    {
        ReadOnlySpan<char> way = source.Port > 0 ? _reader.ReadWay() : [];
        if (way.IsEmpty)
        {
            return _reader.Read();
        }

        ref int count = ref CollectionsMarshal.GetValueRefOrAddDefault(_countsByWay.GetAlternateLookup<ReadOnlySpan<char>>(), way, out _);
        FoundFlow? record = count < recordsToCompare ? _reader.Read() : null;
        count += record is null ? 0 : 1;
        return record;
    }

    // Of those that had not begun the first one matters alone. A busy port has many.
    private FoundFlow? ReadUnlessMuchLater()
    {
        FoundFlow? record = _firstAfter < DateTimeOffset.MaxValue && _reader.ReadStart() > _firstAfter ? null : _reader.Read();
        _firstAfter = record?.Start > at + FlowFinding.Tolerance ? record.Start.Value : _firstAfter;
        return record;
    }

    private void MatchSource()
    {
        journal.ClearMatches();
        journal.Match(FlowRecord.SourceAddressField, source.Address.ToString());
        journal.Match(FlowRecord.ProtocolField, source.Protocol);

        // Without ports a record has none.
        if (source.Port > 0)
        {
            journal.Match(FlowRecord.SourcePortField, source.Port.ToString(CultureInfo.InvariantCulture));
        }
    }

    // In the order in which they were written.
    private void Take(FoundFlow record)
    {
        var identity = FlowIdentity.Of(record);
        _open.Remove(identity, out FoundFlow? begun);
        if (record.End is null)
        {
            // Of the one before the end was lost: it was there until this one began, at most.
            if (begun is not null && record.Start >= at - FlowFinding.Tolerance)
            {
                Sort(begun);
            }

            _open[identity] = record;
        }
        else
        {
            // The beginning was noted when it was told, which may be later than it was.
            if (begun is not null && record.Start > begun.Start + FlowFinding.Tolerance && record.Start >= at - FlowFinding.Tolerance)
            {
                Sort(begun);
            }

            Sort(record with { Start = record.Start ?? begun?.Start });
        }

        if (record.Destination.Length > 0 && record.Start is { } start && start < at - FlowFinding.Tolerance)
        {
            (string, string) way = (record.Router, record.Destination);
            _lastStart[way] = _lastStart.TryGetValue(way, out DateTimeOffset last) && last > start ? last : start;
        }
    }

    // Two flows from one port to one destination are not there at the same time: where a later one had begun, an earlier one has ended,
    // also if that was not recorded.
    private bool IsOver(FoundFlow record) =>
        source.Port > 0 && _lastStart.TryGetValue((record.Router, record.Destination), out DateTimeOffset last) && record.Start < last;

    private void Sort(FoundFlow record)
    {
        if (record.Start > at + FlowFinding.Tolerance)
        {
            After = After is null || record.Start < After.Start ? record : After;
        }
        else if (record.End < at - FlowFinding.Tolerance)
        {
            Before = Before is null || record.End > Before.End ? record : Before;
        }
        else
        {
            _found.Add(record);
        }
    }
}

/// <summary>What the records of one flow have in common, and of no other that is there at the same time.</summary>
internal readonly record struct FlowIdentity(string Router, string Client, string Destination)
{
    internal static FlowIdentity Of(FoundFlow record) => new(record.Router, record.Client, record.Destination);
}
