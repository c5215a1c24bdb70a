using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Neighbours;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Netlink.Rules;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Netlink;

public sealed class RoutingTests : IDisposable
{
    private readonly ScratchNetns _netns = ScratchNetns.Create();
    private readonly Link _link;

    public RoutingTests() => (_link, _) = _netns.AddVeth();

    public void Dispose() => _netns.Dispose();

    [Fact]
    public void Address_is_added_listed_and_removed()
    {
        var address = new LinkAddress(_link.Index, IPAddress.Parse("192.168.12.99"), 24);

        Assert.True(_netns.Netlink.AddAddress(address));
        Assert.False(_netns.Netlink.AddAddress(address));

        LinkAddress found = Assert.Single(_netns.Netlink.GetAddresses(_link.Index), item => item.Family == AddressFamily.InterNetwork);
        Assert.Equal(address with { Flags = AddressFlags.Permanent, Label = "v0" }, found);
        Assert.Contains("192.168.12.99/24", _netns.Ip("addr show v0"), StringComparison.Ordinal);

        Assert.True(_netns.Netlink.RemoveAddress(found));
        Assert.False(_netns.Netlink.RemoveAddress(found));
        Assert.False(_netns.Netlink.RemoveAddress(address with { LinkIndex = 4711 }));
        Assert.Empty(_netns.Netlink.GetAddresses(4711));
    }

    [Fact]
    public void IPv6_address_goes_through_dad_unless_told_otherwise()
    {
        var checkedAddress = new LinkAddress(_link.Index, IPAddress.Parse("2001:db8::1"), 64);
        var atOnce = new LinkAddress(_link.Index, IPAddress.Parse("2001:db8::2"), 64)
        {
            Flags = AddressFlags.NoDad | AddressFlags.NoPrefixRoute,
        };

        _netns.Netlink.AddAddress(checkedAddress);
        _netns.Netlink.AddAddress(atOnce);

        IReadOnlyList<LinkAddress> found = _netns.Netlink.GetAddresses(_link.Index);
        Assert.True(found.Single(item => item.Address.Equals(checkedAddress.Address)).IsTentative);
        LinkAddress second = found.Single(item => item.Address.Equals(atOnce.Address));
        Assert.False(second.IsTentative);
        Assert.Equal(AddressFlags.NoDad | AddressFlags.NoPrefixRoute | AddressFlags.Permanent, second.Flags);

        _netns.Netlink.ReplaceAddress(atOnce with { Flags = AddressFlags.NoDad });
        Assert.False(_netns.Netlink.GetAddresses(_link.Index).Single(item => item.Address.Equals(atOnce.Address))
            .Flags.HasFlag(AddressFlags.NoPrefixRoute));
    }

    [Fact]
    public void Documented_route_table_is_printed_exactly()
    {
        (Link eth0, _) = _netns.AddVeth("eth0", "outside");
        (Link net1, _) = _netns.AddVeth("net1", "lan");
        _netns.Netlink.AddAddress(new LinkAddress(eth0.Index, IPAddress.Parse("198.18.0.2"), 16));
        _netns.Netlink.AddAddress(new LinkAddress(net1.Index, IPAddress.Parse("192.168.12.99"), 24));
        IPAddress gateway = IPAddress.Parse("192.168.12.1");

        Assert.True(_netns.Netlink.AddRoute(new Route(new IPNetwork(gateway, 32)) { OutputLinkIndex = net1.Index }));
        var byDefault = new Route(IPNetwork.Parse("0.0.0.0/0")) { Gateway = gateway, OutputLinkIndex = net1.Index };
        Assert.True(_netns.Netlink.AddRoute(byDefault));
        Assert.False(_netns.Netlink.AddRoute(byDefault));

        Assert.Equal(
            """
            default via 192.168.12.1 dev net1
            192.168.12.0/24 dev net1 proto kernel scope link src 192.168.12.99
            192.168.12.1 dev net1
            198.18.0.0/16 dev eth0 proto kernel scope link src 198.18.0.2
            """,
            _netns.Ip("route").Replace(" \n", "\n", StringComparison.Ordinal).TrimEnd());
        Assert.Contains(byDefault, _netns.Netlink.GetRoutes(RouteTable.Main));
        Assert.True(_netns.Netlink.RemoveRoute(byDefault));
        Assert.False(_netns.Netlink.RemoveRoute(byDefault));
    }

