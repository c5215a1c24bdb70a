namespace EgressAgent.Model.Planning;

/// <summary>The kernel settings of a router's netns.</summary>
/// <remarks>
/// They are set on <c>all</c> and <c>default</c> before there is an interface, which then starts with them.
/// Source: Documentation/networking/ip-sysctl.rst, nf_conntrack-sysctl.rst.
/// </remarks>
public static class RouterSysctls
{
    // An interface begins with "default" and goes its own way from then on: of the settings for it and for "all", the kernel takes the
    // larger one, either or its own alone.
    private static readonly string[] Scopes = ["all", "default", RouterNames.InsideLink, RouterNames.OutsideLink];

    private const string AcceptLocal = "net/ipv4/conf/all/accept_local";

    private static readonly ValueList<SysctlEntry> WithIPv6 = Make(hasIPv6: true, offloadsFlows: false);
    private static readonly ValueList<SysctlEntry> WithoutIPv6 = Make(hasIPv6: false, offloadsFlows: false);
    private static readonly ValueList<SysctlEntry> OffloadingWithIPv6 = Make(hasIPv6: true, offloadsFlows: true);
    private static readonly ValueList<SysctlEntry> OffloadingWithoutIPv6 = Make(hasIPv6: false, offloadsFlows: true);

    /// <param name="hasIPv6">Whether the router has an IPv6 address; without one, IPv6 stays off in its netns.</param>
    /// <param name="offloadsFlows">Whether its established flows pass by the chains.</param>
    public static ValueList<SysctlEntry> Compile(bool hasIPv6, bool offloadsFlows) =>
        offloadsFlows ? (hasIPv6 ? OffloadingWithIPv6 : OffloadingWithoutIPv6) : hasIPv6 ? WithIPv6 : WithoutIPv6;

    /// <summary>All that a router may want.</summary>
    public static IEnumerable<string> Keys => WithIPv6.Select(entry => entry.Key);

    /// <summary>Whether it is a setting of one link, which is there no sooner than the link.</summary>
    public static bool IsOfLink(SysctlEntry entry) =>
        entry.Key.Contains($"/conf/{RouterNames.InsideLink}/", StringComparison.Ordinal) || entry.Key.Contains($"/conf/{RouterNames.OutsideLink}/", StringComparison.Ordinal);

    /// <summary>
    /// Whether the kernel asks less of packets with it, as the ruleset asks in its place: then it is set no sooner than that is in force. With
    /// both, less is done than with one of them; without either, what has the router's own address would be answered.
    /// </summary>
    public static bool IsAfterFilter(SysctlEntry entry) => entry.Key == AcceptLocal;

    private static ValueList<SysctlEntry> Make(bool hasIPv6, bool offloadsFlows)
    {
        List<SysctlEntry> settings =
        [
            // Writing ip_forward resets a number of the others, so it comes first.
            new("net/ipv4/ip_forward", "1"),

            // A rejection or "fragmentation needed" must find the way back to a client in any network: it carries the mark of
            // the packet that it answers, and the mark chooses the return table.
            new("net/ipv4/fwmark_reflect", "1"),

            // The reject of a refused datagram is due at once, each time; by default the kernel sends a peer one a second, and
            // all of them together a thousand. What is in no mask is under neither limit.
            new("net/ipv4/icmp_ratemask", "0"),

            // A port is free for another connection to the same destination a second after the last one, not a minute; the peer's
            // time stamps tell them apart (RFC 6191).
            new("net/ipv4/tcp_tw_reuse", "1"),

            // Whose source a packet has is looked up once, by the ruleset, and not for each packet once more: a netns that has rules does
            // that, whatever rp_filter says (fib_validate_source of net/ipv4/fib_frontend.c).
            new(AcceptLocal, "1"),

            // Byte counts of flows, and what the rules' counters are read from.
            new("net/netfilter/nf_conntrack_acct", "1"),

            // When a flow began and ended, by the kernel's own clock.
            new("net/netfilter/nf_conntrack_timestamp", "1"),

            // The end of every flow is told, with what it carried. By default, of those alone that began while somebody listened.
            new("net/netfilter/nf_conntrack_events", "1"),

            // Of flows that are offloaded connection tracking does not see how far they have come, and would take a reset after some
            // gigabytes for one out of its window, which the other end would not be told of (before Linux 6.14). It is of Linux 5.14.
            new("net/netfilter/nf_conntrack_tcp_ignore_invalid_rst", offloadsFlows ? "1" : "0"),
        ];
        foreach (string scope in Scopes)
        {
            settings.AddRange(
            [
                // Clients may be in any network while the default route points out of net1, so the reverse path says nothing
                // here; spoofed sources are dropped by the ruleset.
                new($"net/ipv4/conf/{scope}/rp_filter", "0"),

                // No interface answers ARP for an address of the other one.
                new($"net/ipv4/conf/{scope}/arp_ignore", "1"),
                new($"net/ipv4/conf/{scope}/arp_announce", "2"),

                // Taking an address away must not take the others of its network with it.
                new($"net/ipv4/conf/{scope}/promote_secondaries", "1"),
                new($"net/ipv4/conf/{scope}/accept_redirects", "0"),
                new($"net/ipv4/conf/{scope}/send_redirects", "0"),
                new($"net/ipv4/conf/{scope}/accept_source_route", "0"),
                new($"net/ipv6/conf/{scope}/disable_ipv6", hasIPv6 ? "0" : "1"),
            ]);
        }

        if (hasIPv6)
        {
            settings.AddRange(
            [
                // Packets are forwarded because of "all". Its own setting makes an interface behave as a router towards its
                // neighbours: answer for the subnet-router anycast address, which is the gateway's, and join the groups of
                // routers. Writing "all" sets the others, so they come after it.
                new("net/ipv6/conf/all/forwarding", "1"),
                new("net/ipv6/conf/default/forwarding", "0"),
                new($"net/ipv6/conf/{RouterNames.InsideLink}/forwarding", "0"),
                new($"net/ipv6/conf/{RouterNames.OutsideLink}/forwarding", "0"),
                new("net/ipv6/fwmark_reflect", "1"),

                // As for IPv4. Type 0 is reserved and never sent.
                new("net/ipv6/icmp/ratemask", "0"),
            ]);
            foreach (string scope in Scopes)
            {
                settings.AddRange(
                [
                    new($"net/ipv6/conf/{scope}/accept_ra", "0"),
                    new($"net/ipv6/conf/{scope}/autoconf", "0"),
                    new($"net/ipv6/conf/{scope}/ndisc_notify", "1"),
                    new($"net/ipv6/conf/{scope}/accept_redirects", "0"),
                    new($"net/ipv6/conf/{scope}/accept_source_route", "0"),
                ]);
            }
        }

        return settings.ToValueList();
    }
}
