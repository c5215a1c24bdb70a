namespace EgressAgent.Linux.Netlink.Codec;

/// <summary>Messages and attributes begin at multiples of 4 bytes: NLMSG_ALIGN and NLA_ALIGN.</summary>
internal static class NetlinkAlign
{
    internal static int Up(int length) => (length + 3) & ~3;
}