    [Fact]
    public void Unreachable_gateway_is_refused_in_the_kernels_words_unless_on_link()
    {
        _netns.Netlink.AddAddress(new LinkAddress(_link.Index, IPAddress.Parse("192.168.12.99"), 32));
        var route = new Route(IPNetwork.Parse("0.0.0.0/0")) { Gateway = IPAddress.Parse("192.168.12.1"), OutputLinkIndex = _link.Index };

        var error = Assert.Throws<LinuxException>(() => _netns.Netlink.AddRoute(route));
        Assert.Equal(
            $"add route default via 192.168.12.1 link {_link.Index} in {_netns.Name}: ENETUNREACH (Network is unreachable): Nexthop has invalid gateway",
            error.Message);

        Assert.True(_netns.Netlink.AddRoute(route with { IsOnLink = true }));
        Assert.True(Assert.Single(_netns.Netlink.GetRoutes(RouteTable.Main), item => item.IsDefault).IsOnLink);
    }

    [Fact]
    public void Routes_of_other_tables_and_kinds_round_trip()
    {
        _netns.Netlink.AddAddress(new LinkAddress(_link.Index, IPAddress.Parse("10.1.0.1"), 24));
        _netns.Netlink.AddAddress(new LinkAddress(_link.Index, IPAddress.Parse("2001:db8::1"), 64) { Flags = AddressFlags.NoDad });
        Route[] routes =
        [
            new(IPNetwork.Parse("0.0.0.0/0")) { Table = 1000, Gateway = IPAddress.Parse("10.1.0.254"), OutputLinkIndex = _link.Index, Protocol = RouteProtocol.Static },
            new(IPNetwork.Parse("10.9.0.0/16")) { Table = 1000, Type = RouteType.Unreachable, Priority = 77 },
            new(IPNetwork.Parse("10.8.0.0/16")) { Table = 1000, OutputLinkIndex = _link.Index, Scope = RouteScope.Link, PreferredSource = IPAddress.Parse("10.1.0.1") },
            new(IPNetwork.Parse("10.7.0.0/16")) { Table = 1000, Gateway = IPAddress.Parse("2001:db8::fe"), OutputLinkIndex = _link.Index },
            new(IPNetwork.Parse("::/0")) { Table = 1000, Gateway = IPAddress.Parse("2001:db8::fe"), OutputLinkIndex = _link.Index, Priority = 5 },
        ];
        foreach (Route route in routes)
        {
            Assert.True(_netns.Netlink.AddRoute(route));
        }

        Assert.Equal(routes.OrderBy(Key), _netns.Netlink.GetRoutes(1000).OrderBy(Key));
        Assert.Equal(4, _netns.Netlink.GetRoutes(1000, AddressFamily.InterNetwork).Count);
        Assert.Equal(5, _netns.Netlink.GetRoutes().Count(route => route.Table == 1000));
        Assert.Empty(_netns.Netlink.GetRoutes(4711));

        Route moved = routes[0] with { Gateway = IPAddress.Parse("10.1.0.253") };
        _netns.Netlink.ReplaceRoute(moved);
        Assert.Equal(moved, _netns.Netlink.GetRoutes(1000).Single(route => route.IsDefault && route.Family == AddressFamily.InterNetwork));
        foreach (Route route in _netns.Netlink.GetRoutes(1000))
        {
            Assert.True(_netns.Netlink.RemoveRoute(route));
        }

        Assert.Empty(_netns.Netlink.GetRoutes(1000));

        static string Key(Route route) => route.ToString();
    }

    [Fact]
    public void Multipath_route_shows_its_first_hop()
    {
        _netns.Netlink.AddAddress(new LinkAddress(_link.Index, IPAddress.Parse("10.1.0.1"), 24));
        _netns.Ip("route add 10.9.0.0/16 nexthop via 10.1.0.2 weight 1 nexthop via 10.1.0.3 weight 2");

        Route route = Assert.Single(_netns.Netlink.GetRoutes(RouteTable.Main), route => route.IsMultipath);

        Assert.Equal((IPAddress.Parse("10.1.0.2"), _link.Index), (route.Gateway, route.OutputLinkIndex));
        Assert.Throws<ArgumentException>(() => _netns.Netlink.RemoveRoute(route));
    }

