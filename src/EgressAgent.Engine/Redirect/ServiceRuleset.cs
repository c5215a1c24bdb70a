using System.Net;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// Services in the language of nf_tables. A packet that begins a connection is looked up in one map, however many Services there are;
/// the chain that it names chooses the router, by destination NAT, and connection tracking keeps the connection there.
/// </summary>
internal sealed record ServiceRuleset
{
    internal const string Table = RulesetNames.Table;

    /// <summary>The chains that choose, by name.</summary>
    internal IReadOnlyDictionary<string, string> Choices { get; private init; } = new Dictionary<string, string>();

    /// <summary>What is looked up, and the chain that it leads to.</summary>
    internal IReadOnlyDictionary<(AddressFamily Family, string Key), string> Elements { get; private init; } = new Dictionary<(AddressFamily, string), string>();

    internal static ServiceRuleset Compile(ServicePlan plan)
    {
        ServiceEntry[] served = [.. plan.Entries.Where(entry => entry.Targets.Any(target => target.IsAvailable))];
        return new ServiceRuleset
        {
            Choices = served.ToDictionary(ChainOf, RuleOf),
            Elements = served.ToDictionary(
                entry => (entry.Address.AddressFamily, $"{entry.Address} . {Nft(entry.Protocol)} . {entry.Port}"),
                ChainOf),
        };
    }

    /// <summary>The whole table, in place of whatever stands under its name.</summary>
    internal string Create()
    {
        var script = new StringBuilder($$"""
            add table {{Table}}
            delete table {{Table}}
            add table {{Table}} { comment "egress-agentd: Services"; }
            add map {{Table}} services_ip { type ipv4_addr . inet_proto . inet_service : verdict; comment "ports of Services"; }
            add map {{Table}} services_ip6 { type ipv6_addr . inet_proto . inet_service : verdict; comment "ports of Services"; }
            add chain {{Table}} from_clients { type filter hook prerouting priority raw; policy accept; }
            add chain {{Table}} to_router { type nat hook prerouting priority dstnat; policy accept; }
            add chain {{Table}} ports { type nat hook postrouting priority srcnat; policy accept; }
            add chain {{Table}} local { type filter hook input priority filter; policy drop; }
            add chain {{Table}} through { type filter hook forward priority filter; policy drop; }
            add rule {{Table}} from_clients meta l4proto != { tcp, udp, sctp, icmp, icmpv6 } notrack comment "nothing takes it, so no entry is made of it"
            add rule {{Table}} to_router tcp flags & (fin | syn | rst | ack) != syn return comment "a flow that was cut is reset, not taken up again"
            add rule {{Table}} to_router iifname "{{ServiceNames.InsideLink}}" ip daddr . meta l4proto . th dport vmap @services_ip
            add rule {{Table}} to_router iifname "{{ServiceNames.InsideLink}}" ip6 daddr . meta l4proto . th dport vmap @services_ip6
            add rule {{Table}} local ct state invalid drop comment "a late packet must not reset a living flow"
            add rule {{Table}} local iifname "lo" accept
            add rule {{Table}} local ct state { established, related } accept
            add rule {{Table}} local icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept comment "neighbour discovery"
            add rule {{Table}} local ct state untracked meta l4proto != { {{Ruleset.Rejectable}} } accept comment "the kernel itself refuses what it does not know"
            add rule {{Table}} local meta l4proto tcp reject with tcp reset
            add rule {{Table}} local reject with icmpx port-unreachable
            add rule {{Table}} through ct state invalid drop comment "it would reach a client as a router's own"
            add rule {{Table}} through ct status dnat accept comment "connections to Services, and what comes back"

            """);
        Append(script, new ServiceRuleset());
        return script.ToString();
    }

    /// <summary>What differs; empty when nothing does.</summary>
    internal string Update(ServiceRuleset before)
    {
        var script = new StringBuilder();
        Append(script, before);
        return script.ToString();
    }

    private void Append(StringBuilder script, ServiceRuleset before)
    {
        foreach (((AddressFamily family, string key), string chain) in before.Elements.Except(Elements))
        {
            script.AppendLine($"delete element {Table} {MapOf(family)} {{ {key} : goto {chain} }}");
        }

        foreach ((string chain, string rule) in Choices.Except(before.Choices))
        {
            script.AppendLine(before.Choices.ContainsKey(chain) ? $"flush chain {Table} {chain}" : $"add chain {Table} {chain}");
            script.AppendLine($"add rule {Table} {chain} {rule}");
        }

        foreach (((AddressFamily family, string key), string chain) in Elements.Except(before.Elements))
        {
            script.AppendLine($"add element {Table} {MapOf(family)} {{ {key} : goto {chain} }}");
        }

        foreach (string chain in before.Choices.Keys.Except(Choices.Keys))
        {
            script.AppendLine($"flush chain {Table} {chain}");
            script.AppendLine($"delete chain {Table} {chain}");
        }
    }

    private static string MapOf(AddressFamily family) => $"services_{RulesetNames.Suffix(family)}";

    private static string ChainOf(ServiceEntry entry) => "s_" + Convert.ToHexStringLower(Sha256.Hash(
        $"{entry.Service} {entry.Address} {entry.Protocol} {entry.Port}").AsSpan(0, 8));

    private static string RuleOf(ServiceEntry entry)
    {
        ServiceTarget[] available = [.. entry.Targets.Where(target => target.IsAvailable)];
        string family = RulesetNames.Suffix(entry.Address.AddressFamily);
        string choice = (available.Length, entry.IsByClient) switch
        {
            (1, _) => $"{Host(available[0].Inside)}:{entry.TargetPort}",
            (_, true) => $"jhash {family} saddr mod {ServiceSlots.Count} seed 0x{ServiceSlots.SeedOf(entry.Service):x} map {{ {List(Owners(available), entry)} }}",
            _ => $"numgen inc mod {available.Length} map {{ {List(available.Select(target => target.Inside), entry)} }}",
        };
        return $"meta l4proto {Nft(entry.Protocol)} dnat {family} to {choice} comment \"{Abbreviate(entry.Service)} {entry.Port}/{entry.Protocol}\"";
    }

    private static string List(IEnumerable<IPAddress> routers, ServiceEntry entry) =>
        string.Join(", ", routers.Select((inside, index) => $"{index} : {inside} . {entry.TargetPort}"));

    private static IEnumerable<IPAddress> Owners(ServiceTarget[] available) =>
        Enumerable.Range(0, ServiceSlots.Count).Select(slot => ServiceSlots.OwnerOf(slot, available.Select(target => target.Inside)));

    private static string Host(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? address.ToString() : $"[{address}]";

    private static string Nft(TransportProtocol protocol) => protocol.ToString().ToLowerInvariant();

    // A comment holds 128 bytes (NFTNL_UDATA_COMMENT_MAXLEN); a name can be longer.
    private static string Abbreviate(ResourceKey key) => $"{key.Namespace}/{key.Name}" is { Length: > 100 } text ? text[..100] + "..." : $"{key.Namespace}/{key.Name}";
}
