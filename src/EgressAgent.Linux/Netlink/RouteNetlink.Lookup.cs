using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Routes;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink;

public sealed partial class RouteNetlink
{
    /// <summary>
    /// Has the kernel say which route a packet without a mark would take (<c>ip route get fibmatch</c>): one that root sends here, or one
    /// that comes in by a link. Of that, for IPv4, it also says whether it would be forwarded.
    /// </summary>
    public RouteAnswer FindRoute(RouteQuestion packet)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETROUTE, NLM_F_ACK);
        byte length = (byte)(packet.Destination.GetAddressBytes().Length * 8);
        request.Write(new RtMsg
        {
            rtm_family = KernelAddress.FamilyOf(packet.Destination.AddressFamily),
            rtm_dst_len = length,
            rtm_src_len = packet.Source is null ? (byte)0 : length,

            // IPv6 always names the table, and refuses to be asked for it.
            rtm_flags = length == 32 ? RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH : RTM_F_FIB_MATCH,
        });
        request.WriteAddress(RTA_DST, packet.Destination);
        if (packet.Source is not null)
        {
            request.WriteAddress(RTA_SRC, packet.Source);
        }

        if (packet.InputLinkIndex is { } link)
        {
            request.WriteInt32(RTA_IIF, link);
        }

        if (packet.Protocol != 0)
        {
            request.WriteByte(RTA_IP_PROTO, packet.Protocol);
            WritePort(ref request, RTA_SPORT, packet.SourcePort);
            WritePort(ref request, RTA_DPORT, packet.DestinationPort);
        }

        NetlinkResult result = _connection.Get(request.Finish(), RouteMessage.Read, out Route? route);
        return new RouteAnswer(result.IsSuccess ? route : null, result.Errno);
    }

    private static void WritePort(ref NetlinkWriter request, ushort type, ushort port)
    {
        if (port != 0)
        {
            request.WriteUInt16BigEndian(type, port);
        }
    }
}
