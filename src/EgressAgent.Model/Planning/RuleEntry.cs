using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Planning;

/// <summary>A rule of the routing policy in a router's netns: which packets look up which table, and which go nowhere.</summary>
/// <param name="Family">IPv4 or IPv6.</param>
/// <param name="Priority">Lower is asked earlier.</param>
/// <param name="IncomingLink">The interface the packet came in by; <c>lo</c> stands for packets the router makes itself.</param>
/// <param name="Mark">The firewall mark that the packet carries; null for any.</param>
/// <param name="Table">The table to look up; 0 where <see cref="Action"/> is another.</param>
public sealed record RuleEntry(AddressFamily Family, int Priority, string? IncomingLink, uint? Mark, int Table)
{
    public RuleAction Action { get; init; } = RuleAction.Lookup;

    /// <summary>Which bits of the packet's mark <see cref="Mark"/> is compared with.</summary>
    public uint MarkMask { get; init; } = uint.MaxValue;

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
        string mark = Mark is null ? "" : MarkMask == uint.MaxValue ? $" fwmark 0x{Mark:x}" : $" fwmark 0x{Mark:x}/0x{MarkMask:x}";
        string link = IncomingLink is null ? "" : $" iif {IncomingLink}";
        string family = Family == AddressFamily.InterNetworkV6 ? "IPv6 " : "";
        string action = Action == RuleAction.Lookup ? $"lookup {Table}" : Action.ToString().ToLowerInvariant();
        return $"{family}{Priority}: from {source}{mark}{link} {action}";
    }
}

/// <summary>What a rule does with a packet; FR_ACT_* of linux/fib_rules.h. Actions without a name here are kept as they are.</summary>
public enum RuleAction : byte
{
    /// <summary>Looks its route up in a table.</summary>
    Lookup = 1,

    /// <summary>Drops it without a word.</summary>
    Blackhole = 6,

    /// <summary>Drops it and tells the sender: "communication administratively prohibited".</summary>
    Prohibit = 8,
}
