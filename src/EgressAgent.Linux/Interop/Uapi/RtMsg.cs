namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct rtmsg</c> of linux/rtnetlink.h.</summary>
internal struct RtMsg
{
    internal byte rtm_family;
    internal byte rtm_dst_len;
    internal byte rtm_src_len;
    internal byte rtm_tos;
    internal byte rtm_table;
    internal byte rtm_protocol;
    internal byte rtm_scope;
    internal byte rtm_type;
    internal uint rtm_flags;
}
