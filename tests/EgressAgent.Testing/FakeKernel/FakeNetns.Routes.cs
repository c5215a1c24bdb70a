using System.Net;
using EgressAgent.Linux;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Testing.FakeKernel;

public sealed partial class FakeNetns
{
    // IP6_RT_PRIO_USER, IP6_RT_PRIO_ADDRCONF
    private const int UserIPv6Metric = 1024;
    private const int KernelIPv6Metric = 256;

    private readonly List<FakeRoute> _routes = [];

    /// <summary>Without those of the local table.</summary>
    public IReadOnlyList<FakeRoute> Routes => _routes;

    /// <summary>Adds a route, or replaces the one for the same destination, table and metric.</summary>
    /// <exception cref="LinuxException">Its link is down (ENETDOWN), or its gateway cannot be reached (ENETUNREACH).</exception>
    public void SetRoute(RouteEntry entry, int? metric = null)
    {
        FakeLink link = Link(entry.Link);
        if (!link.IsUp)
        {
            throw Refusal("replace route", entry.ToString(), Errno.ENETDOWN);
        }

        if (entry.Gateway is { } gateway && !IsOnLink(link, gateway))
        {
            throw Refusal("replace route", entry.ToString(), Errno.ENETUNREACH, "Nexthop has invalid gateway");
        }

        if (entry.PreferredSource is { } source && !HasAddress(source))
        {
            throw Refusal("replace route", entry.ToString(), Errno.EINVAL, "Invalid prefsrc address");
        }

        int defaultMetric = entry.Destination.BaseAddress.IsIPv4 ? 0 : UserIPv6Metric;
        var route = new FakeRoute(entry.Destination, entry.Gateway, link, entry.Table, metric ?? defaultMetric)
        {
            PreferredSource = entry.PreferredSource,
            IsKernelMade = entry.IsKernelMade,
            IsLinkScope = entry.IsLinkScope,
            IsMarked = entry.IsMarked,
        };
        int place = _routes.FindIndex(route.Replaces);
        if (place < 0)
        {
            _routes.Add(route);
        }
        else
        {
            _routes[place] = route;
        }
    }

    /// <returns>False when there is none that agrees in everything but the metric.</returns>
    public bool RemoveRoute(RouteEntry entry)
    {
        int place = _routes.FindIndex(route => ToEntry(route, entry.Side) == entry);
        if (place >= 0)
        {
            _routes.RemoveAt(place);
        }

        return place >= 0;
    }

    internal static RouteEntry ToEntry(FakeRoute route, NetworkSide side) =>
        new(side, route.Destination, route.Gateway, route.Link.Name, route.Table)
        {
            PreferredSource = route.PreferredSource,
            IsKernelMade = route.IsKernelMade,
            IsLinkScope = route.IsLinkScope,
            IsMarked = route.IsMarked,
        };

    // A next hop is looked up among what is reached without another one: link scope for IPv4, no gateway for IPv6.
    private bool IsOnLink(FakeLink link, IPAddress gateway) => gateway.IsIPv6LinkLocal || _routes.Any(route =>
        route.Link == link && route.Gateway is null && (route.IsLinkScope || !gateway.IsIPv4)
        && route.Table == RouteEntry.MainTable && route.Destination.Contains(gateway));
}
