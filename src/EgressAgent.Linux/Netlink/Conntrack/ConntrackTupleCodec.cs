using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NfConntrackH;

namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>Reads and writes CTA_TUPLE_ORIG and CTA_TUPLE_REPLY.</summary>
internal static class ConntrackTupleCodec
{
    // IPPROTO_ICMPV6
    private const byte IcmpV6 = 58;

    public static ConntrackTuple Read(ref NetlinkReader reader)
    {
        var tuple = new ConntrackTuple(0, IPAddress.Any, IPAddress.Any);
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_TUPLE_IP:
                    tuple = ReadAddresses(ref reader, tuple);
                    break;
                case CTA_TUPLE_PROTO:
                    tuple = ReadProtocol(ref reader, tuple);
                    break;
            }
        }

        reader.Leave(outer);
        return tuple;
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

    private static ConntrackTuple ReadAddresses(ref NetlinkReader reader, ConntrackTuple tuple)
    {
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case CTA_IP_V4_SRC or CTA_IP_V6_SRC:
                    tuple = tuple with { Source = reader.GetAddress() };
                    break;
                case CTA_IP_V4_DST or CTA_IP_V6_DST:
                    tuple = tuple with { Destination = reader.GetAddress() };
                    break;
            }
        }

        reader.Leave(outer);
        return tuple;
    }

    private static ConntrackTuple ReadProtocol(ref NetlinkReader reader, ConntrackTuple tuple)
    {
        (int, int) outer = reader.Enter();
        while (reader.MoveNext())
        {
            tuple = reader.Type switch
            {
                CTA_PROTO_NUM => tuple with { Protocol = reader.GetByte() },
                CTA_PROTO_SRC_PORT => tuple with { SourcePort = reader.GetUInt16BigEndian() },
                CTA_PROTO_DST_PORT => tuple with { DestinationPort = reader.GetUInt16BigEndian() },
                CTA_PROTO_ICMP_ID or CTA_PROTO_ICMPV6_ID => tuple with { IcmpId = reader.GetUInt16BigEndian() },
                CTA_PROTO_ICMP_TYPE or CTA_PROTO_ICMPV6_TYPE => tuple with { IcmpType = reader.GetByte() },
                CTA_PROTO_ICMP_CODE or CTA_PROTO_ICMPV6_CODE => tuple with { IcmpCode = reader.GetByte() },
                _ => tuple,
            };
        }

        reader.Leave(outer);
        return tuple;
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
