using System.Net;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;

namespace EgressAgent.Linux.Netlink.Routes;

/// <summary>Reads RTM_NEWROUTE and RTM_DELROUTE.</summary>
internal static class RouteMessage
{
    // The 16-bit family before the address in struct rtvia.
    private const int ViaFamilyLength = 2;

    /// <summary>Null for families other than IPv4 and IPv6, and for what the IPv6 stack caches per destination.</summary>
    public static Route? Read(ref NetlinkReader reader)
    {
        RtMsg header = reader.Read<RtMsg>();
        if (!KernelAddress.IsIp(header.rtm_family) || (header.rtm_flags & RTM_F_CLONED) != 0)
        {
            return null;
        }

        IPAddress destination = KernelAddress.Any(header.rtm_family);
        uint table = header.rtm_table;
        uint priority = 0;
        IPAddress? source = null;
        bool isMultipath = false;
        NextHop hop = default;
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case RTA_DST:
                    destination = reader.GetAddress();
                    break;
                case RTA_TABLE:
                    table = reader.GetUInt32();
                    break;
                case RTA_PRIORITY:
                    priority = reader.GetUInt32();
                    break;
                case RTA_PREFSRC:
                    source = reader.GetAddress();
                    break;
                case RTA_OIF:
                    hop.LinkIndex = reader.GetInt32();
                    break;
                case RTA_MULTIPATH:
                    isMultipath = true;
                    hop = ReadFirstHop(ref reader);
                    break;
                default:
                    ReadGateway(ref reader, ref hop);
                    break;
            }
        }

        return new Route(KernelAddress.ReadNetwork(ref reader, destination, header.rtm_dst_len))
        {
            Table = table,
            Gateway = hop.Gateway,
            OutputLinkIndex = hop.LinkIndex,
            PreferredSource = source,
            Scope = (RouteScope)header.rtm_scope,
            Protocol = (RouteProtocol)header.rtm_protocol,
            Type = (RouteType)header.rtm_type,
            Priority = priority,
            IsOnLink = ((header.rtm_flags | hop.Flags) & RTNH_F_ONLINK) != 0,
            IsMultipath = isMultipath,
        };
    }

    private static void ReadGateway(ref NetlinkReader reader, ref NextHop hop)
    {
        switch (reader.Type)
        {
            case RTA_GATEWAY:
                hop.Gateway = reader.GetAddress();
                break;
            case RTA_VIA when reader.Value.Length is ViaFamilyLength + 4 or ViaFamilyLength + 16:
                hop.Gateway = new IPAddress(reader.Value[ViaFamilyLength..]);
                break;
        }
    }

    private static unsafe NextHop ReadFirstHop(ref NetlinkReader reader)
    {
        if (!MemoryMarshal.TryRead(reader.Value, out RtNextHop header)
            || header.rtnh_len < sizeof(RtNextHop)
            || header.rtnh_len > reader.Value.Length)
        {
            reader.Fail($"a next hop in {reader.Value.Length} bytes");
            return default;
        }

        var hop = new NextHop { LinkIndex = header.rtnh_ifindex, Flags = header.rtnh_flags };
        var attributes = new NetlinkReader(reader.Value[sizeof(RtNextHop)..header.rtnh_len]);
        while (attributes.MoveNext())
        {
            ReadGateway(ref attributes, ref hop);
        }

        if (attributes.Fault is { } fault)
        {
            reader.Fail(fault);
        }

        return hop;
    }

    private struct NextHop
    {
        public IPAddress? Gateway;
        public int? LinkIndex;
        public uint Flags;
    }
}
