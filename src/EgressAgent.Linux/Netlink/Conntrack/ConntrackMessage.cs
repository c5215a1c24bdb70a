using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NfConntrackH;

namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>Reads IPCTNL_MSG_CT_NEW.</summary>
internal static class ConntrackMessage
{
    public static ConntrackEntry? Read(ref NetlinkReader reader) => TryRead(ref reader, out ConntrackFlow flow) ? flow.ToEntry() : null;

    /// <summary>The same without an object; false where the reader is malformed.</summary>
    public static bool TryRead(ref NetlinkReader reader, out ConntrackFlow flow)
    {
        reader.Read<NfGenMsg>();
        flow = default;
        bool hasOriginal = false;
        bool hasReply = false;
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_TUPLE_ORIG:
                    flow.Original = ConntrackTupleCodec.Read(ref reader);
                    hasOriginal = true;
                    break;
                case CTA_TUPLE_REPLY:
                    flow.Reply = ConntrackTupleCodec.Read(ref reader);
                    hasReply = true;
                    break;
                case CTA_COUNTERS_ORIG:
                    flow.OriginalCounters = ReadCounters(ref reader);
                    break;
                case CTA_COUNTERS_REPLY:
                    flow.ReplyCounters = ReadCounters(ref reader);
                    break;
                case CTA_PROTOINFO:
                    flow.Connection = ConntrackConnectionCodec.Read(ref reader);
                    break;
                case CTA_TIMEOUT:
                    flow.Timeout = TimeSpan.FromSeconds(reader.GetUInt32BigEndian());
                    break;
                case CTA_ID:
                    flow.Id = reader.GetUInt32BigEndian();
                    break;
                case CTA_STATUS:
                    flow.Status = (ConntrackStatus)reader.GetUInt32BigEndian();
                    break;
                case CTA_MARK:
                    flow.Mark = reader.GetUInt32BigEndian();
                    break;
                case CTA_ZONE:
                    flow.Zone = reader.GetUInt16BigEndian();
                    break;
                case CTA_TIMESTAMP:
                    (flow.Start, flow.Stop) = ReadTimes(ref reader);
                    break;
                case CTA_TIMESTAMP_EVENT:
                    flow.Told = ToTime(reader.GetUInt64BigEndian());
                    break;
            }
        }

        if (!hasOriginal || !hasReply)
        {
            reader.Fail("a flow without both its directions");
        }

        return reader.Fault is null;
    }

    private static (DateTimeOffset? Start, DateTimeOffset? Stop) ReadTimes(ref NetlinkReader reader)
    {
        DateTimeOffset? start = null;
        DateTimeOffset? stop = null;
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_TIMESTAMP_START:
                    start = ToTime(reader.GetUInt64BigEndian());
                    break;
                case CTA_TIMESTAMP_STOP:
                    stop = ToTime(reader.GetUInt64BigEndian());
                    break;
            }
        }

        reader.Leave(outer);
        return (start, stop);
    }

    // Nanoseconds since 1970; 0 for none.
    private static DateTimeOffset? ToTime(ulong time) =>
        time == 0 ? null : DateTimeOffset.UnixEpoch.AddTicks((long)(time / TimeSpan.NanosecondsPerTick));

    private static ConntrackCounters ReadCounters(ref NetlinkReader reader)
    {
        ulong packets = 0;
        ulong bytes = 0;
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_COUNTERS_PACKETS:
                    packets = reader.GetUInt64BigEndian();
                    break;
                case CTA_COUNTERS_BYTES:
                    bytes = reader.GetUInt64BigEndian();
                    break;
            }
        }

        reader.Leave(outer);
        return new ConntrackCounters(packets, bytes);
    }
}
