using System.Net;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Tests.Support;
using static EgressAgent.Linux.Netlink.Monitoring.RouteNotification;

namespace EgressAgent.Linux.Tests.Netlink.Monitoring;

public sealed class RouteMonitorTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ScratchNetns _netns = ScratchNetns.Create();

    public void Dispose() => _netns.Dispose();

    [Fact]
    public void Changes_are_told_in_order_with_their_objects()
    {
        using RouteMonitor monitor = RouteMonitor.Open(_netns.Namespace);
        Assert.Empty(monitor.Read());
        Assert.False(Poll.Readable(monitor.Socket.Handle, TimeSpan.Zero));

        _netns.AddVeth();
        _netns.Ip("addr add 192.168.12.99/24 dev v0");
        _netns.Ip("route add 10.0.0.0/8 via 192.168.12.1");
        _netns.Ip("rule add iif v0 lookup 1000 pref 100");
        _netns.Ip("route del 10.0.0.0/8");
        _netns.Ip("link del v0");
        Assert.True(Poll.Readable(monitor.Socket.Handle, Patience));
        List<RouteNotification> changes = [.. monitor.Read()];

        int up = changes.FindIndex(change => change is LinkChanged { Link: { Name: "v0", IsUp: true }, IsRemoved: false });
        int address = changes.FindIndex(change => change is AddressChanged { Address.PrefixLength: 24, IsRemoved: false });
        int route = changes.FindIndex(change => change is RouteChanged { Route.Gateway: not null, IsRemoved: false });
        int rule = changes.FindIndex(change => change is RuleChanged { Rule: { Priority: 100, InputLinkName: "v0" }, IsRemoved: false });
        int routeGone = changes.FindIndex(change => change is RouteChanged { Route.Gateway: not null, IsRemoved: true });
        int linkGone = changes.FindIndex(change => change is LinkChanged { Link.Name: "v0", IsRemoved: true });
        Assert.True(up >= 0, string.Join('\n', changes));
        Assert.Equal([up, address, route, rule, routeGone, linkGone], new[] { up, address, route, rule, routeGone, linkGone }.Order());
        Assert.Contains(changes, change => change is AddressChanged { Address.PrefixLength: 24, IsRemoved: true });
    }

    [Fact]
    public void Only_chosen_groups_are_told()
    {
        using RouteMonitor monitor = RouteMonitor.Open(_netns.Namespace, RouteMonitorGroups.Rules | RouteMonitorGroups.Neighbours);

        _netns.AddVeth();
        _netns.Ip("neigh add 10.0.0.1 lladdr 02:00:5e:00:53:01 dev v0");
        _netns.Ip("rule add iif v0 lookup 1000");

        IReadOnlyList<RouteNotification> changes = monitor.Read();
        Assert.Contains(changes, change => change is NeighbourChanged);
        Assert.Contains(changes, change => change is RuleChanged);
        Assert.All(changes, change => Assert.True(change is NeighbourChanged or RuleChanged, change.ToString()));
    }

    [Fact]
    public void Vanished_namespace_is_told_to_its_neighbour()
    {
        using RouteMonitor monitor = RouteMonitor.Open(_netns.Namespace, RouteMonitorGroups.NetnsIds);
        int id;
        using (ScratchNetns other = ScratchNetns.Create())
        {
            _netns.Netlink.AddVeth(new NewVeth { Name = "v0", PeerName = "v1", PeerNetns = other.Namespace });
            id = _netns.Netlink.GetNetnsId(other.Namespace)!.Value;
            Assert.Contains(new NetnsIdChanged(id, false), monitor.Read());
        }

        var seen = new List<RouteNotification>();
        Eventually.True(
            () =>
            {
                seen.AddRange(monitor.Read());
                return seen.Contains(new NetnsIdChanged(id, true));
            },
            "the id goes away");
    }

    [Fact]
    public void Lost_changes_are_told_as_an_overrun()
    {
        using RouteMonitor monitor = RouteMonitor.Open(_netns.Namespace, RouteMonitorGroups.Routes);
        monitor.Socket.SetReceiveBuffer(4096);
        (Link link, _) = _netns.AddVeth();

        for (int i = 0; i < 500; i++)
        {
            _netns.Netlink.AddRoute(new Route(new IPNetwork(new IPAddress([100, (byte)(i >> 8), (byte)i, 0]), 24))
            {
                Table = 500,
                OutputLinkIndex = link.Index,
                Scope = RouteScope.Link,
            });
        }

        IReadOnlyList<RouteNotification> changes = monitor.Read();
        Assert.Contains(changes, change => change is Overrun);
        Assert.InRange(changes.Count, 2, 400);

        _netns.Netlink.AddAddress(new LinkAddress(link.Index, IPAddress.Parse("10.1.0.1"), 24));
        Assert.Contains(monitor.Read(), change => change is RouteChanged { Route.PreferredSource: not null });
    }
}
