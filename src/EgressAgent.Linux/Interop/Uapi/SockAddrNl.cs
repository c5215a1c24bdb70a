namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct sockaddr_nl</c> of linux/netlink.h.</summary>
internal struct SockAddrNl
{
    internal ushort nl_family;
    internal ushort nl_pad;
    internal uint nl_pid;
    internal uint nl_groups;
}
