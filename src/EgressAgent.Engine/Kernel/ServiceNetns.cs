using System.Net;
using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// The netns of Services, one for all of them. The node routes the networks of Services to it by one veth pair; from it a veth pair
/// leads to each router behind a Service (<see cref="ServiceCable"/>). A connection is given its router here, and what comes back
/// passes here again, so that the node sees a Service's address on no other link than that by which it is reached: strict reverse
/// path filters are content, and nothing is asked of the node's own packet filter or settings.
/// </summary>
internal sealed class ServiceNetns : IDisposable
{
    // In this order: writing ip_forward resets a number of the others.
    private static readonly (string Key, int Value)[] Settings =
    [
        ("net/ipv4/ip_forward", 1),
        ("net/ipv4/conf/all/rp_filter", 0),
        ("net/ipv4/conf/default/rp_filter", 0),
        ("net/ipv4/conf/all/send_redirects", 0),
        ("net/ipv4/conf/default/send_redirects", 0),
        ("net/ipv4/conf/all/accept_redirects", 0),
        ("net/ipv4/conf/default/accept_redirects", 0),
        ("net/ipv4/icmp_ratemask", 0),
        ("net/ipv6/conf/all/forwarding", 1),
        ("net/ipv6/conf/all/accept_ra", 0),
        ("net/ipv6/conf/default/accept_ra", 0),
        ("net/ipv6/conf/default/accept_dad", 0),
        ("net/ipv6/icmp/ratemask", 0),
    ];

    private readonly Lock _lock = new();
    private readonly AgentOwner _owner;
    private readonly NetworkNamespace _node;
    private readonly RouteNetlink _nodeRoute;
    private readonly NetlinkMonitorLoop _loop;
    private readonly Action<IReadOnlyList<string>> _told;
    private readonly BroughtFlows _broughtFlows;
    private readonly ServiceTable _table = new();
    private RouteMonitor? _route;
    private NftablesMonitor? _nftables;
    private NetworkNamespaceId? _heard;

    /// <param name="owner">Whose it is.</param>
    /// <param name="node">The node's namespace; it belongs to the caller.</param>
    /// <param name="nodeRoute">The same, to ask.</param>
    /// <param name="relays">Which have flows that Services brought.</param>
    /// <param name="loop">Which listens.</param>
    /// <param name="told">Called with the names of links of the netns, or none, when something there was changed; it returns at once.</param>
    internal ServiceNetns(
        AgentOwner owner, NetworkNamespace node, RouteNetlink nodeRoute, RelayHost relays, NetlinkMonitorLoop loop, Action<IReadOnlyList<string>> told)
    {
        _broughtFlows = new BroughtFlows(relays);
        _owner = owner;
        _node = node;
        _nodeRoute = nodeRoute;
        _loop = loop;
        _told = told;
    }

    /// <summary>Opens the netns, and makes it where it is missing. Any thread.</summary>
    /// <exception cref="LinuxException">The kernel refused, or it is not this agent's.</exception>
    internal static NetworkNamespace Open(AgentOwner owner)
    {
        // A name that is there is not any more when it is opened, or holds nothing, where somebody is deleting it.
        NetworkNamespace netns = TryOpenOrMake(owner) ?? TryOpenOrMake(owner)
            ?? throw new LinuxException("open network namespace", ServiceNames.Netns, Errno.ENOENT);
        try
        {
            using RouteNetlink route = RouteNetlink.Open(netns);
            if (!IsOf(owner, route))
            {
                throw new LinuxException(
                    "open network namespace", ServiceNames.Netns, Errno.EEXIST, $"it is not this agent's, and is left alone; if nobody needs it: ip netns delete {ServiceNames.Netns}");
            }

            foreach ((string key, int value) in Settings.Where(setting => Sysctl.Get(netns, setting.Key) is { } present && present != $"{setting.Value}"))
            {
                Sysctl.Set(netns, key, value);
            }

            route.SetLinkUp(route.GetRequiredLink("lo").Index, up: true);
            return netns;
        }
        catch
        {
            netns.Dispose();
            throw;
        }
    }

