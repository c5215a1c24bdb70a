using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Neighbours;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Netlink.Rules;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.RtnetlinkH;
using static EgressAgent.Linux.Netlink.Monitoring.RouteNotification;

namespace EgressAgent.Linux.Netlink.Monitoring;

/// <summary>Tells of changes to links, addresses, routes, rules and neighbours of a namespace (rtnetlink(7), RTNLGRP_*).</summary>
public sealed class RouteMonitor : NetlinkMonitor<RouteNotification>
{
    private static readonly (RouteMonitorGroups Choice, uint[] Groups)[] Memberships =
    [
        (RouteMonitorGroups.Links, [RTNLGRP_LINK]),
        (RouteMonitorGroups.Addresses, [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR]),
        (RouteMonitorGroups.Routes, [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE]),
        (RouteMonitorGroups.Rules, [RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE]),
        (RouteMonitorGroups.Neighbours, [RTNLGRP_NEIGH]),
        (RouteMonitorGroups.NetnsIds, [RTNLGRP_NSID]),
        (RouteMonitorGroups.Filters, [RTNLGRP_TC]),
        (RouteMonitorGroups.Settings, [RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF]),
    ];

    private RouteMonitor(NetlinkSocket socket)
        : base(socket)
    {
    }

    private protected override RouteNotification Overrun => RouteNotification.Overrun.Instance;

    /// <summary>Subscribes in <paramref name="netns"/>, which the monitor keeps alive.</summary>
    /// <exception cref="LinuxException">No descriptor is left, or the namespace cannot be entered.</exception>
    public static RouteMonitor Open(NetworkNamespace netns, RouteMonitorGroups groups = RouteMonitorGroups.Configuration)
    {
        IEnumerable<uint> memberships = Memberships.Where(item => groups.HasFlag(item.Choice)).SelectMany(item => item.Groups);
        return new RouteMonitor(NetlinkSocket.Open(netns, NETLINK_ROUTE, ReceiveBufferSize, memberships));
    }

    private protected override RouteNotification? Parse(in NlMsgHdr header, ref NetlinkReader reader)
    {
        bool isRemoved = header.nlmsg_type is RTM_DELLINK or RTM_DELADDR or RTM_DELROUTE or RTM_DELRULE or RTM_DELNEIGH or RTM_DELNSID;
        return header.nlmsg_type switch
        {
            RTM_NEWLINK or RTM_DELLINK => LinkMessage.Read(ref reader) is { } link ? new LinkChanged(link, isRemoved) : null,
            RTM_NEWADDR or RTM_DELADDR => AddressMessage.Read(ref reader) is { } address ? new AddressChanged(address, isRemoved) : null,
            RTM_NEWROUTE or RTM_DELROUTE => RouteMessage.Read(ref reader) is { } route
                ? new RouteChanged(route, isRemoved) { IsReplacing = (header.nlmsg_flags & NLM_F_REPLACE) != 0 } : null,
            RTM_NEWRULE or RTM_DELRULE => RuleMessage.Read(ref reader) is { } rule ? new RuleChanged(rule, isRemoved) : null,
            RTM_NEWNEIGH or RTM_DELNEIGH => NeighbourMessage.Read(ref reader) is { } item ? new NeighbourChanged(item, isRemoved) : null,
            RTM_NEWNSID or RTM_DELNSID => NetnsIdMessage.Read(ref reader).Id is int id ? new NetnsIdChanged(id, isRemoved) : null,
            RTM_NEWNETCONF => SettingChanged.Instance,
            RTM_NEWQDISC or RTM_DELQDISC or RTM_NEWTFILTER or RTM_DELTFILTER => FilterChanged.Instance,
            _ => null,
        };
    }
}

/// <summary>What a <see cref="RouteMonitor"/> tells of.</summary>
[Flags]
public enum RouteMonitorGroups
{
    None = 0,
    Links = 1 << 0,

    /// <summary>Of both families, as for routes and rules.</summary>
    Addresses = 1 << 1,
    Routes = 1 << 2,
    Rules = 1 << 3,

    /// <summary>ARP and NDP entries: many, on a busy network.</summary>
    Neighbours = 1 << 4,

    /// <summary>Ids by which the namespace knows other namespaces; one goes away with the namespace that it stands for.</summary>
    NetnsIds = 1 << 5,

    /// <summary>Some of the settings under net.ipv4.conf and net.ipv6.conf: see <see cref="RouteNotification.SettingChanged"/>.</summary>
    Settings = 1 << 6,

    /// <summary>Queueing disciplines of links, and their filters (tc(8)).</summary>
    Filters = 1 << 7,

    /// <summary>What makes up the configuration of a namespace.</summary>
    Configuration = Links | Addresses | Routes | Rules | Settings,
}
