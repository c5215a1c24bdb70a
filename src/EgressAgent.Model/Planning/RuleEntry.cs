using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Planning;

/// <summary>A rule of the routing policy in a router's netns: which packets look up which table.</summary>
/// <param name="Family">IPv4 or IPv6.</param>
/// <param name="Priority">Lower is asked earlier.</param>
/// <param name="IncomingLink">The interface the packet came in by; <c>lo</c> stands for packets the router makes itself.</param>
/// <param name="Mark">The firewall mark that the packet carries; null for any.</param>
/// <param name="Table">The table to look up.</param>
public sealed record RuleEntry(AddressFamily Family, int Priority, string? IncomingLink, uint? Mark, int Table)
{
    /// <summary>The network that the packet's source is in; null for any.</summary>
    public IPNetwork? Source { get; init; }

    /// <summary>In the words of <c>ip rule</c>.</summary>
    public override string ToString()
    {
        string source = Source is not { } network ? "all"
            : network.PrefixLength == network.BaseAddress.MaxPrefixLength ? network.BaseAddress.ToString()
            : network.ToString();
        string mark = Mark is null ? "" : $" fwmark 0x{Mark:x}";
        string link = IncomingLink is null ? "" : $" iif {IncomingLink}";
        string family = Family == AddressFamily.InterNetworkV6 ? "IPv6 " : "";
        return $"{family}{Priority}: from {source}{mark}{link} lookup {Table}";
    }
}
