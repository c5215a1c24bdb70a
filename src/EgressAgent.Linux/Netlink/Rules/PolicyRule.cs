using System.Net;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Linux.Netlink.Routes;

namespace EgressAgent.Linux.Netlink.Rules;

/// <summary>A rule of the routing policy (RTM_NEWRULE, ip-rule(8)): rules are tried by ascending priority.</summary>
/// <param name="Family">IPv4 or IPv6; each has its own rules.</param>
/// <param name="Priority">Unique only by custom.</param>
public sealed record PolicyRule(AddressFamily Family, uint Priority)
{
    public RuleAction Action { get; init; } = RuleAction.Lookup;

    /// <summary>Of <see cref="RuleAction.Lookup"/>.</summary>
    public uint Table { get; init; }

    /// <summary>Matches packets that came in by the link of this name, <c>lo</c> those that this host sends; null matches any.</summary>
    public string? InputLinkName { get; init; }

    /// <summary>Matches packets of sockets that are bound to the link of this name; null matches any.</summary>
    public string? OutputLinkName { get; init; }

    /// <summary>Matches packets whose mark, under <see cref="MarkMask"/>, is this.</summary>
    public uint Mark { get; init; }

    /// <summary>0 ignores the mark.</summary>
    public uint MarkMask { get; init; }

    /// <summary>Null matches any.</summary>
    public IPNetwork? Source { get; init; }

    /// <inheritdoc cref="Source"/>
    public IPNetwork? Destination { get; init; }

    public RouteProtocol Protocol { get; init; } = RouteProtocol.Boot;

    /// <summary>In the manner of ip-rule(8).</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"{Priority}:");
        Append(" from ", Source?.ToString() ?? "all");
        Append(" to ", Destination?.ToString());
        Append(" fwmark ", MarkMask == 0 ? null : $"0x{Mark:x}/0x{MarkMask:x}");
        Append(" iif ", InputLinkName);
        Append(" oif ", OutputLinkName);
        Append(" ", Action == RuleAction.Lookup ? $"lookup {Table}" : Action.ToString().ToLowerInvariant());
        return text.ToString();

        void Append(string word, string? value)
        {
            if (value is not null)
            {
                text.Append(word).Append(value);
            }
        }
    }
}
