using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NfConntrackH;

namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>Reads IPCTNL_MSG_CT_NEW.</summary>
internal static class ConntrackMessage
{
    public static ConntrackEntry? Read(ref NetlinkReader reader)
    {
        reader.Read<NfGenMsg>();
        ConntrackTuple? original = null;
        ConntrackTuple? reply = null;
        ConntrackCounters? originalCounters = null;
        ConntrackCounters? replyCounters = null;
        TimeSpan? timeout = null;
        uint id = 0;
        uint status = 0;
        uint mark = 0;
        ushort zone = 0;
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_TUPLE_ORIG:
                    original = ConntrackTupleCodec.Read(ref reader);
                    break;
                case CTA_TUPLE_REPLY:
                    reply = ConntrackTupleCodec.Read(ref reader);
                    break;
                case CTA_COUNTERS_ORIG:
                    originalCounters = ReadCounters(ref reader);
                    break;
                case CTA_COUNTERS_REPLY:
                    replyCounters = ReadCounters(ref reader);
                    break;
                case CTA_TIMEOUT:
                    timeout = TimeSpan.FromSeconds(reader.GetUInt32BigEndian());
                    break;
                case CTA_ID:
                    id = reader.GetUInt32BigEndian();
                    break;
                case CTA_STATUS:
                    status = reader.GetUInt32BigEndian();
                    break;
                case CTA_MARK:
                    mark = reader.GetUInt32BigEndian();
                    break;
                case CTA_ZONE:
                    zone = reader.GetUInt16BigEndian();
                    break;
            }
        }

        if (original is null || reply is null)
        {
            reader.Fail("a flow without both its directions");
            return null;
        }

        return new ConntrackEntry(original, reply)
        {
            Id = id,
            Status = (ConntrackStatus)status,
            Mark = mark,
            Zone = zone,
            Timeout = timeout,
            OriginalCounters = originalCounters,
            ReplyCounters = replyCounters,
        };
    }

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
