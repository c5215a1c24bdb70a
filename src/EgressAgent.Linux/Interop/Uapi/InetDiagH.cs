namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/sock_diag.h and inet_diag.h.</summary>
internal static class InetDiagH
{
    internal const ushort SOCK_DIAG_BY_FAMILY = 20;
    internal const uint INET_DIAG_NOCOOKIE = uint.MaxValue;
    internal const ushort INET_DIAG_CGROUP_ID = 21;

    internal const byte TCP_LISTEN = 10;
}

/// <summary><c>struct inet_diag_sockid</c> of linux/inet_diag.h. Ports and addresses are in network order.</summary>
internal unsafe struct InetDiagSockId
{
    internal ushort idiag_sport;
    internal ushort idiag_dport;
    internal fixed byte idiag_src[16];
    internal fixed byte idiag_dst[16];
    internal uint idiag_if;
    internal fixed uint idiag_cookie[2];
}

/// <summary><c>struct inet_diag_req_v2</c> of linux/inet_diag.h.</summary>
internal struct InetDiagReqV2
{
    internal byte sdiag_family;
    internal byte sdiag_protocol;
    internal byte idiag_ext;
    internal byte pad;
    internal uint idiag_states;
    internal InetDiagSockId id;
}

/// <summary><c>struct inet_diag_msg</c> of linux/inet_diag.h.</summary>
internal struct InetDiagMsg
{
    internal byte idiag_family;
    internal byte idiag_state;
    internal byte idiag_timer;
    internal byte idiag_retrans;
    internal InetDiagSockId id;
    internal uint idiag_expires;
    internal uint idiag_rqueue;
    internal uint idiag_wqueue;
    internal uint idiag_uid;
    internal uint idiag_inode;
}
