using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Neighbours;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Netlink.Rules;

namespace EgressAgent.Linux.Netlink.Monitoring;

/// <summary>
/// One change in a namespace. The object is shown as it was when the kernel sent the message: after the change, or, where it was
/// removed, before.
/// </summary>
public abstract record RouteNotification
{
    private RouteNotification()
    {
    }

    /// <summary>A link is new or changed in any way, or is removed, be it to another namespace.</summary>
    public sealed record LinkChanged(Link Link, bool IsRemoved) : RouteNotification;

    public sealed record AddressChanged(LinkAddress Address, bool IsRemoved) : RouteNotification;

    /// <summary>
    /// The kernel does not tell of IPv4 routes that vanish because their link goes down or away, or because the address that
    /// reached their gateway is removed: the change of the link or the address stands for them.
    /// </summary>
    public sealed record RouteChanged(Route Route, bool IsRemoved) : RouteNotification
    {
        /// <summary>It took the place of another route (NLM_F_REPLACE), and the kernel does not say of which.</summary>
        public bool IsReplacing { get; init; }
    }

    public sealed record RuleChanged(PolicyRule Rule, bool IsRemoved) : RouteNotification;

    public sealed record NeighbourChanged(Neighbour Neighbour, bool IsRemoved) : RouteNotification;

    public sealed record NetnsIdChanged(int NetnsId, bool IsRemoved) : RouteNotification;

    /// <summary>
    /// One of the settings of which the kernel tells was written: forwarding, rp_filter, proxy ARP and NDP, multicast and broadcast
    /// forwarding. Of all others it says nothing.
    /// </summary>
    /// <remarks>Source: linux/netconf.h, NETCONFA_*.</remarks>
    public sealed record SettingChanged : RouteNotification
    {
        internal static readonly SettingChanged Instance = new();
    }

    /// <summary>A queueing discipline of a link, or a filter in one, is new, changed or removed. Those that the kernel gives by itself it does not tell.</summary>
    public sealed record FilterChanged : RouteNotification
    {
        internal static readonly FilterChanged Instance = new();
    }

    /// <summary>Changes were lost: list everything anew.</summary>
    public sealed record Overrun : RouteNotification
    {
        internal static readonly Overrun Instance = new();
    }
}