    [Fact]
    public void Rules_round_trip()
    {
        PolicyRule[] rules =
        [
            new(AddressFamily.InterNetwork, 100) { Table = 1000, InputLinkName = "net1" },
            new(AddressFamily.InterNetwork, 101) { Table = 10, Mark = 0x10, MarkMask = 0xf0, OutputLinkName = "v0" },
            new(AddressFamily.InterNetworkV6, 102) { Table = 1000, Source = IPNetwork.Parse("2001:db8::/32"), Destination = IPNetwork.Parse("fd00::/8") },
            new(AddressFamily.InterNetwork, 103) { Action = RuleAction.Prohibit, Source = IPNetwork.Parse("10.0.0.0/8") },
        ];
        foreach (PolicyRule rule in rules)
        {
            Assert.True(_netns.Netlink.AddRule(rule));
            Assert.False(_netns.Netlink.AddRule(rule));
        }

        Assert.Equal(rules, _netns.Netlink.GetRules().Where(rule => rule.Priority is >= 100 and < 200).OrderBy(rule => rule.Priority));
        Assert.Contains("from all iif net1 [detached] lookup 1000", _netns.Ip("rule"), StringComparison.Ordinal);
        foreach (PolicyRule rule in rules)
        {
            Assert.True(_netns.Netlink.RemoveRule(rule));
            Assert.False(_netns.Netlink.RemoveRule(rule));
        }
    }

    [Fact]
    public void Neighbours_are_listed()
    {
        IPAddress first = IPAddress.Parse("10.1.0.7");
        IPAddress second = IPAddress.Parse("2001:db8::7");
        PhysicalAddress mac = PhysicalAddress.Parse("02:00:5e:00:53:07");
        _netns.Ip("neigh add 10.1.0.7 lladdr 02:00:5e:00:53:07 nud permanent dev v0");
        _netns.Ip("neigh add 2001:db8::7 lladdr 02:00:5e:00:53:07 nud stale dev v0");

        IReadOnlyList<Neighbour> neighbours = _netns.Netlink.GetNeighbours(_link.Index);
        Assert.Contains(new Neighbour(_link.Index, first) { MacAddress = mac, State = NeighbourState.Permanent }, neighbours);
        Assert.Contains(new Neighbour(_link.Index, second) { MacAddress = mac, State = NeighbourState.Stale }, neighbours);
        Assert.Empty(_netns.Netlink.GetNeighbours(4711));
    }

    [Theory]
    [InlineData("10.1.0.1/24", "198.18.0.2", "198.18.0.0/15")]
    [InlineData("2001:db8::1/64", "fd96:e9e5:a::2", "fd96::/16")]
    public void Kernel_says_which_route_a_packet_would_take(string own, string to, string network)
    {
        string family = own.Contains(':') ? "-6 " : "";
        var packet = new RouteQuestion(IPAddress.Parse(to)) { Protocol = 6, DestinationPort = 8080 };
        _netns.Ip($"address add {own} dev v0{(family == "" ? "" : " nodad")}");
        Assert.Equal((null, Errno.ENETUNREACH), (_netns.Netlink.FindRoute(packet).Route, _netns.Netlink.FindRoute(packet).Errno));

        _netns.Ip($"{family}route add {network} dev v0 table 220");
        _netns.Ip($"{family}rule add pref 220 ipproto tcp dport 8080 lookup 220");
        RouteAnswer answer = _netns.Netlink.FindRoute(packet);

        Assert.Equal((IPNetwork.Parse(network), 220u, _link.Index), (answer.Route?.Destination, answer.Route?.Table, answer.Route?.OutputLinkIndex));
        Assert.Null(_netns.Netlink.FindRoute(packet with { DestinationPort = 8081 }).Route);
    }

    [Fact]
    public void Long_dump_is_complete()
    {
        _netns.Netlink.AddAddress(new LinkAddress(_link.Index, IPAddress.Parse("10.1.0.1"), 24));
        for (int i = 0; i < 5000; i++)
        {
            _netns.Netlink.AddRoute(new Route(new IPNetwork(new IPAddress([100, (byte)(i >> 8), (byte)i, 0]), 24))
            {
                Table = 500,
                OutputLinkIndex = _link.Index,
                Scope = RouteScope.Link,
            });
        }

        Assert.Equal(5000, _netns.Netlink.GetRoutes(500).Distinct().Count());
        Assert.Equal(5000, _netns.IpJson("route show table 500").GetArrayLength());
    }
}
