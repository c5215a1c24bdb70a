using System.Net;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// The node's links, addresses and routes, listed once and then kept by what the kernel tells of them. The kernel tells of a change
/// before the request that made it returns, so what is read here includes everything that was done before, by the agent or by
/// others; only of new IPv6 addresses it tells a moment later. Thread-safe.
/// </summary>
internal sealed class NodeState : IDisposable
{
    // Not every way in which a route vanishes is told: with the nexthop object that it used, for one.
    private static readonly TimeSpan ListedAnew = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private readonly RouteNetlink _node;
    private readonly TimeProvider _time;
    private readonly Action<IReadOnlyList<string>, bool> _told;
    private readonly Dictionary<int, Link> _links = [];
    private readonly Dictionary<string, int> _indexes = new(StringComparer.Ordinal);
    private readonly Dictionary<int, Dictionary<(IPAddress, int), LinkAddress>> _addresses = [];
    private readonly Dictionary<int, Dictionary<RouteIdentity, Route>> _routes = [];
    private readonly HashSet<string> _concerned = new(StringComparer.Ordinal);
    private bool _isKnown;
    private bool _areRoutesKnown;
    private bool _hasTwins;
    private bool _isNews;
    private long _listed;
    private ObservedNode? _observed;

    /// <param name="netns">The node's namespace.</param>
    /// <param name="node">The same, to ask; it belongs to the caller.</param>
    /// <param name="time">The clock.</param>
    /// <param name="told">
    /// Called, on any thread, with the names of the routers' links of which the kernel told something, and whether the rest of the
    /// node, on which every router depends, may have changed.
    /// </param>
    /// <exception cref="Linux.LinuxException">No descriptor is left, or the kernel refused one.</exception>
    internal NodeState(NetworkNamespace netns, RouteNetlink node, TimeProvider time, Action<IReadOnlyList<string>, bool> told)
    {
        Monitor = RouteMonitor.Open(netns);
        _node = node;
        _time = time;
        _told = told;
    }

    /// <summary>When it can be read, <see cref="Drain"/> does it.</summary>
    internal RouteMonitor Monitor { get; }

    public void Dispose() => Monitor.Dispose();

    /// <summary>Takes in what the kernel has told.</summary>
    internal void Drain() => Read(() => true, isListed: false);

    /// <summary>The node as routers see it.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal ObservedNode Observe() => Read(() => _observed ??= BuildNode());

