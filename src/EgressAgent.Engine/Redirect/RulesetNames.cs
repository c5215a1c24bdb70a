using System.Net.Sockets;

namespace EgressAgent.Engine.Redirect;

/// <summary>What the agent's objects in nf_tables are called. The table is the only one that it touches.</summary>
internal static class RulesetNames
{
    internal const string Table = "inet egress_agent";

    /// <summary>The map from (protocol, port) to (destination, target port).</summary>
    internal static string Redirects(AddressFamily family) => $"redirects_{Suffix(family)}";

    /// <summary>Who may use the router.</summary>
    internal static string Clients(AddressFamily family) => $"clients_{Suffix(family)}";

    /// <summary>Counts the connections that the fallback took.</summary>
    internal static string Fallback(AddressFamily family) => $"fallback_{Suffix(family)}";

    /// <summary>As nft calls the family: <c>ip</c> or <c>ip6</c>.</summary>
    internal static string Suffix(AddressFamily family) => family == AddressFamily.InterNetwork ? "ip" : "ip6";
}
