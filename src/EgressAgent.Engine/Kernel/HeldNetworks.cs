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
    // By these the agent's routes are known again: a protocol number that no routing daemon has (rt_protos), and a metric that
    // lets every route win that an administrator makes for the same network.
    private const RouteProtocol Protocol = (RouteProtocol)0xe9;
    private const uint Metric = uint.MaxValue;

    internal static ValueList<IPNetwork> In(IEnumerable<Route> nodeRoutes) =>
        nodeRoutes.Where(IsHeld).Select(route => route.Destination).ToValueList();

    internal static void Hold(RouteNetlink node, IPNetwork network) => node.AddRoute(new Route(network)
    {
        Type = RouteType.Unreachable,
        Protocol = Protocol,
        Priority = Metric,
    });

    internal static void ReleaseAll(RouteNetlink node)
    {
        foreach (Route route in node.GetRoutes(RouteTable.Main).Where(IsHeld))
        {
            node.RemoveRoute(route);
        }
    }

    internal static bool IsHeld(Route route) => route is { Type: RouteType.Unreachable, Protocol: Protocol, Priority: Metric };
}