    /// <summary>What the node has of one router.</summary>
    /// <param name="linkName">The name of the router's link on the node.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal NodeEnd EndOf(string linkName) => Read(() =>
    {
        Link? link = _indexes.TryGetValue(linkName, out int index) ? _links[index] : null;
        return new NodeEnd(
            link,
            link is null ? [] : [.. AddressesOf(link.Index)],
            link is null ? [] : [.. RoutesOf(link.Index)],
            HeldNetworks.In(RoutesOf(0)));
    });

    /// <summary>How often a link came up; null when there is none.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal uint? CarrierUpsOf(int linkIndex) => Read(() => _links.GetValueOrDefault(linkIndex)?.CarrierUpCount);

    internal static bool IsOfRouter(string linkName) => linkName.StartsWith(RouterNames.NodeLinkPrefix, StringComparison.Ordinal);

    /// <summary>Asks for the addresses of a link: for after the agent has given it one.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal void ReadAddresses(int linkIndex) => Read(() =>
    {
        Dictionary<(IPAddress, int), LinkAddress> addresses = Of(_addresses, linkIndex);
        addresses.Clear();
        foreach (LinkAddress address in _node.GetAddresses(linkIndex))
        {
            addresses[(address.Address, address.PrefixLength)] = address;
        }

        return true;
    });

    private T Read<T>(Func<T> read, bool isListed = true)
    {
        T result;
        string[] concerned;
        bool isNews;
        lock (_gate)
        {
            Apply();
            if (isListed)
            {
                ListWhatIsUnknown();
            }

            result = read();
            concerned = [.. _concerned];
            isNews = _isNews;
            _concerned.Clear();
            _isNews = false;
        }

        if (isNews || concerned.Length > 0)
        {
            _told(concerned, isNews);
        }

        return result;
    }

    private void Apply()
    {
        IReadOnlyList<RouteNotification> changes;
        do
        {
            changes = Monitor.Read();
            foreach (RouteNotification change in changes)
            {
                Apply(change);
            }
        }
        while (changes.Count > 0);
    }

    private void Apply(RouteNotification change)
    {
        switch (change)
        {
            case RouteNotification.LinkChanged { Link: var link, IsRemoved: var isRemoved }:
                Apply(link, isRemoved);
                break;
            case RouteNotification.AddressChanged { Address: var address, IsRemoved: var isRemoved }:
                Apply(address, isRemoved);
                break;
            case RouteNotification.RouteChanged { Route: var route } routeChange when IsKept(route):
                Apply(route, routeChange);
                break;
            case RouteNotification.Overrun:
                _isKnown = false;
                _concerned.UnionWith(_indexes.Keys.Where(IsOfRouter));
                Note(null);
                break;
        }
    }

    private void Apply(Link link, bool isRemoved)
    {
        Link? before = _links.GetValueOrDefault(link.Index);
        if (before is not null && !isRemoved && before with { AltNames = link.AltNames } == link && before.AltNames.SequenceEqual(link.AltNames))
        {
            return;
        }

        Note(before ?? link);
        Note(link);
        Keep(isRemoved ? null : link, before);

        // IPv4 routes go with the link without a word. Those over other links that go with its addresses are told of with these.
        if (isRemoved)
        {
            _routes.Remove(link.Index);
            _addresses.Remove(link.Index);
        }
        else if (before is { IsUp: true } && !link.IsUp)
        {
            _areRoutesKnown &= !_routes.ContainsKey(link.Index);
        }
    }

    private void Apply(LinkAddress address, bool isRemoved)
    {
        Dictionary<(IPAddress, int), LinkAddress> addresses = Of(_addresses, address.LinkIndex);
        (IPAddress, int) identity = (address.Address, address.PrefixLength);
        if (!isRemoved && addresses.TryGetValue(identity, out LinkAddress? known) && known == address)
        {
            return;
        }

        Note(_links.GetValueOrDefault(address.LinkIndex));
        if (isRemoved)
        {
            // Without a word, routes that prefer it as source go or lose it, and those that reach their gateway by it go.
            addresses.Remove(identity);
            _areRoutesKnown = false;
        }
        else
        {
            addresses[identity] = address;
        }
    }

    private void Apply(Route route, RouteNotification.RouteChanged change)
    {
        Note(route.OutputLinkIndex is { } index ? _links.GetValueOrDefault(index) : null);
        Dictionary<RouteIdentity, Route> routes = Of(_routes, SlotOf(route));

        // Which one was replaced is not told, of several next hops each may go for itself, and of twins one may stay.
        if (change.IsReplacing || route.IsMultipath || _hasTwins || (change.IsRemoved && !routes.Remove(new RouteIdentity(route))))
        {
            _areRoutesKnown = false;
        }
        else if (!change.IsRemoved && !routes.TryAdd(new RouteIdentity(route), route))
        {
            _areRoutesKnown = false;
        }

        if (change.IsRemoved && HeldNetworks.IsHeld(route))
        {
            _concerned.UnionWith(_indexes.Keys.Where(IsOfRouter));
        }
    }

    // What happens to a router's own link concerns that router alone; with hundreds of routers everything else would be a storm.
    private void Note(Link? link)
    {
        if (link is not null && IsOfRouter(link.Name))
        {
            _concerned.Add(link.Name);
        }

        if (link is null || !IsOurs(link))
        {
            _observed = null;
            _isNews = true;
        }
    }

    // What is told meanwhile is taken in after it, and is as new or newer.
    private void ListWhatIsUnknown()
    {
        if (!_isKnown || _time.GetElapsedTime(_listed) >= ListedAnew)
        {
            IReadOnlyList<Link> links = _node.GetLinks();
            IReadOnlyList<LinkAddress> addresses = _node.GetAddresses();
            _links.Clear();
            _indexes.Clear();
            _addresses.Clear();
            foreach (Link link in links)
            {
                Keep(link, before: null);
            }

            foreach (LinkAddress address in addresses)
            {
                Of(_addresses, address.LinkIndex)[(address.Address, address.PrefixLength)] = address;
            }

            _listed = _time.GetTimestamp();
            _areRoutesKnown = false;
        }

        if (!_areRoutesKnown)
        {
            IReadOnlyList<Route> routes = _node.GetRoutes();
            _routes.Clear();
            _hasTwins = false;
            foreach (Route route in routes.Where(IsKept))
            {
                _hasTwins |= !Of(_routes, SlotOf(route)).TryAdd(new RouteIdentity(route), route);
            }

            _isKnown = true;
            _areRoutesKnown = true;
            _observed = null;
        }
    }

    private void Keep(Link? link, Link? before)
    {
        if (before is not null)
        {
            _links.Remove(before.Index);
            _indexes.Remove(before.Name);
        }

        if (link is not null)
        {
            _links[link.Index] = link;
            _indexes[link.Name] = link.Index;
        }
    }

    private ObservedNode BuildNode()
    {
        Link[] links = [.. _links.Values.Where(link => !link.IsLoopback && !IsOurs(link)).OrderBy(link => link.Index)];
        return new ObservedNode(
            links.Select(ToNodeLink).ToValueList(),
            links.SelectMany(link => RoutesOf(link.Index))
                .Select(route => new NodeRoute(route.Destination, route.Gateway, route.OutputLinkIndex!.Value, (int)route.Table, (int)route.Priority))
                .ToValueList());
    }

    private NodeLink ToNodeLink(Link link) => new(
        link.Index,
        link.Name,
        link.IsUp,
        link.HasCarrier,
        link.Mtu,
        AddressesOf(link.Index).Select(address => new InterfaceAddress(address.Address, address.PrefixLength)).ToValueList(),
        link.AltNames.ToValueList())
    {
        CarrierUps = link.CarrierUpCount,
    };

    private Dictionary<(IPAddress, int), LinkAddress>.ValueCollection AddressesOf(int linkIndex) => Of(_addresses, linkIndex).Values;

    private Dictionary<RouteIdentity, Route>.ValueCollection RoutesOf(int slot) => Of(_routes, slot).Values;

    private static Dictionary<TKey, TValue> Of<TKey, TValue>(Dictionary<int, Dictionary<TKey, TValue>> all, int slot)
        where TKey : notnull
    {
        if (!all.TryGetValue(slot, out Dictionary<TKey, TValue>? ofOne))
        {
            all[slot] = ofOne = [];
        }

        return ofOne;
    }

    private static bool IsKept(Route route) => route.Type is RouteType.Unicast or RouteType.Local or RouteType.Unreachable;

    // Some kernels name loopback as the way to nowhere, others nothing.
    private static int SlotOf(Route route) => route.Type == RouteType.Unreachable ? 0 : route.OutputLinkIndex ?? 0;

    private static bool IsOurs(Link link) => link.Kind == "veth" && IsOfRouter(link.Name);

    private readonly record struct RouteIdentity(
        IPNetwork Destination, uint Table, uint Priority, RouteType Type, IPAddress? Gateway, IPAddress? PreferredSource)
    {
        internal RouteIdentity(Route route)
            : this(route.Destination, route.Table, route.Priority, route.Type, route.Gateway, route.PreferredSource)
        {
        }
    }
}
