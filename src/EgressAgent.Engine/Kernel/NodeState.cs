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
    private readonly NetworkNamespace _netns;
    private readonly RouteNetlink _node;
    private readonly TimeProvider _time;
    private readonly Action<IReadOnlyList<string>, bool> _told;
    private readonly Dictionary<int, Link> _links = [];
    private readonly Dictionary<string, int> _indexes = new(StringComparer.Ordinal);
    private readonly Dictionary<int, Dictionary<(IPAddress, int), LinkAddress>> _addresses = [];
    private readonly Dictionary<int, Dictionary<RouteIdentity, Route>> _routes = [];
    private readonly HashSet<string> _concerned = new(StringComparer.Ordinal);
    private readonly SettingsReader _settingsReader = new(NodeSettings.Keys);
    private bool _isKnown;
    private bool _areRoutesKnown;
    private bool _hasTwins;
    private bool _isNews;
    private bool _areWaysNews;
    private long _listed;
    private ObservedNode? _observed;
    private ValueList<SysctlEntry>? _settings;

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
        _netns = netns;
        _node = node;
        _time = time;
        _told = told;
    }

    /// <summary>
    /// Raised on any thread when the kernel told of something that may lead packets another way: a route, a rule, an address or link of
    /// the node's own, the settings of forwarding and reverse path filters. Handlers return at once.
    /// </summary>
    internal event Action? WaysChanged;

    /// <summary>When it can be read, <see cref="Drain"/> does it.</summary>
    internal RouteMonitor Monitor { get; }

    public void Dispose() => Monitor.Dispose();

    /// <summary>Takes in what the kernel has told.</summary>
    internal void Drain() => Read(() => true, isListed: false);

    /// <summary>The node as routers see it.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal ObservedNode Observe()
    {
        // Of this the kernel tells nothing but what follows from it, which may be nothing.
        string? whyNoIPv6 = WhyNoIPv6();
        return Read(() => _observed?.WhyNoIPv6 == whyNoIPv6 && _observed is not null ? _observed : _observed = BuildNode(whyNoIPv6));
    }

    /// <summary>Looks whether the settings that routers take over have changed: nobody tells.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal void ReadSettings()
    {
        ValueList<SysctlEntry> settings = _settingsReader.Read(_netns);
        Read(() =>
        {
            if (_settings is not null && !settings.Equals(_settings))
            {
                _settings = settings;
                Note(null);
            }

            return true;
        });
    }

    /// <summary>What the node has of one router.</summary>
    /// <param name="linkName">The name of the router's link on the node.</param>
    /// <param name="altName">Its alternative name.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal NodeEnd EndOf(string linkName, string altName) => Read(() =>
    {
        Link? link = Find(linkName);
        Link? other = Find(altName);
        return new NodeEnd(
            link,
            other == link ? null : other,
            link is null ? [] : [.. AddressesOf(link.Index)],
            link is null ? [] : [.. RoutesOf(link.Index)],
            HeldNetworks.In(RoutesOf(0)));
    });

    /// <summary>A link of the node; null when there is none.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal Link? FindLink(int linkIndex) => Read(() => _links.GetValueOrDefault(linkIndex));

    /// <summary>All links of the node, those to routers too, by each of their names.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal IReadOnlyDictionary<string, int> LinkIndexes() => Read(() => new Dictionary<string, int>(_indexes, StringComparer.Ordinal));

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
        bool areWaysNews;
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
            areWaysNews = _areWaysNews;
            _concerned.Clear();
            _isNews = false;
            _areWaysNews = false;
        }

        if (isNews || concerned.Length > 0)
        {
            _told(concerned, isNews);
        }

        if (areWaysNews)
        {
            WaysChanged?.Invoke();
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
        // The agent's own routes come and go with its routers.
        _areWaysNews |= change is RouteNotification.RuleChanged or RouteNotification.SettingChanged
            or RouteNotification.RouteChanged { Route.Protocol: not (RouteProtocol)KernelEntries.Mark };
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
            _areWaysNews = true;
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
            foreach (string name in before.AltNames.Append(before.Name))
            {
                _indexes.Remove(name);
            }
        }

        if (link is not null)
        {
            _links[link.Index] = link;
            foreach (string name in link.AltNames.Append(link.Name))
            {
                _indexes[name] = link.Index;
            }
        }
    }

    private Link? Find(string name) => _indexes.TryGetValue(name, out int index) ? _links[index] : null;

    private ObservedNode BuildNode(string? whyNoIPv6)
    {
        Link[] links = [.. _links.Values.Where(link => !link.IsLoopback && !IsOurs(link)).OrderBy(link => link.Index)];
        return new ObservedNode(
            links.Select(ToNodeLink).ToValueList(),
            links.SelectMany(link => RoutesOf(link.Index))
                .Select(route => new NodeRoute(route.Destination, route.Gateway, route.OutputLinkIndex!.Value, (int)route.Table, (int)route.Priority))
                .ToValueList())
        {
            WhyNoIPv6 = whyNoIPv6,
            Settings = _settings ??= _settingsReader.Read(_netns),
        };
    }

    private string? WhyNoIPv6() => Sysctl.Get(_netns, "net/ipv6/conf/all/disable_ipv6") switch
    {
        null => "this kernel runs without IPv6 (ipv6.disable=1 on its command line, or no module ipv6); start it with IPv6, or take the IPv6 addresses out of the file",
        "0" => null,
        _ => "IPv6 is switched off on this node (net.ipv6.conf.all.disable_ipv6=1); switch it on with sysctl -w net.ipv6.conf.all.disable_ipv6=0, "
            + "and in /etc/sysctl.d for the next boot, or take the IPv6 addresses out of the file",
    };

    private NodeLink ToNodeLink(Link link) => new(
        link.Index,
        link.Name,
        link.IsUp,
        link.HasCarrier,
        link.Mtu,
        AddressesOf(link.Index).Select(address => new InterfaceAddress(address.Address, address.PrefixLength)).ToValueList(),
        link.AltNames.ToValueList())
    {
        Kind = link.Kind,
        PortOf = link.MasterIndex,
        IsEthernet = link.IsEthernet,
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
