using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NfConntrackH;

namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>Reads IPCTNL_MSG_CT_GET_STATS_CPU, one message for each processor, and IPCTNL_MSG_CT_GET_STATS.</summary>
internal static class ConntrackStatisticsMessage
{
    public static ConntrackStatistics? Read(ref NetlinkReader reader)
    {
        reader.Read<NfGenMsg>();
        uint insertFailed = 0;
        uint dropped = 0;
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_STATS_INSERT_FAILED:
                    insertFailed = reader.GetUInt32BigEndian();
                    break;
                case CTA_STATS_DROP:
                    dropped = reader.GetUInt32BigEndian();
                    break;
            }
        }

        return new ConntrackStatistics(insertFailed, dropped);
    }

    /// <summary>Null from a kernel that does not say the limit.</summary>
    public static ConntrackSize? ReadSize(ref NetlinkReader reader)
    {
        reader.Read<NfGenMsg>();
        uint entries = 0;
        uint limit = 0;
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_STATS_GLOBAL_ENTRIES:
                    entries = reader.GetUInt32BigEndian();
                    break;
                case CTA_STATS_GLOBAL_MAX_ENTRIES:
                    limit = reader.GetUInt32BigEndian();
                    break;
            }
        }

        return limit == 0 ? null : new ConntrackSize(entries, limit);
    }
}
