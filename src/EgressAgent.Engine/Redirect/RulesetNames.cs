using System.Net;
using System.Net.Sockets;

namespace EgressAgent.Engine.Redirect;

/// <summary>What the agent's objects in nf_tables are called. The table is the only one that it touches.</summary>
internal static class RulesetNames
{
    internal const string Table = $"inet {TableName}";

    internal const string TableName = "egress_agent";

    /// <summary>What the table's comment begins with; the router's name follows.</summary>
    internal const string TableComment = "egress-agentd: router ";

    /// <summary>The map from (protocol, port) to (destination, target port).</summary>
    internal static string Redirects(AddressFamily family) => $"redirects_{Suffix(family)}";

    /// <summary>The map from (external address, protocol, port) to (destination, port).</summary>
    internal static string External(AddressFamily family) => $"external_{Suffix(family)}";

    /// <summary>The map in which an element is.</summary>
    internal static string MapOf(RedirectKey key, IPEndPoint destination) =>
        key.External is null ? Redirects(destination.AddressFamily) : External(destination.AddressFamily);

    /// <summary>Says of an element whose rule it is.</summary>
    internal static string ElementComment(string router, RedirectKey key) => $"{router} {key.Port}/{key.Protocol}";

    /// <summary>Who may use the router.</summary>
    internal static string Clients(AddressFamily family) => $"clients_{Suffix(family)}";

    /// <summary>Counts the connections that the fallback took.</summary>
    internal static string Fallback(AddressFamily family) => $"fallback_{Suffix(family)}";

    /// <summary>Counts what is refused as no rule takes it.</summary>
    internal const string NoRule = "refused_no_rule";

    /// <summary>Counts what is refused as its sender is no client.</summary>
    internal const string NotInClients = "refused_not_in_clients";

    /// <summary>The flowtable by which established flows bypass the chains.</summary>
    internal const string Flowtable = "offloaded";

    /// <summary>As nft calls the family: <c>ip</c> or <c>ip6</c>.</summary>
    internal static string Suffix(AddressFamily family) => family == AddressFamily.InterNetwork ? "ip" : "ip6";
}