    /// <summary>Opens the netns where it is there and this agent's; null where it is not. Any thread.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal static NetworkNamespace? TryOpen(AgentOwner owner)
    {
        if (NetworkNamespace.TryOpen(ServiceNames.Netns) is not { } netns)
        {
            return null;
        }

        try
        {
            using RouteNetlink route = RouteNetlink.Open(netns);
            if (IsOf(owner, route))
            {
                return netns;
            }
        }
        catch
        {
            netns.Dispose();
            throw;
        }

        netns.Dispose();
        return null;
    }

    /// <summary>Brings everything to the plan; what is there already is not touched.</summary>
    /// <exception cref="LinuxException">The kernel refused; it is half done, and safe to repeat.</exception>
    internal void Apply(ServicePlan plan)
    {
        lock (_lock)
        {
            if (plan.Networks.Count == 0)
            {
                Remove();
                return;
            }

            foreach (IPNetwork network in plan.Networks.Select(network => network.Network).Except(HeldNetworks.In(_nodeRoute.GetRoutes(RouteTable.Main))))
            {
                HeldNetworks.Hold(_nodeRoute, network);
            }

            using NetworkNamespace netns = Open(_owner);
            using RouteNetlink route = RouteNetlink.Open(netns);
            Hear(netns);

            // The filter stands before the first packet can come.
            _table.Apply(plan, netns, (flows, _) => _broughtFlows.Cut(flows, route));
            _broughtFlows.End(route);
            (Link outer, Link inner) = EnsureVeth(plan, netns, route);
            foreach (ServiceNetwork network in plan.Networks)
            {
                Connect(network, outer, inner, route);
            }
        }
    }

