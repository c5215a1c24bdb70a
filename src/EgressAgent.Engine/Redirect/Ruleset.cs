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
    private const uint Inside = LinkGroups.Inside;
    private const uint Outside = LinkGroups.Outside;
    private const uint ByService = LinkGroups.Service;
    private const string CutStaysCut = "tcp flags & (fin | syn | rst | ack) != syn return comment \"a flow that was cut is reset, not taken up again\"";

    // The routing of IPv4 asks this of each packet, and looks every one up a second time for it since the netns has rules, but for the setting
    // net.ipv4.conf.all.accept_local. It is asked here of each flow's first packet before that is redirected, and of each packet that belongs
    // to no redirected flow: where the answer is another one, nothing answers, and no flow begins. IPv6 does not ask it.
    private const string NoHost = "meta nfproto ipv4 fib saddr type != unicast drop comment \"no host has such a source\"";

    // nf_reject_verify_csum and nf_checksum: of what is not tracked, the protocols whose checksum the kernel can verify, or leaves alone.
    // 47 is GRE: nft 1.0.6 knows that name from /etc/protocols alone, and a minimal system is without.
    internal const string Rejectable = "udplite, dccp, icmpv6, igmp, 47, esp, ah";

    private Ruleset(RedirectPlan plan)
    {
        Router = Abbreviate(plan.Key);
        Families = plan.Families.Select(family => family.Family).ToValueList();
        Clients = plan.Clients is null ? null : plan.Families.ToDictionary(
            family => family.Family,
            family => plan.Clients.Where(network => network.BaseAddress.AddressFamily == family.Family).ToValueList());
        HasRedirects = plan.Datapath == DatapathKind.Kernel;
        Offloaded = plan.OffloadsFlows ? [.. plan.Families.SelectMany(family => family.Reserved)] : [];
        HasExternal = plan.ExternalAddresses.Count > 0;
        Chains =
        [
            Refuse(),
            CountRefused(plan),
            FromClients(plan),
            FromLan(plan),
            Spoofed(plan),
            Marked(plan),
            Local(plan),
            Through(plan),
            .. HasRedirects ? [ToDestination(plan, Router), AsReserved(plan)] : HasExternal ? [ToRelay(plan)] : ValueList<RulesetChain>.Empty,
            .. !HasRedirects && (plan.IsBehindService || HasExternal) ? [Answers(plan)] : ValueList<RulesetChain>.Empty,
            .. plan.LocalProcesses == LocalProcesses.Deny ? [Processes(plan)] : ValueList<RulesetChain>.Empty,
            Guard(plan),
        ];
        Redirects = (HasRedirects ? plan.Rules : []).Select(rule => (Key: new RedirectKey(rule.Protocol, rule.Port), To: new IPEndPoint(rule.Destination, rule.TargetPort)))
            .Concat(plan.ExternalPorts.Select(external => (
                Key: new RedirectKey(external.Port.Address, external.Port.Protocol, external.Port.Port), To: external.Destination)))
            .ToDictionary(redirect => redirect.Key, redirect => redirect.To);
    }

    /// <summary>The router's key, short enough for a comment.</summary>
    internal string Router { get; }

    internal ValueList<AddressFamily> Families { get; }

    /// <summary>Null when everyone is a client.</summary>
    internal IReadOnlyDictionary<AddressFamily, ValueList<IPNetwork>>? Clients { get; }

    /// <summary>Whether packets are redirected here. With the relay they are not: its sockets take them, and nothing is forwarded.</summary>
    internal bool HasRedirects { get; }

    /// <summary>Whether other machines of the physical network reach it by external addresses.</summary>
    internal bool HasExternal { get; }

    /// <summary>The source addresses of flows that bypass the chains once they are established; empty where none does.</summary>
    internal ValueList<IPAddress> Offloaded { get; }

    /// <summary>A chain stands before those that jump to it.</summary>
    internal ValueList<RulesetChain> Chains { get; }

    internal IReadOnlyDictionary<RedirectKey, IPEndPoint> Redirects { get; }

    /// <summary>Whether another ruleset is this one but for elements of the maps.</summary>
    internal bool DiffersInElementsAlone(Ruleset other) =>
        Router == other.Router
        && Families.Equals(other.Families)
        && HasRedirects == other.HasRedirects
        && HasExternal == other.HasExternal
        && Offloaded.Equals(other.Offloaded)
        && HasClientsOf(other)
        && Chains.Equals(other.Chains);

    internal bool HasClientsOf(Ruleset other) => Families.Equals(other.Families) && Families.All(family => ClientsOf(family).Equals(other.ClientsOf(family)));

    private ValueList<IPNetwork> ClientsOf(AddressFamily family) => Clients?[family] ?? [];

    internal static Ruleset Compile(RedirectPlan plan) => new(plan);

    // "Rejected" means at once: a reset for TCP, port-unreachable for everything else.
    private static RulesetChain Refuse() => new("refuse", null,
    [
        "meta l4proto tcp reject with tcp reset",
        "reject with icmpx port-unreachable",
    ]);

    // What is let through does not come here.
    private static RulesetChain CountRefused(RedirectPlan plan) => new("count_refused", null,
    [
        "tcp flags & (fin | syn | rst | ack) != syn return comment \"of TCP the beginnings of connections\"",
        .. plan.Clients is null
            ? []
            : plan.Families.Select(family => $"{Nft(family)} saddr != @{RulesetNames.Clients(family.Family)} counter name {Quote(RulesetNames.NotInClients)} return"),
        $"counter name {Quote(RulesetNames.NoRule)}",
    ]);

    // One look at the interface for each packet: a rule costs more than a jump.
    private static RulesetChain Spoofed(RedirectPlan plan) => new("spoofed", "type filter hook prerouting priority raw; policy accept;",
    [
        .. ClientLinks(plan).Select(link => $"iifgroup {link} goto from_clients"),
        $"iifgroup {Outside} goto from_lan",
    ]);

    private static RulesetChain FromClients(RedirectPlan plan) => new("from_clients", null,
    [
        .. plan.Families.Select(family =>
            $"{Nft(family)} saddr {Set(family.Reserved.Union(ExternalOf(plan, family)).Prepend(family.Inside))} drop comment \"no client has the router's own addresses\""),
        .. Untracked(plan, plan.Families.Where(family => HasFallback(plan, family)).SelectMany(family => plan.Clients is null
            ? (string[])[$"{Nft(family)} daddr != {family.Inside}"]
            : [$"{Nft(family)} daddr != {family.Inside}", $"{Nft(family)} saddr != @{RulesetNames.Clients(family.Family)}"])),
    ]);

    private static RulesetChain FromLan(RedirectPlan plan) => new("from_lan", null,
    [
        .. plan.Families.Select(family => $"{Nft(family)} daddr {family.Inside} drop comment \"the inside address is not for the LAN\""),
        .. plan.Families.All(family => HasFallback(plan, family)) ? [] : Untracked(plan, []),
    ]);

    // What the kernel itself refuses, since `reject` cannot, gets as far as to it, and by then connection tracking would have made an entry
    // of each sender, which lives for minutes. What a fallback takes, or its answers, is left to the chains that know its flow.
    private static IEnumerable<string> Untracked(RedirectPlan plan, IEnumerable<string> pastFallback)
    {
        FamilyRedirect[] without = [.. plan.Families.Where(family => !HasFallback(plan, family))];
        return
        [
            "meta l4proto tcp accept comment \"what there is most of is done with first\"",
            "meta l4proto udp accept",
            $"meta l4proto {{ sctp, {string.Join(", ", plan.Families.Select(family => family.Inside.IsIPv4 ? "icmp" : "icmpv6"))} }} accept",
            .. pastFallback.Concat(without.Length == plan.Families.Count ? [""] : without.Select(family => family.Inside.IsIPv4 ? "meta nfproto ipv4" : "meta nfproto ipv6"))
                .Select(match => $"{match} notrack comment \"nothing takes it, so no entry is made of it\"".TrimStart()),
        ];
    }

    private static bool HasIPv4(RedirectPlan plan) => plan.Families.Any(family => family.Inside.IsIPv4);

    private static bool HasFallback(RedirectPlan plan, FamilyRedirect family) => plan.Datapath == DatapathKind.Kernel && family.Fallback is not null;

    // Runs after destination NAT. What leaves it without a mark is not forwarded: the routing policy refuses it. What is forwarded comes
    // first, since each rule costs each packet.
    private static RulesetChain Marked(RedirectPlan plan) => new("marked", "type filter hook prerouting priority dstnat + 10; policy accept;",
    [
        .. plan.ExternalAddresses.Count > 0 ? MarkedFromLan() : [],
        .. plan.IsBehindService ? MarkedByService(plan) : [],
        .. plan.Datapath == DatapathKind.Kernel
            ? [
                $"ct direction original ct status dnat meta mark set 0x{PacketMarks.FromClient | PacketMarks.Redirected:x} accept comment \"what was redirected may be forwarded\"",
                $"iifgroup {Outside} ct status dnat meta mark set 0x{PacketMarks.Redirected:x} accept comment \"as may replies\"",
                $"iifgroup {Inside} ct direction reply meta mark set 0x{PacketMarks.ReplyFromNode:x} accept comment \"replies of the node as a destination go to the client\"",
            ]
            : ValueList<string>.Empty,
        .. HasIPv4(plan) ? [$"iifname != \"lo\" {NoHost}"] : ValueList<string>.Empty,
        $"iifgroup {Inside} meta mark set 0x{PacketMarks.FromClient:x} comment \"answers of the router go back to the client\"",
    ]);

    // What came to an external address goes back by the physical network.
    private static IEnumerable<string> MarkedFromLan()
    {
        string mark = $"0x{PacketMarks.FromLan:x}";
        return
        [
            $"iifgroup {Outside} ct direction original ct status dnat ct mark set {mark} meta mark set {mark} accept comment \"what came to an external address\"",
            $"ct direction reply ct mark {mark} meta mark set {mark} accept comment \"as do replies\"",
        ];
    }

    // What came by a Service goes back to it, whatever it is.
    private static IEnumerable<string> MarkedByService(RedirectPlan plan)
    {
        bool isRedirecting = plan.Datapath == DatapathKind.Kernel;
        string whole = $"meta mark set 0x{PacketMarks.ByService | PacketMarks.Redirected:x} accept";
        return
        [
            $"iifgroup {ByService} ct mark set 0x{PacketMarks.ByService:x}",
            .. isRedirecting ? [$"iifgroup {ByService} ct direction original ct status dnat {whole} comment \"what a Service brought may be forwarded\""] : ValueList<string>.Empty,
            .. HasIPv4(plan) ? [$"iifgroup {ByService} {NoHost}"] : ValueList<string>.Empty,
            $"iifgroup {ByService} meta mark set 0x{PacketMarks.ByService:x} accept comment \"answers of the router go back to the Service\"",
            .. isRedirecting ? [$"ct direction reply ct mark 0x{PacketMarks.ByService:x} {whole} comment \"as do replies\""] : ValueList<string>.Empty,
        ];
    }

    // What the relay's sockets send follows the route of its connection once it carries the mark.
    private static RulesetChain Answers(RedirectPlan plan) => new("answers", "type route hook output priority mangle; policy accept;",
    [
        .. plan.IsBehindService
            ? [$"ct direction reply ct mark 0x{PacketMarks.ByService:x} meta mark set 0x{PacketMarks.ByService:x} comment \"to what a Service brought, to the Service\""]
            : ValueList<string>.Empty,
        .. plan.ExternalAddresses.Count > 0
            ? [$"ct direction reply ct mark 0x{PacketMarks.FromLan:x} meta mark set 0x{PacketMarks.FromLan:x} comment \"to what came to an external address, the same way\""]
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
        // protocol says so itself; nothing listens to them here. What may be an answer to a fallback's packet has been tracked, and would
        // leave an entry behind.
        rules.AddRange(ClientLinks(plan).Select(link => $"iifgroup {link} ct state untracked meta l4proto != {{ {Rejectable} }} jump count_refused"));
        rules.Add($"ct state untracked meta l4proto != {{ {Rejectable} }} accept comment \"the kernel itself refuses what it does not know\"");

        foreach (FamilyRedirect family in plan.Families)
        {
            string echo = family.Inside.IsIPv4 ? "icmp type echo-request" : "icmpv6 type echo-request";
            string own = Set(family.Reserved.Union(ExternalOf(plan, family)));
            rules.Add($"iifgroup {Outside} {Nft(family)} daddr {own} {echo} accept comment \"the reserved address is a host without open ports\"");
            if (ExternalOf(plan, family).Any())
            {
                rules.Add($"iifgroup {Outside} {Nft(family)} daddr {Set(ExternalOf(plan, family))} jump count_refused comment \"no port of a Service\"");
            }

            rules.Add($"iifgroup {Outside} {Nft(family)} daddr {own} jump refuse");
        }

        if (plan.Datapath == DatapathKind.Relay)
        {
            string protocols = plan.Rules.Any(rule => rule.Protocol == TransportProtocol.SCTP) ? "tcp, udp, sctp" : "tcp, udp";
            rules.AddRange(plan.Families.Select(family =>
                $"{FromClients(plan, family)}meta l4proto {{ {protocols} }} accept comment \"the relay has a socket, or the kernel rejects\""));
            if (plan.ExternalAddresses.Count > 0)
            {
                rules.Add($"iifgroup {Outside} ct mark 0x{PacketMarks.FromLan:x} ct status dnat accept comment \"from external addresses to the relay\"");
            }
        }

        rules.AddRange(ClientLinks(plan).Select(link => $"iifgroup {link} jump count_refused"));
        rules.AddRange(ClientLinks(plan).Select(link => $"iifgroup {link} jump refuse comment \"no rule takes it\""));
        return new RulesetChain("local", "type filter hook input priority filter; policy drop;", [.. rules]);
    }

    private static RulesetChain Through(RedirectPlan plan)
    {
        // The routing policy has let through only what is marked; this says so again.
        List<string> rules = [];
        if (plan.Datapath == DatapathKind.Kernel)
        {
            rules.AddRange(plan.OffloadsFlows ? Offload(plan) : []);
            if (plan.ExternalAddresses.Count > 0)
            {
                rules.Add($"ct mark 0x{PacketMarks.FromLan:x} ct status dnat accept comment \"what came to an external address, and what comes back\"");
            }

            foreach (uint link in ClientLinks(plan))
            {
                rules.Add($"iifgroup {link} ct status dnat accept comment \"only what was redirected leaves\"");
                rules.Add($"iifgroup {Outside} oifgroup {link} ct state {{ established, related }} ct status dnat accept comment \"only replies come back\"");
            }
        }

        return new RulesetChain("through", "type filter hook forward priority filter; policy drop;", [.. rules]);
    }

    // No chain sees what is offloaded, the guard neither: here is asked what that asks. A client's packet, not an answer, has the mark by
    // which the kernel finds the way back.
    private static IEnumerable<string> Offload(RedirectPlan plan) =>
        from link in ClientLinks(plan)
        from family in plan.Families
        select $"iifgroup {link} oifgroup {Outside} meta l4proto {{ tcp, udp }} ct state established ct direction original ct status dnat ct status snat "
            + $"ct reply {Nft(family)} daddr {Set(family.Reserved)} flow add @{RulesetNames.Flowtable} comment \"established flows bypass the chains\"";

    private static RulesetChain ToDestination(RedirectPlan plan, string router)
    {
        List<string> rules = [CutStaysCut, .. HasIPv4(plan) ? [NoHost] : ValueList<string>.Empty, .. External(plan)];
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

    // The relay's sockets are at the inside address.
    private static RulesetChain ToRelay(RedirectPlan plan) =>
        new("to_relay", "type nat hook prerouting priority dstnat; policy accept;", [CutStaysCut, .. HasIPv4(plan) ? [NoHost] : ValueList<string>.Empty, .. External(plan)]);

    // The plan may name an address that the router does not hold yet, or not any more. A client to whom the way back is another one is
    // none of the physical network.
    private static IEnumerable<string> External(RedirectPlan plan) =>
        from family in plan.Families
        where ExternalOf(plan, family).Any()
        let nft = Nft(family)
        let clients = plan.Clients is null ? "" : $"{nft} saddr @{RulesetNames.Clients(family.Family)} "
        select $"iifgroup {Outside} fib daddr type local {clients}fib saddr oifname {Quote(RouterNames.OutsideLink)} "
            + $"dnat {nft} to {nft} daddr . meta l4proto . th dport map @{RulesetNames.External(family.Family)} comment \"ports of Services\"";

    private static IEnumerable<IPAddress> ExternalOf(RedirectPlan plan, FamilyRedirect family) =>
        plan.ExternalAddresses.Where(address => address.AddressFamily == family.Family);

    private static RulesetChain AsReserved(RedirectPlan plan) => new("as_reserved", "type nat hook postrouting priority srcnat; policy accept;",
    [
        .. plan.Families.Select(family =>
            $"ct status dnat snat {Nft(family)} to {family.Source} "
            + "comment \"destinations see the reserved address\""),
    ]);

    // What is forwarded does not come here. A socket that was closed belongs to no process any more, and the kernel itself begins no flow: what
    // it answers belongs to one, or to none, and it sends it with no socket of a process. The agent's own neighbour discovery does have one.
    private static RulesetChain Processes(RedirectPlan plan) => new("processes", "type filter hook output priority filter; policy accept;",
    [
        .. plan.Datapath == DatapathKind.Relay
            ? [$"meta mark and 0x{PacketMarks.OfRelay:x} == 0x{PacketMarks.OfRelay:x} accept comment \"the relay, to destinations\""]
            : ValueList<string>.Empty,
        .. plan.Families.Any(family => !family.Inside.IsIPv4)
            ? ["icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept comment \"neighbour discovery\""]
            : ValueList<string>.Empty,
        .. plan.Families.SelectMany(family =>
        {
            string own = $"oifname != \"lo\" {Nft(family)} saddr {Set(family.Reserved.Union(ExternalOf(plan, family)))}";
            return (string[])
            [
                $"{own} ct state new jump refuse comment \"nobody begins a flow in here\"",
                $"{own} meta skuid >= 0 jump refuse comment \"nor goes on with one\"",
            ];
        }),
    ]);

    // Runs after source NAT, and sees what is about to be on the wire. The plan may name an address that the router does not
    // hold yet, or not any more: a flow begins only with one that it holds now.
    private static RulesetChain Guard(RedirectPlan plan)
    {
        string outside = $"oifgroup {Outside}";
        string inside = $"oifgroup {Inside}";

        // Of a flow that came by another link: what is sent until it is cut, though the rules by which it went back there are gone.
        string direct = $"ct mark and 0x{PacketMarks.ByService | PacketMarks.FromLan:x} == 0";
        List<string> rules = plan.Datapath == DatapathKind.Kernel
            ? [
                $"{inside} ct status dnat {direct} accept comment \"replies\"",
                $"{inside} ct status dnat ct direction original accept comment \"to the node as a destination\"",
            ]
            : [];
        foreach (FamilyRedirect family in plan.Families)
        {
            string reserved = $"{Nft(family)} saddr {Set(family.Reserved)} {outside}";
            rules.Add($"{reserved} ct state != new accept comment \"as the reserved address\"");
            rules.Add($"{reserved} fib saddr type local accept comment \"once the router holds it\"");
            if (ExternalOf(plan, family).Except(family.Reserved).ToArray() is { Length: > 0 } external)
            {
                string answer = $"{Nft(family)} saddr {Set(external)} {outside}";
                rules.Add($"{answer} ct direction reply accept comment \"answers from an external address, and nothing else\"");
                rules.Add($"{answer} ct state {{ invalid, untracked }} meta l4proto {(family.Inside.IsIPv4 ? "icmp" : "icmpv6")} accept comment \"and that a protocol is none of its own\"");
            }
        }

        // An association, and a connection that its client has half-closed, may outlive the entry that knows by which link it came. Where all
        // come by this link, what the relay sends is let out all the same. Elsewhere a datagram is not, as its client may have asked another
        // address; a segment is, as a client that has no such connection resets it.
        ValueList<string> answers = plan.IsBehindService || plan.ExternalAddresses.Count > 0
            ? ["meta l4proto udp ct direction reply ", "meta l4proto != udp "]
            : [""];
        foreach (FamilyRedirect family in plan.Datapath == DatapathKind.Relay ? plan.Families : [])
        {
            rules.AddRange(answers.Select(answer => $"{inside} {Nft(family)} saddr {family.Inside} {answer}{direct} accept comment \"the relay, to clients\""));
            rules.Add($"{inside} {Nft(family)} saddr {Set(family.Reserved)} ct direction original fib saddr type local accept comment \"the relay, to the node as a destination\"");
        }

        rules.Add($"{inside} meta mark and 0x{PacketMarks.FromClient:x} == 0x{PacketMarks.FromClient:x} accept comment \"rejections and errors, to clients alone\"");
        if (plan.IsBehindService)
        {
            rules.Add($"oifgroup {ByService} meta mark and 0x{PacketMarks.ByService:x} == 0x{PacketMarks.ByService:x} accept comment \"to Services what they brought\"");
        }

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
        string links = plan.IsBehindService ? $"{{ {Inside}, {ByService} }}" : $"{Inside}";
        return $"iifgroup {links} {nft} daddr {family.Inside} {clients}";
    }

    // By which clients come.
    private static ValueList<uint> ClientLinks(RedirectPlan plan) => plan.IsBehindService ? [Inside, ByService] : [Inside];

    private static string Nft(FamilyRedirect family) => RulesetNames.Suffix(family.Family);

    private static string Set(IEnumerable<IPAddress> addresses) => $"{{ {string.Join(", ", addresses)} }}";

    private static string Quote(string text) => $"\"{text}\"";

    /// <summary>A name that is short enough for a comment, which holds 128 bytes (NFTNL_UDATA_COMMENT_MAXLEN).</summary>
    internal static string Abbreviate(RouterKey key) => key.ToString() is { Length: > 100 } text ? text[..100] + "..." : key.ToString();
}

/// <summary>A chain of the ruleset.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Hook">The hook specification of a base chain (<c>type … hook … priority …; policy …;</c>); null for others.</param>
/// <param name="Rules">Its rules, in nft's language.</param>
internal sealed record RulesetChain(string Name, string? Hook, ValueList<string> Rules);
