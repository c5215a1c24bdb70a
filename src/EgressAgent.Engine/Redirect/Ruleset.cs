using System.Net;
using System.Net.Sockets;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// A redirect plan in the language of nf_tables. The chains depend on addresses alone; rules are elements of a map, so that a
/// packet costs one lookup however many there are, and an edit touches no chain.
/// </summary>
internal sealed record Ruleset
{
    private const string Inside = RouterNames.InsideLink;
    private const string Outside = RouterNames.OutsideLink;

    // nf_reject_verify_csum and nf_checksum: the protocols whose checksum the kernel can verify, or leaves alone. 47 is GRE: nft 1.0.6
    // knows that name from /etc/protocols alone, and a minimal system is without.
    private const string Rejectable = "tcp, udp, udplite, sctp, dccp, icmp, icmpv6, igmp, 47, esp, ah";

    private Ruleset(RedirectPlan plan)
    {
        Router = Abbreviate(plan.Key);
        Families = plan.Families.Select(family => family.Family).ToValueList();
        Clients = plan.Clients is null ? null : plan.Families.ToDictionary(
            family => family.Family,
            family => plan.Clients.Where(network => network.BaseAddress.AddressFamily == family.Family).ToValueList());
        HasRedirects = plan.Datapath == DatapathKind.Kernel;
        Chains =
        [
            Refuse(),
            Spoofed(plan),
            Marked(HasRedirects),
            Local(plan),
            Through(plan),
            .. HasRedirects ? [ToDestination(plan, Router), AsReserved(plan)] : ValueList<RulesetChain>.Empty,
            Guard(plan),
        ];
        Redirects = (HasRedirects ? plan.Rules : []).ToDictionary(
            rule => (rule.Protocol, rule.Port),
            rule => new IPEndPoint(rule.Destination, rule.TargetPort));
    }

    /// <summary>The router's key, short enough for a comment.</summary>
    internal string Router { get; }

    internal ValueList<AddressFamily> Families { get; }

    /// <summary>Null when everyone is a client.</summary>
    internal IReadOnlyDictionary<AddressFamily, ValueList<IPNetwork>>? Clients { get; }

    /// <summary>Whether packets are redirected here. With the relay they are not: its sockets take them, and nothing is forwarded.</summary>
    internal bool HasRedirects { get; }

    /// <summary>A chain stands before those that jump to it.</summary>
    internal ValueList<RulesetChain> Chains { get; }

    internal IReadOnlyDictionary<(TransportProtocol Protocol, ushort Port), IPEndPoint> Redirects { get; }

    internal static Ruleset Compile(RedirectPlan plan) => new(plan);

    // "Rejected" means at once: a reset for TCP, port-unreachable for everything else.
    private static RulesetChain Refuse() => new("refuse", null,
    [
        "meta l4proto tcp reject with tcp reset",
        "reject with icmpx port-unreachable",
    ]);

    private static RulesetChain Spoofed(RedirectPlan plan) => new("spoofed", "type filter hook prerouting priority raw; policy accept;",
    [
        .. plan.Families.Select(family =>
            $"iifname {Quote(Inside)} {Nft(family)} saddr {Set([family.Inside, .. family.Reserved])} drop comment \"no client has the router's own addresses\""),
        .. plan.Families.Select(family =>
            $"iifname {Quote(Outside)} {Nft(family)} daddr {family.Inside} drop comment \"the inside address is not for the LAN\""),
    ]);

    // Runs after destination NAT. What leaves it without a mark is not forwarded: the routing policy refuses it.
    private static RulesetChain Marked(bool hasRedirects) => new("marked", "type filter hook prerouting priority dstnat + 10; policy accept;",
    [
        $"iifname {Quote(Inside)} meta mark set 0x{PacketMarks.FromClient:x} comment \"answers of the router go back to the client\"",
        .. hasRedirects
            ? [
                $"ct status dnat meta mark set meta mark or 0x{PacketMarks.Redirected:x} comment \"what was redirected may be forwarded\"",
                $"iifname {Quote(Inside)} ct direction reply meta mark set 0x{PacketMarks.ReplyFromNode:x} comment \"and replies of the node as a destination, to the client\"",
            ]
            : ValueList<string>.Empty,
    ]);

    private static RulesetChain Local(RedirectPlan plan)
    {
        List<string> rules =
        [
            "ct state invalid drop comment \"a late packet must not reset a living flow\"",
            "iifname \"lo\" accept",
            "ct state { established, related } accept",
        ];
        if (plan.Families.Any(family => family.Family == AddressFamily.InterNetworkV6))
        {
            rules.Add("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept comment \"neighbour discovery\"");
            rules.Add("icmpv6 type mld-listener-query accept comment \"a switch that hears no report cuts neighbour discovery off\"");
        }

        // `reject` answers only what it can verify the checksum of, and drops other protocols without a word. A host that does not know a
        // protocol says so itself; nothing listens to them here.
        rules.Add($"meta l4proto != {{ {Rejectable} }} accept comment \"the kernel itself refuses what it does not know\"");

        foreach (FamilyRedirect family in plan.Families)
        {
            string echo = family.Inside.IsIPv4 ? "icmp type echo-request" : "icmpv6 type echo-request";
            rules.Add($"iifname {Quote(Outside)} {Nft(family)} daddr {Set(family.Reserved)} {echo} accept comment \"the reserved address is a host without open ports\"");
            rules.Add($"iifname {Quote(Outside)} {Nft(family)} daddr {Set(family.Reserved)} jump refuse");
        }

        if (plan.Datapath == DatapathKind.Relay)
        {
            string protocols = plan.Rules.Any(rule => rule.Protocol == TransportProtocol.SCTP) ? "tcp, udp, sctp" : "tcp, udp";
            rules.AddRange(plan.Families.Select(family =>
                $"{FromClients(plan, family)}meta l4proto {{ {protocols} }} accept comment \"the relay has a socket, or the kernel rejects\""));
        }

        rules.Add($"iifname {Quote(Inside)} jump refuse comment \"no rule takes it\"");
        return new RulesetChain("local", "type filter hook input priority filter; policy drop;", [.. rules]);
    }