    /// <summary>Takes everything of this agent's away but the routes that hold the networks.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal void Remove()
    {
        lock (_lock)
        {
            StopHearing();
            if (NetworkNamespace.GetState(ServiceNames.Netns) == NamedNamespaceState.Stale)
            {
                NetworkNamespace.TryRemoveStale(ServiceNames.Netns);
            }

            if (_nodeRoute.GetLink(ServiceNames.NodeLink) is { } outer && IsOurs(outer))
            {
                _nodeRoute.RemoveLink(outer.Index);
            }

            using NetworkNamespace? netns = TryOpen(_owner);
            if (netns is not null)
            {
                NetworkNamespace.Delete(ServiceNames.Netns);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            StopHearing();
        }
    }

    private static NetworkNamespace? TryOpenOrMake(AgentOwner owner)
    {
        NetworkNamespace.TryRemoveStale(ServiceNames.Netns);
        return NetworkNamespace.TryCreate(ServiceNames.Netns, made => Mark(made, owner)) ?? NetworkNamespace.TryOpen(ServiceNames.Netns);
    }

    private static void Mark(NetworkNamespace netns, AgentOwner owner)
    {
        using RouteNetlink route = RouteNetlink.Open(netns);
        route.SetLinkAlias(route.GetRequiredLink("lo").Index, RouterMark.TextOfServices(owner));
    }

    private static bool IsOf(AgentOwner owner, RouteNetlink netns) => RouterMark.TryParse(netns.GetLink("lo")?.Alias)?.IsOfServices(owner) == true;

    private bool IsOurs(Link outer) => Ownership.MarkOf(outer, _nodeRoute)?.IsOfServices(_owner) == true;

    private (Link Outer, Link Inner) EnsureVeth(ServicePlan plan, NetworkNamespace netns, RouteNetlink route)
    {
        Link? outer = _nodeRoute.GetLink(ServiceNames.NodeLink);
        Link? inner = route.GetLink(ServiceNames.InsideLink);
        if (outer is not null && !IsOurs(outer))
        {
            throw new LinuxException(
                "add link", ServiceNames.NodeLink, Errno.EEXIST,
                $"it is not this agent's, and is left alone; give it another name, or if nobody needs it: ip link delete {ServiceNames.NodeLink}");
        }

        if (outer?.IsVethPeerOf(inner) != true)
        {
            if (outer is not null)
            {
                _nodeRoute.RemoveLink(outer.Index);
            }

            route.RemoveLinkByName(ServiceNames.InsideLink);

            // The node's end gets its MAC address with its life: one that the kernel chose udev replaces a moment later, and with it what
            // the netns learned.
            _nodeRoute.AddVeth(new NewVeth
            {
                Name = ServiceNames.NodeLink,
                PeerName = ServiceNames.InsideLink,
                PeerNetns = netns,
                Mtu = plan.Mtu,
                MacAddress = InsideAddressAllocator.DeriveMac($"{_owner.Id} {ServiceNames.NodeLink}"),
            });
            outer = _nodeRoute.GetRequiredLink(ServiceNames.NodeLink);
            inner = route.GetRequiredLink(ServiceNames.InsideLink);
            Sysctl.Set(_node, $"net/ipv6/conf/{ServiceNames.NodeLink}/accept_dad", 0);
        }

        string mark = RouterMark.TextOfServices(_owner);
        if (outer!.Alias != mark)
        {
            _nodeRoute.SetLinkAlias(outer.Index, mark);
        }

        LinkSettings.SetMtuAndUp(route, inner!, plan.Mtu);
        LinkSettings.SetMtuAndUp(_nodeRoute, outer, plan.Mtu);
        return (outer, inner!);
    }

    private void Connect(ServiceNetwork network, Link outer, Link inner, RouteNetlink route)
    {
        bool isIPv4 = network.Node.IsIPv4;
        RouteScope scope = isIPv4 ? RouteScope.Link : RouteScope.Universe;
        _nodeRoute.AddAddress(SingleHost(outer, network.Node));
        route.AddAddress(SingleHost(inner, network.Gateway));
        _nodeRoute.AddRoute(new Route(SingleHost(network.Gateway)) { OutputLinkIndex = outer.Index, PreferredSource = network.Node, Scope = scope, Protocol = (RouteProtocol)KernelEntries.Mark });
        _nodeRoute.AddRoute(new Route(network.Network) { Gateway = network.Gateway, OutputLinkIndex = outer.Index, PreferredSource = network.Node, Protocol = (RouteProtocol)KernelEntries.Mark });
        route.AddRoute(new Route(SingleHost(network.Node)) { OutputLinkIndex = inner.Index, Scope = scope });
        route.AddRoute(new Route(new IPNetwork(isIPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0)) { Gateway = network.Node, OutputLinkIndex = inner.Index });

        // What no Service takes is for the netns itself, which rejects it.
        route.AddRoute(new Route(network.Network)
        {
            Type = RouteType.Local,
            Table = RouteTable.Local,
            Scope = isIPv4 ? RouteScope.Host : RouteScope.Universe,
            OutputLinkIndex = route.GetRequiredLink("lo").Index,
        });
    }

    private static LinkAddress SingleHost(Link link, IPAddress address) => new(link.Index, address, address.MaxPrefixLength) { Flags = AddressFlags.NoDad };

    private static IPNetwork SingleHost(IPAddress address) => new(address, address.MaxPrefixLength);

    private void Hear(NetworkNamespace netns)
    {
        if (_heard == netns.Id)
        {
            return;
        }

        StopHearing();
        _route = RouteMonitor.Open(netns);
        _nftables = NftablesMonitor.Open(netns);
        _heard = netns.Id;
        RouteMonitor route = _route;
        NftablesMonitor nftables = _nftables;
        _loop.Add(route, () => Tell(route.Read()));
        _loop.Add(nftables, () =>
        {
            if (nftables.Read().Count > 0)
            {
                _told([]);
            }
        });
    }

    // The outer end of a router's cable is its own, and goes with it.
    private void Tell(IReadOnlyList<RouteNotification> changes)
    {
        if (changes.Count > 0)
        {
            _told([.. changes.OfType<RouteNotification.LinkChanged>().Select(change => change.Link.Name).Distinct()]);
        }
    }

    private void StopHearing()
    {
        if (_route is not null)
        {
            _loop.Remove(_route);
            _route.Dispose();
        }

        if (_nftables is not null)
        {
            _loop.Remove(_nftables);
            _nftables.Dispose();
        }

        (_route, _nftables, _heard) = (null, null, null);
    }
}
