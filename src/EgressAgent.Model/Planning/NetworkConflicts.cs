using System.Net;

namespace EgressAgent.Model.Planning;

/// <summary>Whether the node has routes of its own where the agent gives addresses.</summary>
internal static class NetworkConflicts
{
    /// <summary>What is in the way, for an administrator; null when nothing is.</summary>
    /// <param name="network">The agent's network.</param>
    /// <param name="what">What it is called.</param>
    /// <param name="setting">The setting that names it.</param>
    /// <param name="node">The node.</param>
    public static string? Find(IPNetwork network, string what, string setting, ObservedNode node)
    {
        // A less specific route is none: the agent's own win over it.
        NodeRoute? clash = node.Routes.FirstOrDefault(route =>
            route.Destination.PrefixLength >= network.PrefixLength && network.Contains(route.Destination.BaseAddress));
        if (clash is null)
        {
            return null;
        }

        string link = node.Links.FirstOrDefault(candidate => candidate.Index == clash.LinkIndex)?.Name ?? $"interface {clash.LinkIndex}";
        return $"the node's route to {clash.Destination} (dev {link}, table {clash.Table}) is in the {what} {network}; "
            + $"remove it, or choose another range in {setting} of /etc/egress-agentd/agentd.yaml";
    }
}
