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

    /// <summary>Whether the kernel makes it, see <see cref="BuiltIn"/>.</summary>
    public bool IsBuiltIn => BuiltIn(Family).Contains(this);

    /// <summary>
    /// The rules with which the kernel begins a netns: without them no packet finds a local address or a route. They can be
    /// deleted like any other, and <c>ip rule flush</c> does it.
    /// </summary>
    /// <remarks>Source: fib_default_rules_init of net/ipv4/fib_rules.c, fib6_rules_net_init of net/ipv6/fib6_rules.c.</remarks>
    public static IEnumerable<RuleEntry> BuiltIn(AddressFamily family)
    {
        yield return new RuleEntry(family, 0, null, null, RouteEntry.LocalTable);
        yield return new RuleEntry(family, 32766, null, null, RouteEntry.MainTable);
        if (family == AddressFamily.InterNetwork)
        {
            yield return new RuleEntry(family, 32767, null, null, RouteEntry.DefaultTable);
        }
    }

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
