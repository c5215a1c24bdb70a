namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/netfilter/nfnetlink_conntrack.h: attributes. Numbers in them are big endian.</summary>
internal static class NfConntrackH
{
    internal const ushort CTA_TUPLE_ORIG = 1;
    internal const ushort CTA_TUPLE_REPLY = 2;
    internal const ushort CTA_STATUS = 3;
    internal const ushort CTA_PROTOINFO = 4;
    internal const ushort CTA_NAT_SRC = 6;
    internal const ushort CTA_TIMEOUT = 7;
    internal const ushort CTA_MARK = 8;
    internal const ushort CTA_COUNTERS_ORIG = 9;
    internal const ushort CTA_COUNTERS_REPLY = 10;
    internal const ushort CTA_ID = 12;
    internal const ushort CTA_NAT_DST = 13;
    internal const ushort CTA_ZONE = 18;
    internal const ushort CTA_TIMESTAMP = 20;
    internal const ushort CTA_TIMESTAMP_EVENT = 27;

    internal const ushort CTA_TUPLE_IP = 1;
    internal const ushort CTA_TUPLE_PROTO = 2;

    internal const ushort CTA_IP_V4_SRC = 1;
    internal const ushort CTA_IP_V4_DST = 2;
    internal const ushort CTA_IP_V6_SRC = 3;
    internal const ushort CTA_IP_V6_DST = 4;

    internal const ushort CTA_PROTO_NUM = 1;
    internal const ushort CTA_PROTO_SRC_PORT = 2;
    internal const ushort CTA_PROTO_DST_PORT = 3;
    internal const ushort CTA_PROTO_ICMP_ID = 4;
    internal const ushort CTA_PROTO_ICMP_TYPE = 5;
    internal const ushort CTA_PROTO_ICMP_CODE = 6;
    internal const ushort CTA_PROTO_ICMPV6_ID = 7;
    internal const ushort CTA_PROTO_ICMPV6_TYPE = 8;
    internal const ushort CTA_PROTO_ICMPV6_CODE = 9;

    internal const ushort CTA_PROTOINFO_TCP = 1;
    internal const ushort CTA_PROTOINFO_SCTP = 3;

    internal const ushort CTA_PROTOINFO_TCP_STATE = 1;
    internal const ushort CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
    internal const ushort CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;

    internal const ushort CTA_PROTOINFO_SCTP_STATE = 1;
    internal const ushort CTA_PROTOINFO_SCTP_VTAG_ORIGINAL = 2;
    internal const ushort CTA_PROTOINFO_SCTP_VTAG_REPLY = 3;

    /// <summary>Of struct nf_ct_tcp_flags: packets outside of the window belong to the flow all the same.</summary>
    internal const byte IP_CT_TCP_FLAG_BE_LIBERAL = 0x08;

    internal const ushort CTA_NAT_V4_MINIP = 1;
    internal const ushort CTA_NAT_PROTO = 3;
    internal const ushort CTA_NAT_V6_MINIP = 4;

    internal const ushort CTA_PROTONAT_PORT_MIN = 1;

    internal const ushort CTA_COUNTERS_PACKETS = 1;
    internal const ushort CTA_COUNTERS_BYTES = 2;

    internal const ushort CTA_TIMESTAMP_START = 1;
    internal const ushort CTA_TIMESTAMP_STOP = 2;

    internal const ushort CTA_STATS_INSERT_FAILED = 9;
    internal const ushort CTA_STATS_DROP = 10;

    internal const ushort CTA_STATS_GLOBAL_ENTRIES = 1;
    internal const ushort CTA_STATS_GLOBAL_MAX_ENTRIES = 2;
}
