using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NfConntrackH;

namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>Reads and writes CTA_PROTOINFO.</summary>
internal static class ConntrackConnectionCodec
{
    // IPPROTO_SCTP
    private const byte Sctp = 132;

    /// <summary>Null for protocols of which nothing is kept here.</summary>
    public static ConntrackConnection? Read(ref NetlinkReader reader)
    {
        ConntrackConnection? connection = null;
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            connection = reader.Type switch
            {
                CTA_PROTOINFO_TCP => ReadTcp(ref reader),
                CTA_PROTOINFO_SCTP => ReadSctp(ref reader),
                _ => connection,
            };
        }

        reader.Leave(outer);
        return connection;
    }

    /// <summary>Writes that of a flow that other machines have tracked until now, so that nothing is known of its window.</summary>
    public static void Write(ref NetlinkWriter request, byte protocol, ConntrackConnection connection)
    {
        int nest = request.BeginNested(CTA_PROTOINFO);
        if (protocol == Sctp)
        {
            int sctp = request.BeginNested(CTA_PROTOINFO_SCTP);
            request.WriteByte(CTA_PROTOINFO_SCTP_STATE, connection.State);
            request.WriteUInt32BigEndian(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, connection.OriginalTag);
            request.WriteUInt32BigEndian(CTA_PROTOINFO_SCTP_VTAG_REPLY, connection.ReplyTag);
            request.EndNested(sctp);
        }
        else
        {
            // Flags, and which of them are meant.
            ReadOnlySpan<byte> flags = [IP_CT_TCP_FLAG_BE_LIBERAL, IP_CT_TCP_FLAG_BE_LIBERAL];
            int tcp = request.BeginNested(CTA_PROTOINFO_TCP);
            request.WriteByte(CTA_PROTOINFO_TCP_STATE, connection.State);
            request.WriteBytes(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, flags);
            request.WriteBytes(CTA_PROTOINFO_TCP_FLAGS_REPLY, flags);
            request.EndNested(tcp);
        }

        request.EndNested(nest);
    }

    private static ConntrackConnection ReadTcp(ref NetlinkReader reader)
    {
        byte state = 0;
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            if (reader.Type == CTA_PROTOINFO_TCP_STATE)
            {
                state = reader.GetByte();
            }
        }

        reader.Leave(outer);
        return new ConntrackConnection(state);
    }

    private static ConntrackConnection ReadSctp(ref NetlinkReader reader)
    {
        byte state = 0;
        uint original = 0;
        uint reply = 0;
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_PROTOINFO_SCTP_STATE:
                    state = reader.GetByte();
                    break;
                case CTA_PROTOINFO_SCTP_VTAG_ORIGINAL:
                    original = reader.GetUInt32BigEndian();
                    break;
                case CTA_PROTOINFO_SCTP_VTAG_REPLY:
                    reply = reader.GetUInt32BigEndian();
                    break;
            }
        }

        reader.Leave(outer);
        return new ConntrackConnection(state, original, reply);
    }
}