    private static RulesetChain Through(RedirectPlan plan)
    {
        // The routing policy has let through only what is marked; this says so again.
        List<string> rules = [];
        if (plan.Datapath == DatapathKind.Kernel)
        {
            rules.Add($"iifname {Quote(Inside)} ct status dnat accept comment \"only what was redirected leaves\"");
            rules.Add($"iifname {Quote(Outside)} oifname {Quote(Inside)} ct state {{ established, related }} ct status dnat accept comment \"only replies come back\"");
        }

        return new RulesetChain("through", "type filter hook forward priority filter; policy drop;", [.. rules]);
    }

    private static RulesetChain ToDestination(RedirectPlan plan, string router)
    {
        List<string> rules = ["tcp flags & (fin | syn | rst | ack) != syn return comment \"a flow that was cut is reset, not taken up again\""];
        foreach (FamilyRedirect family in plan.Families)
        {
            string nft = Nft(family);
            string arriving = FromClients(plan, family);
            rules.Add(
                $"{arriving}dnat {nft} to meta l4proto . th dport map @{RulesetNames.Redirects(family.Family)} "
                + $"comment {Quote($"rules of {router}")}");
            if (family.Fallback is not null)
            {
                rules.Add(
                    $"{arriving}counter name {Quote(RulesetNames.Fallback(family.Family))} dnat {nft} to {family.Fallback} "
                    + $"comment {Quote($"fallback of {router}")}");
            }
        }

        return new RulesetChain("to_destination", "type nat hook prerouting priority dstnat; policy accept;", [.. rules]);
    }

    private static RulesetChain AsReserved(RedirectPlan plan) => new("as_reserved", "type nat hook postrouting priority srcnat; policy accept;",
    [
        .. plan.Families.Select(family =>
            $"ct status dnat snat {Nft(family)} to {family.Source} "
            + "comment \"destinations see the reserved address\""),
    ]);

    // Runs after source NAT, and sees what is about to be on the wire. The plan may name an address that the router does not
    // hold yet, or not any more: a flow begins only with one that it holds now.
    private static RulesetChain Guard(RedirectPlan plan)
    {
        string outside = $"oifname {Quote(Outside)}";
        string inside = $"oifname {Quote(Inside)}";
        List<string> rules = [];
        foreach (FamilyRedirect family in plan.Families)
        {
            string reserved = $"{outside} {Nft(family)} saddr {Set(family.Reserved)}";
            rules.Add($"{reserved} ct state != new accept comment \"as the reserved address\"");
            rules.Add($"{reserved} fib saddr type local accept comment \"once the router holds it\"");
        }

        rules.AddRange(plan.Datapath == DatapathKind.Kernel
            ? [$"{inside} ct status dnat accept comment \"replies\""]
            : plan.Families.SelectMany(family => (string[])
            [
                $"{inside} {Nft(family)} saddr {family.Inside} accept comment \"the relay, to clients\"",
                $"{inside} {Nft(family)} saddr {Set(family.Reserved)} ct direction original accept comment \"the relay, to the node as a destination\"",
            ]));
        rules.Add($"{inside} meta mark and 0x{PacketMarks.FromClient:x} == 0x{PacketMarks.FromClient:x} accept comment \"rejections and errors, to clients alone\"");
        if (plan.Families.Any(family => !family.Inside.IsIPv4))
        {
            rules.Add("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept comment \"neighbour discovery\"");
            rules.Add("icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } accept comment \"what it hears neighbour discovery by\"");
        }

        rules.Add("oifname \"lo\" accept");
        return new RulesetChain("guard", "type filter hook postrouting priority srcnat + 10; policy drop;", [.. rules]);
    }

    // What clients send to the inside address. It ends in a space.
    private static string FromClients(RedirectPlan plan, FamilyRedirect family)
    {
        string nft = Nft(family);
        string clients = plan.Clients is null ? "" : $"{nft} saddr @{RulesetNames.Clients(family.Family)} ";
        return $"iifname {Quote(Inside)} {nft} daddr {family.Inside} {clients}";
    }

    private static string Nft(FamilyRedirect family) => RulesetNames.Suffix(family.Family);

    private static string Set(IEnumerable<IPAddress> addresses) => $"{{ {string.Join(", ", addresses)} }}";

    private static string Quote(string text) => $"\"{text}\"";

    // A comment holds 128 bytes (NFTNL_UDATA_COMMENT_MAXLEN); a name can be longer.
    private static string Abbreviate(RouterKey key) => key.ToString() is { Length: > 100 } text ? text[..100] + "..." : key.ToString();
}

/// <summary>A chain of the ruleset.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Hook">The hook specification of a base chain (<c>type … hook … priority …; policy …;</c>); null for others.</param>
/// <param name="Rules">Its rules, in nft's language.</param>
internal sealed record RulesetChain(string Name, string? Hook, ValueList<string> Rules);
