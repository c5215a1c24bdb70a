using System.Net.Sockets;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Sockets;
using static EgressAgent.Linux.Interop.Uapi.NfConntrackH;

namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>Reads and writes CTA_TUPLE_ORIG and CTA_TUPLE_REPLY.</summary>
internal static class ConntrackTupleCodec
{
    // IPPROTO_ICMPV6
    private const byte IcmpV6 = 58;

    public static ConntrackEnds Read(ref NetlinkReader reader)
    {
        ConntrackEnds ends = default;
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_TUPLE_IP:
                    ReadAddresses(ref reader, ref ends);
                    break;
                case CTA_TUPLE_PROTO:
                    ReadProtocol(ref reader, ref ends);
                    break;
            }
        }

        reader.Leave(outer);
        return ends;
    }

    public static void Write(ref NetlinkWriter request, ushort type, ConntrackTuple tuple)
    {
        bool isV6 = tuple.Source.AddressFamily == AddressFamily.InterNetworkV6;
        int nest = request.BeginNested(type);
        int addresses = request.BeginNested(CTA_TUPLE_IP);
        request.WriteAddress(isV6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, tuple.Source);
        request.WriteAddress(isV6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, tuple.Destination);
        request.EndNested(addresses);
        int protocol = request.BeginNested(CTA_TUPLE_PROTO);
        WriteProtocol(ref request, tuple);
        request.EndNested(protocol);
        request.EndNested(nest);
    }

    private static void ReadAddresses(ref NetlinkReader reader, ref ConntrackEnds ends)
    {
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_IP_V4_SRC or CTA_IP_V6_SRC:
                    ends.Source = ReadAddress(ref reader);
                    break;
                case CTA_IP_V4_DST or CTA_IP_V6_DST:
                    ends.Destination = ReadAddress(ref reader);
                    break;
            }
        }

        reader.Leave(outer);
    }

    private static SocketEndpoint ReadAddress(ref NetlinkReader reader)
    {
        if (reader.Value.Length is 4 or 16)
        {
            return new SocketEndpoint(reader.Value, 0);
        }

        reader.Fail($"an address of {reader.Value.Length} bytes");
        return default;
    }

    private static void ReadProtocol(ref NetlinkReader reader, ref ConntrackEnds ends)
    {
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_PROTO_NUM:
                    ends.Protocol = reader.GetByte();
                    break;
                case CTA_PROTO_SRC_PORT:
                    ends.SourcePort = reader.GetUInt16BigEndian();
                    break;
                case CTA_PROTO_DST_PORT:
                    ends.DestinationPort = reader.GetUInt16BigEndian();
                    break;
                case CTA_PROTO_ICMP_ID or CTA_PROTO_ICMPV6_ID:
                    ends.IcmpId = reader.GetUInt16BigEndian();
                    break;
                case CTA_PROTO_ICMP_TYPE or CTA_PROTO_ICMPV6_TYPE:
                    ends.IcmpType = reader.GetByte();
                    break;
                case CTA_PROTO_ICMP_CODE or CTA_PROTO_ICMPV6_CODE:
                    ends.IcmpCode = reader.GetByte();
                    break;
            }
        }

        reader.Leave(outer);
    }

    private static void WriteProtocol(ref NetlinkWriter request, ConntrackTuple tuple)
    {
        request.WriteByte(CTA_PROTO_NUM, tuple.Protocol);
        if (tuple.SourcePort is ushort sourcePort)
        {
            request.WriteUInt16BigEndian(CTA_PROTO_SRC_PORT, sourcePort);
        }

        if (tuple.DestinationPort is ushort destinationPort)
        {
            request.WriteUInt16BigEndian(CTA_PROTO_DST_PORT, destinationPort);
        }

        bool isV6 = tuple.Protocol == IcmpV6;
        if (tuple.IcmpId is ushort id)
        {
            request.WriteUInt16BigEndian(isV6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, id);
        }

        if (tuple.IcmpType is byte type)
        {
            request.WriteByte(isV6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, type);
        }

        if (tuple.IcmpCode is byte code)
        {
            request.WriteByte(isV6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, code);
        }
    }
}
