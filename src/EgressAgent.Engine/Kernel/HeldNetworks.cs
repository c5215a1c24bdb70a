using System.Net;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// The node's routes that make the inside networks unreachable where no router has the address. A router's own route is longer
/// and wins while it is there; without it, before it and after it, a client's packet gets an error instead of the node's default
/// route.
/// </summary>
internal static class HeldNetworks
{
    private const RouteProtocol Protocol = (RouteProtocol)KernelEntries.Mark;

    // Every route wins that an administrator makes for the same network.
    private const uint Metric = uint.MaxValue;

    internal static ValueList<IPNetwork> In(IEnumerable<Route> nodeRoutes) =>
        nodeRoutes.Where(IsHeld).Select(route => route.Destination).ToValueList();

    internal static void Hold(RouteNetlink node, IPNetwork network) => node.AddRoute(new Route(network)
    {
        Type = RouteType.Unreachable,
        Protocol = Protocol,
        Priority = Metric,
    });

    internal static IReadOnlyList<IPNetwork> Release(RouteNetlink node, Predicate<IPNetwork> isReleased)
    {
        List<IPNetwork> released = [];
        foreach (Route route in node.GetRoutes(RouteTable.Main).Where(route => IsHeld(route) && isReleased(route.Destination)))
        {
            node.RemoveRoute(route);
            released.Add(route.Destination);
        }

        return released;
    }

    internal static bool IsHeld(Route route) => route is { Type: RouteType.Unreachable, Protocol: Protocol, Priority: Metric };
}
