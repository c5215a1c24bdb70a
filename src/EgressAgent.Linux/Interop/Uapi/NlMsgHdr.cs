namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct nlmsghdr</c> of linux/netlink.h, in host byte order.</summary>
internal struct NlMsgHdr
{
    internal uint nlmsg_len;
    internal ushort nlmsg_type;
    internal ushort nlmsg_flags;
    internal uint nlmsg_seq;
    internal uint nlmsg_pid;
}
