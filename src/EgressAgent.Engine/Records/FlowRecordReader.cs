using System.Globalization;
using System.Net;
using System.Text;
using EgressAgent.Linux.Journal;
using EgressAgent.Model;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Records;

/// <summary>Reads the records of flows as they stand in the journal. Not for use by two threads at once.</summary>
internal sealed class FlowRecordReader(JournalReader journal)
{
    private static readonly ulong MaxMicroseconds = (ulong)UnixTime.MicrosecondsOf(DateTimeOffset.MaxValue);

    // The longest name of a router does not fit: it costs time alone.
    private const int WayRoom = 128;

    private static readonly byte[][] WayFields =
    [
        .. new[] { FlowRecord.RouterField, FlowRecord.DestinationAddressField, FlowRecord.DestinationPortField }.Select(field => Encoding.ASCII.GetBytes(field + "=")),
    ];

    private readonly Dictionary<string, string> _fields = [];
    private readonly byte[] _wayBytes = new byte[WayFields.Length * WayRoom];
    private readonly char[] _way = new char[WayFields.Length * WayRoom];

    /// <summary>
    /// The record that the journal stands on: of an end, <see cref="FlowState.Ended"/>, of a beginning <see cref="FlowState.Unknown"/>.
    /// Null for an entry that is no record.
    /// </summary>
    internal FoundFlow? Read()
    {
        journal.Read("EGRESS_"u8, _fields);
        string? what = Value(FlowRecord.EventField);
        DateTimeOffset? start = ReadTime(FlowRecord.StartField);
        DateTimeOffset? end = what == FlowRecord.EndEvent ? ReadTime(FlowRecord.EndField) : null;
        bool hasTime = what == FlowRecord.StartEvent ? start is not null : end is not null;
        if (!hasTime
            || Value(FlowRecord.RouterField) is not { } router
            || Value(FlowRecord.ProtocolField) is not { } protocol
            || ReadEndpoint(FlowRecord.ClientAddressField, FlowRecord.ClientPortField) is not { } client
            || ReadEndpoint(FlowRecord.SourceAddressField, FlowRecord.SourcePortField) is not { } source)
        {
            return null;
        }

        return new FoundFlow
        {
            Router = router,
            Rule = Value(FlowRecord.RuleField) ?? "",
            Protocol = protocol.ToUpperInvariant(),
            Client = client,
            Source = source,
            Destination = ReadEndpoint(FlowRecord.DestinationAddressField, FlowRecord.DestinationPortField) ?? "",
            Start = start,
            End = end,
            State = end is null ? FlowState.Unknown : FlowState.Ended,
            BytesTo = ReadNumber(FlowRecord.BytesToField) ?? 0,
            BytesFrom = ReadNumber(FlowRecord.BytesFromField) ?? 0,
            Unit = Value(FlowRecord.UnitField) ?? "",
            Container = Value(FlowRecord.ContainerField) ?? "",
            Masqueraded = ReadEndpoint(FlowRecord.MasqueradedAddressField, FlowRecord.MasqueradedPortField) ?? "",
        };
    }

    /// <summary>The beginning alone; null where it is not known. Much cheaper than all of the record.</summary>
    internal DateTimeOffset? ReadStart() => ToTime(journal.ReadNumber("EGRESS_START\0"u8));

    /// <summary>
    /// Through which router and where the flow went, as a text that is the same for others that went there; empty where the record does not
    /// say. Valid until the next call. Cheaper than all of the record.
    /// </summary>
    internal ReadOnlySpan<char> ReadWay()
    {
        ReadOnlySpan<byte> way = journal.ReadValues(WayFields, _wayBytes);
        return _way.AsSpan(0, Encoding.Latin1.GetChars(way, _way));
    }

    /// <summary>An address with its port, if there is one.</summary>
    internal static string Text(IPEndPoint endpoint) => endpoint.Port == 0 ? endpoint.Address.ToString() : endpoint.ToString();

    private string? Value(string field) => _fields.GetValueOrDefault(field);

    private string? ReadEndpoint(string addressField, string portField) => IPAddress.TryParse(Value(addressField), out IPAddress? address)
        ? Text(new IPEndPoint(address, ushort.TryParse(Value(portField), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) ? port : 0))
        : null;

    private DateTimeOffset? ReadTime(string field) => ToTime(ReadNumber(field));

    private static DateTimeOffset? ToTime(ulong? time) =>
        time is { } microseconds && microseconds <= MaxMicroseconds ? DateTimeOffset.UnixEpoch.AddMicroseconds(microseconds) : null;

    private ulong? ReadNumber(string field) =>
        ulong.TryParse(Value(field), NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : null;
}
