using System.Net.Sockets;
using System.Numerics;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Validation;

/// <summary>Warns where the tables that the routers of a node share are too small for them, before one is full.</summary>
public static class NodeRoom
{
    // The gateway, the router as the node sees it, and the node as the router does; more where it has clients of their own networks.
    private const int NeighboursOfARouter = 3;

    /// <param name="routers">All that the node is to have.</param>
    /// <param name="tables">The node's.</param>
    public static IEnumerable<Diagnostic> Find(IEnumerable<EgressRouterResource> routers, NodeTables tables)
    {
        Dictionary<AddressFamily, int> counts = routers
            .SelectMany(router => router.Spec.Addresses.Select(address => address.Address.Address.AddressFamily).Distinct())
            .CountBy(family => family)
            .ToDictionary();
        if (FindNeighbours("ipv4", "ARP", counts.GetValueOrDefault(AddressFamily.InterNetwork), tables.Ipv4Neighbours) is { } ipv4)
        {
            yield return ipv4;
        }

        if (FindNeighbours("ipv6", "ND", counts.GetValueOrDefault(AddressFamily.InterNetworkV6), tables.Ipv6Neighbours) is { } ipv6)
        {
            yield return ipv6;
        }

        if (tables.CrowdedFlows is { } flows)
        {
            const string Sysctl = "net.netfilter.nf_conntrack_max";
            yield return Warning(
                Sysctl,
                $"the node itself tracks more than three quarters of the {flows} connections that it can, and those that it forwards to its routers are among them; "
                    + $"when it is full, new ones are dropped: sysctl -w {Sysctl}={4 * flows}");
        }
    }

    private static Diagnostic? FindNeighbours(string family, string protocol, int routers, long? limit)
    {
        long needed = (long)NeighboursOfARouter * routers;
        if (limit is null || needed <= limit / 4 * 3)
        {
            return null;
        }

        string threshold = $"net.{family}.neigh.default.gc_thresh";
        ulong room = BitOperations.RoundUpToPowerOf2((ulong)needed * 2);
        return Warning(
            $"{threshold}3",
            $"{routers} {(routers == 1 ? "router needs" : "routers need")} about {needed} entries of the table of {protocol} neighbours, which all network namespaces share, "
                + $"and it takes {limit}; when it is full, hosts of the LAN, gateways among them, can be out of reach, for the node itself too: "
                + $"sysctl -w {threshold}2={room / 2} {threshold}3={room}");
    }

    private static Diagnostic Warning(string sysctl, string message) =>
        new(new SourceLocation(sysctl, 0, 0), "", message, DiagnosticSeverity.Warning);
}
