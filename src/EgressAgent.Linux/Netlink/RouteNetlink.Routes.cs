using System.Net.Sockets;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Routes;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink;

public sealed partial class RouteNetlink
{
    /// <summary>The routes of one table or of all, of one family or of both. A table that does not exist is empty.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public IReadOnlyList<Route> GetRoutes(uint? table = null, AddressFamily family = AddressFamily.Unspecified)
    {
        var request = new NetlinkWriter(stackalloc byte[NetlinkWriter.BufferSize], RTM_GETROUTE, NLM_F_DUMP);
        request.Write(new RtMsg { rtm_family = KernelAddress.FamilyOf(family) });
        if (table is uint number)
        {
            request.WriteUInt32(RTA_TABLE, number);
        }

        var found = new List<Route>();
        NetlinkResult result = _connection.Dump(request.Finish(), RouteMessage.Read, found);
        return result.IsSuccess || (table is not null && result.Errno == Errno.ENOENT)
            ? found
            : throw result.ToException("list", $"routes in {Netns}");
    }

    /// <returns>False when a route to that destination with that priority is in the table already, wherever it leads.</returns>
    /// <exception cref="LinuxException">The kernel refused: the gateway is not reachable, the link is down.</exception>
    public bool AddRoute(Route route)
    {
        NetlinkWriter request = BeginRoute(stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
        return Add(request.Finish(), "add route", route.ToString());
    }

    /// <summary>Adds the route, or puts it in the place of the one with that destination and priority, with no gap between.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void ReplaceRoute(Route route)
    {
        NetlinkWriter request = BeginRoute(stackalloc byte[NetlinkWriter.BufferSize], RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
        Change(request.Finish(), "replace route", route.ToString());
    }

    /// <summary>Removes the route that agrees with this one in everything.</summary>
    /// <returns>False when there was none.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool RemoveRoute(Route route)
    {
        NetlinkWriter request = BeginRoute(stackalloc byte[NetlinkWriter.BufferSize], RTM_DELROUTE, 0, route);
        return Remove(request.Finish(), "remove route", route.ToString());
    }

    private static NetlinkWriter BeginRoute(Span<byte> buffer, ushort type, int flags, Route route)
    {
        if (route.IsMultipath)
        {
            throw new ArgumentException("a multipath route is read only", nameof(route));
        }

        var request = new NetlinkWriter(buffer, type, (ushort)(NLM_F_ACK | flags));
        request.Write(new RtMsg
        {
            rtm_family = KernelAddress.FamilyOf(route.Family),
            rtm_dst_len = (byte)route.Destination.PrefixLength,
            rtm_table = route.Table <= byte.MaxValue ? (byte)route.Table : RT_TABLE_COMPAT,
            rtm_protocol = (byte)route.Protocol,
            rtm_scope = (byte)route.Scope,
            rtm_type = (byte)route.Type,
            rtm_flags = route.IsOnLink ? RTNH_F_ONLINK : 0,
        });
        request.WriteUInt32(RTA_TABLE, route.Table);
        if (!route.IsDefault)
        {
            request.WriteAddress(RTA_DST, route.Destination.BaseAddress);
        }

        WriteGateway(ref request, route);
        if (route.OutputLinkIndex is int link)
        {
            request.WriteInt32(RTA_OIF, link);
        }

        if (route.PreferredSource is not null)
        {
            request.WriteAddress(RTA_PREFSRC, route.PreferredSource);
        }

        if (route.Priority != 0)
        {
            request.WriteUInt32(RTA_PRIORITY, route.Priority);
        }

        return request;
    }

    private static void WriteGateway(ref NetlinkWriter request, Route route)
    {
        if (route.Gateway is null)
        {
            return;
        }

        if (route.Gateway.AddressFamily == route.Family)
        {
            request.WriteAddress(RTA_GATEWAY, route.Gateway);
            return;
        }

        // struct rtvia: the family as 16 bits in host order, then the address.
        Span<byte> via = stackalloc byte[sizeof(ushort) + 16];
        MemoryMarshal.Write(via, (ushort)KernelAddress.FamilyOf(route.Gateway.AddressFamily));
        route.Gateway.TryWriteBytes(via[sizeof(ushort)..], out int length);
        request.WriteBytes(RTA_VIA, via[..(sizeof(ushort) + length)]);
    }
}
