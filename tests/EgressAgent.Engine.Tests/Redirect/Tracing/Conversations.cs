namespace EgressAgent.Engine.Tests.Redirect.Tracing;

/// <summary>What the engine promises, packet by packet.</summary>
internal static class Conversations
{
    private const string Addresses = """
        addresses: [ { ip: 192.168.12.99/24 }, { ip: 192.168.12.98/24 }, { ip: "2001:db8:12::99/64" }, { ip: "2001:db8:12::98/64" } ]
        """;

    private const string Rules = """
        redirectRules: [
          { destinationIP: 203.0.113.26, port: 80, protocol: TCP },
          { destinationIP: 203.0.113.27, port: 80, protocol: UDP },
          { destinationIP: 203.0.113.27, port: 8080, targetPort: 81, protocol: TCP },
          { destinationIP: 203.0.113.28, port: 7777, targetPort: 7, protocol: SCTP },
          { destinationIP: 192.168.12.10, port: 22, targetPort: 8022, protocol: TCP },
          { destinationIP: "2001:db8:ff::26", port: 8086, targetPort: 80, protocol: TCP },
          { destinationIP: "2001:db8:ff::27", port: 8086, targetPort: 80, protocol: UDP },
          { destinationIP: "2001:db8:ff::28", port: 7786, targetPort: 7, protocol: SCTP } ]
        """;

    // The networks that the router's own addresses are in too: it is not for lack of being a client that nobody may use those.
    private const string Clients =
        "egressagent.org/clients: \"10.88.0.0/24, 192.168.12.0/24, 198.18.0.0/16, fd88::/64, 2001:db8:12::/64, fd96:e9e5:a::/112\"";

    private static readonly TracedRouter Plain = TracedRouter.Parse($"{Addresses}, redirect: {{ {Rules} }}");

    /// <summary>Has every rule that the kernel datapath knows.</summary>
    public static readonly TracedRouter Full = TracedRouter.Parse(
        $"{Addresses}, redirect: {{ {Rules}, fallbackIP: 203.0.113.30 }}", Clients);

    private static readonly TracedRouter Fallback6 = TracedRouter.Parse(
        $"{Addresses}, redirect: {{ {Rules}, fallbackIP: \"2001:db8:ff::30\" }}");

    private static readonly TracedRouter OnlyIPv6 = TracedRouter.Parse("""
        addresses: [ { ip: "2001:db8:12::99/64" } ], redirect: { redirectRules: [ { destinationIP: "2001:db8:ff::26", port: 80, protocol: TCP } ] }
        """);

    /// <summary>Has every rule that the relay knows.</summary>
    public static readonly TracedRouter Relay = TracedRouter.Parse(
        $"{Addresses}, redirect: {{ {Rules}, fallbackIP: 203.0.113.30 }}", $"{Clients}, egressagent.org/datapath: relay");

    /// <summary>As <see cref="Full"/>, for nobody but clients.</summary>
    public static readonly TracedRouter Closed = TracedRouter.Parse(
        $"{Addresses}, redirect: {{ {Rules}, fallbackIP: 203.0.113.30 }}", $"{Clients}, egressagent.org/local-processes: deny");

    /// <summary>As <see cref="Relay"/>, for nobody but clients.</summary>
    public static readonly TracedRouter ClosedRelay = TracedRouter.Parse(
        $"{Addresses}, redirect: {{ {Rules}, fallbackIP: 203.0.113.30 }}", $"{Clients}, egressagent.org/datapath: relay, egressagent.org/local-processes: deny");

    /// <summary>As <see cref="Full"/>, on a kernel that can be trusted with a flowtable.</summary>
    public static readonly TracedRouter Offloading = TracedRouter.Parse(
        $$"""
        {{Addresses}}, redirect: { fallbackIP: 203.0.113.30, {{Rules.Replace(" ]", ", { destinationIP: \"2001:db8:12::10\", port: 23, targetPort: 8022, protocol: TCP } ]")}} }
        """,
        $"{Clients}, egressagent.org/flow-offload: auto");

    private static readonly TracedRouter RelayWithoutSctp = TracedRouter.Parse(
        $"{Addresses}, redirect: {{ fallbackIP: 203.0.113.30 }}", "egressagent.org/datapath: relay");

    public static readonly IReadOnlyList<Conversation> All =
    [
        // Where clients' packets go.
        new("rules lead to their destinations", Full, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.27:80
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:8080 → net1 192.168.12.99:4000 > 203.0.113.27:81
            eth0 sctp 10.88.0.2:4000 > 198.18.0.2:7777 → net1 192.168.12.99:4000 > 203.0.113.28:7
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::26]:80
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80
            eth0 sctp [fd88::2]:4000 > [fd96:e9e5:a::2]:7786 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::28]:7
            """),
        new("established flows bypass the chains, both ways, until they end", Offloading, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            net1 tcp[syn,ack] 203.0.113.26:80 > 192.168.12.99:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000
            eth0 tcp[ack] 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            net1 tcp[psh,ack] 203.0.113.26:80 > 192.168.12.99:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000 offloaded
            eth0 tcp[psh,ack] 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80 offloaded
            eth0 tcp[fin,ack] 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.27:80
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.27:80
            net1 udp 203.0.113.27:80 > 192.168.12.99:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.27:80
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.27:80 offloaded
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::26]:80
            net1 tcp[syn,ack] [2001:db8:ff::26]:80 > [2001:db8:12::99]:4000 → eth0 [fd96:e9e5:a::2]:8086 > [fd88::2]:4000
            eth0 tcp[ack] [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::26]:80
            eth0 tcp[psh,ack] [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::26]:80 offloaded
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80
            net1 udp [2001:db8:ff::27]:80 > [2001:db8:12::99]:4000 → eth0 [fd96:e9e5:a::2]:8086 > [fd88::2]:4000
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80
            net1 udp [2001:db8:ff::27]:80 > [2001:db8:12::99]:4000 → eth0 [fd96:e9e5:a::2]:8086 > [fd88::2]:4000 offloaded
            forget flows
            eth0 tcp[psh,ack] 10.88.0.2:4000 > 198.18.0.2:80 → eth0 tcp-reset from 198.18.0.2
            net1 udp 203.0.113.27:80 > 192.168.12.99:4000 → net1 port-unreachable from 192.168.12.99
            """),
        new("what is neither TCP nor UDP, and the node as a destination, go through the chains", Offloading, """
            eth0 sctp 10.88.0.2:4000 > 198.18.0.2:7777 → net1 192.168.12.99:4000 > 203.0.113.28:7
            net1 sctp[init-ack] 203.0.113.28:7 > 192.168.12.99:4000 → eth0 198.18.0.2:7777 > 10.88.0.2:4000
            eth0 sctp[cookie-echo] 10.88.0.2:4000 > 198.18.0.2:7777 → net1 192.168.12.99:4000 > 203.0.113.28:7
            eth0 sctp[data] 10.88.0.2:4000 > 198.18.0.2:7777 → net1 192.168.12.99:4000 > 203.0.113.28:7
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:22 → eth0 192.168.12.99:4000 > 192.168.12.10:8022
            eth0 tcp[syn,ack] 192.168.12.10:8022 > 192.168.12.99:4000 → eth0 198.18.0.2:22 > 10.88.0.2:4000
            eth0 tcp[ack] 10.88.0.2:4000 > 198.18.0.2:22 → eth0 192.168.12.99:4000 > 192.168.12.10:8022
            eth0 tcp[psh,ack] 10.88.0.2:4000 > 198.18.0.2:22 → eth0 192.168.12.99:4000 > 192.168.12.10:8022
            eth0 sctp [fd88::2]:4000 > [fd96:e9e5:a::2]:7786 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::28]:7
            net1 sctp[init-ack] [2001:db8:ff::28]:7 > [2001:db8:12::99]:4000 → eth0 [fd96:e9e5:a::2]:7786 > [fd88::2]:4000
            eth0 sctp[cookie-echo] [fd88::2]:4000 > [fd96:e9e5:a::2]:7786 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::28]:7
            eth0 sctp[data] [fd88::2]:4000 > [fd96:e9e5:a::2]:7786 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::28]:7
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:23 → eth0 [2001:db8:12::99]:4000 > [2001:db8:12::10]:8022
            eth0 tcp[syn,ack] [2001:db8:12::10]:8022 > [2001:db8:12::99]:4000 → eth0 [fd96:e9e5:a::2]:23 > [fd88::2]:4000
            eth0 tcp[ack] [fd88::2]:4000 > [fd96:e9e5:a::2]:23 → eth0 [2001:db8:12::99]:4000 > [2001:db8:12::10]:8022
            eth0 tcp[psh,ack] [fd88::2]:4000 > [fd96:e9e5:a::2]:23 → eth0 [2001:db8:12::99]:4000 > [2001:db8:12::10]:8022
            """),
        new("what no rule takes is rejected at once", Plain, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:81 → eth0 tcp-reset from 198.18.0.2
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:8080 → eth0 port-unreachable from 198.18.0.2
            eth0 sctp 10.88.0.2:4000 > 198.18.0.2:80 → eth0 port-unreachable from 198.18.0.2
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:8086 → eth0 tcp-reset from 198.18.0.2
            eth0 icmp 10.88.0.2:1 > 198.18.0.2 → eth0 port-unreachable from 198.18.0.2
            eth0 47 10.88.0.2 > 198.18.0.2 → eth0 port-unreachable from 198.18.0.2
            eth0 253 10.88.0.2 > 198.18.0.2 → eth0 protocol-unreachable from 198.18.0.2
            eth0 253 10.88.0.2 > 192.168.12.99 → eth0 protocol-unreachable from 192.168.12.99
            net1 253 192.168.12.20 > 192.168.12.99 → net1 protocol-unreachable from 192.168.12.99
            flows → 0
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:80 → eth0 tcp-reset from fd96:e9e5:a::2
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:80 → eth0 port-unreachable from fd96:e9e5:a::2
            eth0 icmpv6 [fd88::2]:1 > fd96:e9e5:a::2 → eth0 port-unreachable from fd96:e9e5:a::2
            """),
        new("the fallback of a family takes everything of every protocol", Full, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:81 → net1 192.168.12.99:4000 > 203.0.113.30:81
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:8080 → net1 192.168.12.99:4000 > 203.0.113.30:8080
            eth0 sctp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.30:80
            eth0 icmp 10.88.0.2:1 > 198.18.0.2 → net1 192.168.12.99:1 > 203.0.113.30
            net1 icmp[echo-reply] 203.0.113.30 > 192.168.12.99:1 → eth0 198.18.0.2 > 10.88.0.2:1
            eth0 47 10.88.0.2 > 198.18.0.2 → net1 192.168.12.99 > 203.0.113.30
            net1 47 203.0.113.30 > 192.168.12.99 → eth0 198.18.0.2 > 10.88.0.2
            eth0 253 10.88.0.2 > 198.18.0.2 → net1 192.168.12.99 > 203.0.113.30
            net1 253 203.0.113.30 > 192.168.12.99 → eth0 198.18.0.2 > 10.88.0.2
            flows → 6
            net1 253 192.168.12.20 > 192.168.12.99 → dropped as unverifiable
            eth0 253 10.88.0.2 > 192.168.12.99 → eth0 protocol-unreachable from 192.168.12.99
            eth0 253 10.88.0.2 > 192.168.12.98 → eth0 protocol-unreachable from 192.168.12.98
            eth0 253 10.89.0.2 > 198.18.0.2 → eth0 protocol-unreachable from 198.18.0.2
            flows → 6
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:80 → eth0 tcp-reset from fd96:e9e5:a::2
            eth0 icmpv6 [fd88::2]:1 > fd96:e9e5:a::2 → eth0 port-unreachable from fd96:e9e5:a::2
            """),
        new("an IPv6 fallback takes no IPv4", Fallback6, """
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:80 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::30]:80
            eth0 icmpv6 [fd88::2]:1 > fd96:e9e5:a::2 → net1 [2001:db8:12::99]:1 > 2001:db8:ff::30
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:81 → eth0 tcp-reset from 198.18.0.2
            """),
        new("a router with IPv6 alone", OnlyIPv6, """
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:80 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::26]:80
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:81 → eth0 tcp-reset from fd96:e9e5:a::2
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → dropped as of a family that is off
            net1 tcp 192.168.12.20:4000 > 192.168.12.99:80 → dropped as of a family that is off
            """),
        new("clients that share a port are told apart", Full, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            eth0 tcp 10.88.0.3:4000 > 198.18.0.2:80 → net1 192.168.12.99:4001 > 203.0.113.26:80
            net1 tcp[syn,ack] 203.0.113.26:80 > 192.168.12.99:4001 → eth0 198.18.0.2:80 > 10.88.0.3:4000
            net1 tcp[syn,ack] 203.0.113.26:80 > 192.168.12.99:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000
            """),
        new("a protocol without ports serves one client at a time", Full, """
            eth0 47 10.88.0.2 > 198.18.0.2 → net1 192.168.12.99 > 203.0.113.30
            eth0 47 10.88.0.3 > 198.18.0.2 → dropped as a clash of flows
            forget flows
            eth0 47 10.88.0.3 > 198.18.0.2 → net1 192.168.12.99 > 203.0.113.30
            """),
        new("others than the named clients are rejected", Full, """
            eth0 tcp 10.89.0.2:4000 > 198.18.0.2:80 → eth0 tcp-reset from 198.18.0.2
            eth0 tcp 10.89.0.2:4000 > 198.18.0.2:81 → eth0 tcp-reset from 198.18.0.2
            eth0 udp 10.89.0.2:4000 > 198.18.0.2:80 → eth0 port-unreachable from 198.18.0.2
            eth0 icmp 10.89.0.2:1 > 198.18.0.2 → eth0 port-unreachable from 198.18.0.2
            eth0 tcp [fd89::2]:4000 > [fd96:e9e5:a::2]:8086 → eth0 tcp-reset from fd96:e9e5:a::2
            eth0 udp [fd89::2]:4000 > [fd96:e9e5:a::2]:8086 → eth0 port-unreachable from fd96:e9e5:a::2
            """),

        // The way back.
        new("what is refused is counted once, by its reason", Full, """
            eth0 tcp 172.16.0.2:4000 > 198.18.0.2:80 → eth0 tcp-reset from 198.18.0.2
            eth0 udp 172.16.0.2:4000 > 198.18.0.2:80 → eth0 port-unreachable from 198.18.0.2
            eth0 tcp [2001:db8:77::2]:4000 > [fd96:e9e5:a::2]:8086 → eth0 tcp-reset from fd96:e9e5:a::2
            refused_not_in_clients → 3
            refused_no_rule → 0
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:81 → eth0 tcp-reset from fd96:e9e5:a::2
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:81 → eth0 port-unreachable from fd96:e9e5:a::2
            refused_no_rule → 2
            eth0 253 [fd88::2]:0 > [fd96:e9e5:a::2]:0 → eth0 protocol-unreachable from fd96:e9e5:a::2
            refused_no_rule → 3
            eth0 tcp[ack] [fd88::2]:4001 > [fd96:e9e5:a::2]:81 → eth0 tcp-reset from fd96:e9e5:a::2
            net1 tcp 192.168.12.7:4000 > 192.168.12.99:80 → net1 tcp-reset from 192.168.12.99
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            refused_no_rule → 3
            refused_not_in_clients → 3
            """),
        new("replies come back from the inside address", Full, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:8080 → net1 192.168.12.99:4000 > 203.0.113.27:81
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:8080 → net1 192.168.12.99:4000 > 203.0.113.27:81
            net1 tcp[syn,ack] 203.0.113.27:81 > 192.168.12.99:4000 → eth0 198.18.0.2:8080 > 10.88.0.2:4000
            eth0 tcp[ack] 10.88.0.2:4000 > 198.18.0.2:8080 → net1 192.168.12.99:4000 > 203.0.113.27:81
            net1 tcp[fin,ack] 203.0.113.27:81 > 192.168.12.99:4000 → eth0 198.18.0.2:8080 > 10.88.0.2:4000
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80
            net1 udp [2001:db8:ff::27]:80 > [2001:db8:12::99]:4000 → eth0 [fd96:e9e5:a::2]:8086 > [fd88::2]:4000
            eth0 sctp [fd88::2]:4000 > [fd96:e9e5:a::2]:7786 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::28]:7
            net1 sctp[init-ack] [2001:db8:ff::28]:7 > [2001:db8:12::99]:4000 → eth0 [fd96:e9e5:a::2]:7786 > [fd88::2]:4000
            """),
        new("the way back is the way that the client came, though its address is the LAN's", Full, """
            eth0 tcp 192.168.12.50:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            net1 tcp[syn,ack] 203.0.113.26:80 > 192.168.12.99:4000 → eth0 198.18.0.2:80 > 192.168.12.50:4000
            eth0 tcp[ack] 192.168.12.51:4000 > 198.18.0.2:80 → eth0 tcp-reset from 198.18.0.2
            """),
        new("errors about a flow reach its client", Full, """
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.27:80
            net1 icmp[destination-unreachable] 192.168.12.1 > 192.168.12.99 (about udp 192.168.12.99:4000 > 203.0.113.27:80) → eth0 198.18.0.2 > 10.88.0.2
            net1 icmp[destination-unreachable] 192.168.12.1 > 192.168.12.99 (about udp 192.168.12.99:4001 > 203.0.113.27:80) → dropped by local
            net1 icmp[destination-unreachable] 192.168.12.1 > 192.168.12.98 (about udp 192.168.12.99:4000 > 203.0.113.27:80) → dropped by local
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80
            net1 icmpv6[packet-too-big] 2001:db8:12::1 > 2001:db8:12::99 (about udp [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80) → eth0 fd96:e9e5:a::2 > fd88::2
            """),
        new("errors about replies reach the destination", Full, """
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.27:80
            net1 udp 203.0.113.27:80 > 192.168.12.99:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000
            eth0 icmp[destination-unreachable] 10.88.0.2 > 198.18.0.2 (about udp 198.18.0.2:80 > 10.88.0.2:4000) → net1 192.168.12.99 > 203.0.113.27
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80
            eth0 icmpv6[packet-too-big] fd88::2 > fd96:e9e5:a::2 (about udp [fd96:e9e5:a::2]:8086 > [fd88::2]:4000) → net1 2001:db8:12::99 > 2001:db8:ff::27
            """),
        new("a packet that is too long for the next link is reported to its sender", Full, """
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.27:80
            net1 udp 203.0.113.27:80 > 192.168.12.99:4000 too big → net1 too-big from 192.168.12.99
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:80 too big → eth0 too-big from 198.18.0.2
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80
            net1 udp [2001:db8:ff::27]:80 > [2001:db8:12::99]:4000 too big → net1 too-big from 2001:db8:12::99
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 too big → eth0 too-big from fd96:e9e5:a::2
            """),
        new("the node itself as a destination sees the reserved address", Full, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:22 → eth0 192.168.12.99:4000 > 192.168.12.10:8022
            eth0 tcp[syn,ack] 192.168.12.10:8022 > 192.168.12.99:4000 → eth0 198.18.0.2:22 > 10.88.0.2:4000
            eth0 tcp[ack] 10.88.0.2:4000 > 198.18.0.2:22 → eth0 192.168.12.99:4000 > 192.168.12.10:8022
            eth0 tcp 192.168.12.10:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            """),
        new("packets out of place are ignored, and reset no living flow", Full, """
            eth0 tcp[syn,ack] 10.88.0.2:4000 > 198.18.0.2:80 → dropped by local
            eth0 tcp[fin,ack] 10.88.0.2:4000 > 198.18.0.2:81 → dropped by local
            eth0 tcp[fin,ack] 10.88.0.2:4000 > 203.0.113.26:80 → eth0 prohibited from 198.18.0.2
            eth0 icmp[echo-reply] 10.88.0.2 > 198.18.0.2:1 → dropped by local
            net1 tcp[syn,ack] 203.0.113.26:80 > 192.168.12.99:4000 → dropped by local
            net1 tcp[rst] 203.0.113.26:80 > 192.168.12.99:4000 → dropped by local
            net1 icmp[echo-reply] 203.0.113.26 > 192.168.12.99:1 → dropped by local
            """),
        new("a flow that was cut is reset, not taken up again", Full, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            net1 tcp[syn,ack] 203.0.113.26:80 > 192.168.12.99:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000
            forget flows
            eth0 tcp[ack] 10.88.0.2:4000 > 198.18.0.2:80 → eth0 tcp-reset from 198.18.0.2
            net1 tcp[ack] 203.0.113.26:80 > 192.168.12.99:4000 → net1 tcp-reset from 192.168.12.99
            eth0 tcp[psh,ack] [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → eth0 tcp-reset from fd96:e9e5:a::2
            """),
        new("a client that routes past the redirect is refused", Full, """
            eth0 tcp 10.88.0.2:4000 > 203.0.113.99:80 → eth0 prohibited from 198.18.0.2
            eth0 udp 10.88.0.2:4000 > 192.168.12.20:80 → eth0 prohibited from 198.18.0.2
            eth0 icmp 10.88.0.2:1 > 192.168.12.1 → eth0 prohibited from 198.18.0.2
            eth0 tcp 10.88.0.2:4000 > 192.168.12.99:80 → eth0 tcp-reset from 192.168.12.99
            eth0 icmp 10.88.0.2:1 > 192.168.12.99 → eth0 port-unreachable from 192.168.12.99
            eth0 tcp [fd88::2]:4000 > [2001:db8:ff::99]:8086 → eth0 prohibited from fd96:e9e5:a::2
            eth0 icmpv6 [fd88::2]:1 > 2001:db8:12::99 → eth0 port-unreachable from 2001:db8:12::99
            """),
        new("a neighbour cannot speak into a flow", Full, """
            eth0 udp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.27:80
            net1 udp 203.0.113.27:80 > 192.168.12.99:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000
            net1 udp 192.168.12.20:80 > 192.168.12.99:4000 → net1 port-unreachable from 192.168.12.99
            net1 udp 203.0.113.27:81 > 192.168.12.99:4000 → net1 port-unreachable from 192.168.12.99
            net1 udp 203.0.113.27:80 > 192.168.12.98:4000 → net1 port-unreachable from 192.168.12.98
            net1 udp 203.0.113.27:80 > 10.88.0.2:4000 → dropped by rule 100
            net1 udp 10.88.0.2:4000 > 198.18.0.2:80 → dropped by spoofed
            """),

        // Before the reserved addresses are there, and when they are gone.
        new("no flow begins with an address that the router does not hold", Full, """
            without 192.168.12.99
            without 2001:db8:12::99
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → dropped by guard
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → dropped by guard
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:22 → eth0 192.168.12.99:4000 > 192.168.12.10:8022
            """),
        new("a flow that lives goes on without its address", Full, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            net1 tcp[syn,ack] 203.0.113.26:80 > 192.168.12.99:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::26]:80
            net1 tcp[syn,ack] [2001:db8:ff::26]:80 > [2001:db8:12::99]:4000 → eth0 [fd96:e9e5:a::2]:8086 > [fd88::2]:4000
            without 192.168.12.99
            without 2001:db8:12::99
            eth0 tcp[ack] 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            eth0 tcp[ack] [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::26]:80
            """),

        // The relay: its sockets take what comes in, and send what goes out.
        new("the relay is reached by its clients", Relay, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → local
            self tcp[syn,ack] 198.18.0.2:80 > 10.88.0.2:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000
            eth0 tcp[ack] 10.88.0.2:4000 > 198.18.0.2:80 → local
            net1 tcp[ack] 10.88.0.2:4000 > 198.18.0.2:80 → dropped by spoofed
            eth0 udp 192.168.12.50:4000 > 198.18.0.2:81 → local
            self udp 198.18.0.2:81 > 192.168.12.50:4000 → eth0 198.18.0.2:81 > 192.168.12.50:4000
            self udp 198.18.0.2:81 > 192.168.12.50:4001 → eth0 198.18.0.2:81 > 192.168.12.50:4001
            self udp [fd96:e9e5:a::2]:8086 > [fd88::2]:4001 → eth0 [fd96:e9e5:a::2]:8086 > [fd88::2]:4001
            eth0 tcp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → local
            self tcp[syn,ack] [fd96:e9e5:a::2]:8086 > [fd88::2]:4000 → eth0 [fd96:e9e5:a::2]:8086 > [fd88::2]:4000
            eth0 icmpv6[packet-too-big] fd88::2 > fd96:e9e5:a::2 (about tcp [fd96:e9e5:a::2]:8086 > [fd88::2]:4000) → local
            eth0 udp [fd88::2]:4000 > [fd96:e9e5:a::2]:8086 → local
            eth0 sctp 10.88.0.2:4000 > 198.18.0.2:7777 → local
            self sctp 198.18.0.2:7777 > 10.88.0.2:4000 → eth0 198.18.0.2:7777 > 10.88.0.2:4000
            eth0 sctp [fd88::2]:4000 > [fd96:e9e5:a::2]:7786 → local
            """),
        new("the relay reaches destinations from the reserved address", Relay, """
            self tcp 192.168.12.99:4000 > 203.0.113.26:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            net1 tcp[syn,ack] 203.0.113.26:80 > 192.168.12.99:4000 → local
            self tcp[ack] 192.168.12.99:4000 > 203.0.113.26:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            net1 icmp[destination-unreachable] 192.168.12.1 > 192.168.12.99 (about tcp 192.168.12.99:4000 > 203.0.113.26:80) → local
            self tcp 192.168.12.99:4000 > 192.168.12.10:8022 → eth0 192.168.12.99:4000 > 192.168.12.10:8022
            eth0 tcp[syn,ack] 192.168.12.10:8022 > 192.168.12.99:4000 → local
            self sctp 192.168.12.99:4000 > 203.0.113.28:7 → net1 192.168.12.99:4000 > 203.0.113.28:7
            net1 sctp 203.0.113.28:7 > 192.168.12.99:4000 → local
            self udp [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80
            net1 udp [2001:db8:ff::27]:80 > [2001:db8:12::99]:4000 → local
            net1 icmpv6[destination-unreachable] 2001:db8:12::1 > 2001:db8:12::99 (about udp [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80) → local
            self/eth0 udp [2001:db8:12::99]:4000 > [2001:db8:12::10]:80 → eth0 [2001:db8:12::99]:4000 > [2001:db8:12::10]:80
            eth0 udp [2001:db8:12::10]:80 > [2001:db8:12::99]:4000 → local
            self/eth0 udp 192.168.12.98:4000 > 192.168.12.10:80 → eth0 192.168.12.98:4000 > 192.168.12.10:80
            self/eth0 udp [2001:db8:12::98]:4000 > [2001:db8:12::10]:80 → eth0 [2001:db8:12::98]:4000 > [2001:db8:12::10]:80
            self/eth0 udp 192.168.12.97:4000 > 192.168.12.10:80 → dropped by guard
            self/eth0 udp [2001:db8:12::97]:4000 > [2001:db8:12::10]:80 → dropped by guard
            without 192.168.12.99
            without 2001:db8:12::99
            self tcp[ack] 192.168.12.99:4000 > 203.0.113.26:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            self tcp 192.168.12.99:4001 > 203.0.113.26:80 → dropped by guard
            self udp [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80 → net1 [2001:db8:12::99]:4000 > [2001:db8:ff::27]:80
            self udp [2001:db8:12::99]:4001 > [2001:db8:ff::27]:80 → dropped by guard
            self/eth0 udp 192.168.12.99:4002 > 192.168.12.10:80 → dropped by guard
            self/eth0 udp [2001:db8:12::99]:4002 > [2001:db8:12::10]:80 → dropped by guard
            """),
        new("SCTP reaches a relay that has a rule of it", RelayWithoutSctp, """
            eth0 sctp 10.88.0.2:4000 > 198.18.0.2:7777 → eth0 port-unreachable from 198.18.0.2
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → local
            """),
        new("what the relay has no sockets for is rejected, and who is no client", Relay, """
            eth0 icmp 10.88.0.2:1 > 198.18.0.2 → eth0 port-unreachable from 198.18.0.2
            eth0 icmp 10.88.0.2:1 > 192.168.12.99 → eth0 port-unreachable from 192.168.12.99
            eth0 icmpv6 [fd88::2]:1 > fd96:e9e5:a::2 → eth0 port-unreachable from fd96:e9e5:a::2
            eth0 icmpv6 [fd88::2]:1 > 2001:db8:12::99 → eth0 port-unreachable from 2001:db8:12::99
            eth0 tcp 10.89.0.2:4000 > 198.18.0.2:80 → eth0 tcp-reset from 198.18.0.2
            eth0 udp [fd89::2]:4000 > [fd96:e9e5:a::2]:8086 → eth0 port-unreachable from fd96:e9e5:a::2
            eth0 tcp 10.88.0.2:4000 > 192.168.12.99:80 → eth0 tcp-reset from 192.168.12.99
            eth0 udp [fd88::2]:4000 > [2001:db8:12::99]:80 → eth0 port-unreachable from 2001:db8:12::99
            eth0 tcp 10.88.0.2:4000 > 203.0.113.26:80 → eth0 prohibited from 198.18.0.2
            eth0 tcp[fin,ack] 10.88.0.2:4000 > 198.18.0.2:80 → dropped by local
            eth0 tcp[fin,ack] 10.88.0.2:4000 > 203.0.113.26:80 → eth0 prohibited from 198.18.0.2
            eth0 tcp[ack] 10.89.0.2:4001 > 198.18.0.2:80 → eth0 tcp-reset from 198.18.0.2
            refused_not_in_clients → 2
            refused_no_rule → 6
            """),

        .. ClosedByDefault("kernel", Full, "to_destination"),
        .. ClosedByDefault("relay", Relay, "marked"),

        // Nobody but clients.
        ProcessesRefused("kernel", Closed),
        ProcessesRefused("relay", ClosedRelay),
        AnswersOfTheKernel("kernel", Closed),
        AnswersOfTheKernel("relay", ClosedRelay),
        new("clients are served where processes are refused", Closed, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            net1 tcp[syn,ack] 203.0.113.26:80 > 192.168.12.99:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000
            eth0 tcp[ack] 10.88.0.2:4000 > 198.18.0.2:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            process tcp[rst] 192.168.12.99:4000 > 203.0.113.26:80 → dropped unanswered
            eth0 icmp 10.88.0.2:1 > 198.18.0.2 → net1 192.168.12.99:1 > 203.0.113.30
            """),
        new("the relay goes on where processes are refused", ClosedRelay, """
            eth0 tcp 10.88.0.2:4000 > 198.18.0.2:80 → local
            self tcp[syn,ack] 198.18.0.2:80 > 10.88.0.2:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000
            process tcp[ack] 198.18.0.2:80 > 10.88.0.2:4000 → eth0 198.18.0.2:80 > 10.88.0.2:4000
            process udp 198.18.0.2:81 > 192.168.12.50:4001 → eth0 198.18.0.2:81 > 192.168.12.50:4001
            process udp [fd96:e9e5:a::2]:8086 > [fd88::2]:4001 → eth0 [fd96:e9e5:a::2]:8086 > [fd88::2]:4001
            relay tcp 192.168.12.99:4000 > 203.0.113.26:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            net1 tcp[syn,ack] 203.0.113.26:80 > 192.168.12.99:4000 → local
            relay tcp[ack] 192.168.12.99:4000 > 203.0.113.26:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            forget flows
            relay tcp[rst] 192.168.12.99:4000 > 203.0.113.26:80 → net1 192.168.12.99:4000 > 203.0.113.26:80
            relay udp [2001:db8:12::98]:4000 > [2001:db8:ff::27]:80 → net1 [2001:db8:12::98]:4000 > [2001:db8:ff::27]:80
            relay/eth0 udp 192.168.12.99:4000 > 192.168.12.10:80 → eth0 192.168.12.99:4000 > 192.168.12.10:80
            process/eth0 udp 192.168.12.99:4001 > 192.168.12.10:80 → lo port-unreachable from 192.168.12.99
            process/eth0 udp [2001:db8:12::99]:4001 > [2001:db8:12::10]:80 → lo port-unreachable from 2001:db8:12::99
            """),
    ];

    // A RST that belongs to no flow begins none.
    private static Conversation ProcessesRefused(string datapath, TracedRouter router) => new($"processes are refused at once ({datapath})", router, """
            process tcp 192.168.12.99:4000 > 203.0.113.26:80 → lo tcp-reset from 203.0.113.26
            process udp 192.168.12.98:4000 > 203.0.113.27:80 → lo port-unreachable from 192.168.12.98
            process icmp 192.168.12.99:1 > 203.0.113.26 → lo port-unreachable from 192.168.12.99
            process icmp[echo-reply] 192.168.12.99 > 203.0.113.26:1 → dropped by local
            process tcp [2001:db8:12::99]:4000 > [2001:db8:ff::26]:80 → lo tcp-reset from 2001:db8:ff::26
            process udp [2001:db8:12::98]:4000 > [2001:db8:ff::26]:80 → lo port-unreachable from 2001:db8:12::98
            process icmpv6 [2001:db8:12::99]:1 > 2001:db8:ff::26 → lo port-unreachable from 2001:db8:12::99
            process tcp[rst] 192.168.12.99:4001 > 203.0.113.26:80 → dropped unanswered
            process tcp[rst] 192.168.12.98:4001 > 203.0.113.26:80 → dropped unanswered
            process tcp[rst] [2001:db8:12::99]:4001 > [2001:db8:ff::26]:80 → dropped unanswered
            process tcp[rst] [2001:db8:12::98]:4001 > [2001:db8:ff::26]:80 → dropped unanswered
            flows → 0
            self tcp 192.168.12.99:4000 > 203.0.113.26:80 → lo tcp-reset from 203.0.113.26
            self tcp 192.168.12.98:4000 > 203.0.113.26:80 → lo tcp-reset from 203.0.113.26
            self tcp [2001:db8:12::99]:4000 > [2001:db8:ff::26]:80 → lo tcp-reset from 2001:db8:ff::26
            self tcp [2001:db8:12::98]:4000 > [2001:db8:ff::26]:80 → lo tcp-reset from 2001:db8:ff::26
            process udp 192.168.12.99:4000 > 192.168.12.99:80 → local
            process udp [2001:db8:12::99]:4000 > [2001:db8:12::99]:80 → local
            process/net1 tcp 198.18.0.2:4000 > 203.0.113.26:80 → dropped by guard
            process/net1 tcp [fd96:e9e5:a::2]:4000 > [2001:db8:ff::26]:80 → dropped by guard
            process/net1 icmpv6[nd-neighbor-advert] 2001:db8:12::99 > ff02::1 → net1 2001:db8:12::99 > ff02::1
            process/net1 icmpv6[nd-neighbor-solicit] 2001:db8:12::99 > ff02::1:ff00:1 → net1 2001:db8:12::99 > ff02::1:ff00:1
            """);

    private static Conversation AnswersOfTheKernel(string datapath, TracedRouter router) => new($"the kernel answers where processes are refused ({datapath})", router, """
            net1 tcp 192.168.12.20:4000 > 192.168.12.99:80 → net1 tcp-reset from 192.168.12.99
            net1 udp 192.168.12.20:4000 > 192.168.12.98:80 → net1 port-unreachable from 192.168.12.98
            net1 icmp 192.168.12.20:1 > 192.168.12.99 → net1 echo-reply from 192.168.12.99
            net1 icmpv6 [2001:db8:12::20]:1 > 2001:db8:12::99 → net1 echo-reply from 2001:db8:12::99
            net1 253 2001:db8:12::20 > 2001:db8:12::99 → net1 protocol-unreachable from 2001:db8:12::99
            """);

    /// <param name="datapath">Its word.</param>
    /// <param name="router">A router with it.</param>
    /// <param name="first">The chain that asks for the source of a flow's first packet.</param>
    private static IEnumerable<Conversation> ClosedByDefault(string datapath, TracedRouter router, string first) =>
    [
        new($"a neighbour finds a host without open ports ({datapath})", router, """
            net1 tcp 192.168.12.20:4000 > 192.168.12.99:80 → net1 tcp-reset from 192.168.12.99
            net1 udp 192.168.12.20:4000 > 192.168.12.99:80 → net1 port-unreachable from 192.168.12.99
            net1 sctp 203.0.113.26:4000 > 192.168.12.98:7777 → net1 port-unreachable from 192.168.12.98
            net1 icmp 192.168.12.20:1 > 192.168.12.99 → net1 echo-reply from 192.168.12.99
            net1 icmp 192.168.12.20:1 > 192.168.12.98 → net1 echo-reply from 192.168.12.98
            net1 tcp [2001:db8:12::20]:4000 > [2001:db8:12::99]:8086 → net1 tcp-reset from 2001:db8:12::99
            net1 udp [2001:db8:12::20]:4000 > [2001:db8:12::98]:8086 → net1 port-unreachable from 2001:db8:12::98
            net1 icmpv6 [2001:db8:12::20]:1 > 2001:db8:12::99 → net1 echo-reply from 2001:db8:12::99
            net1 icmpv6 [2001:db8:12::20]:1 > 2001:db8:12::98 → net1 echo-reply from 2001:db8:12::98
            net1 udp 192.168.12.20:4000 > 224.0.0.1:80 → dropped by local
            net1 icmp 192.168.12.20:1 > 224.0.0.1 → dropped by local
            net1 tcp [fe80::20]:4000 > [fe80::99]:80 → dropped by local
            net1 icmpv6 [fe80::20]:1 > fe80::99 → dropped by local
            """),
        new($"every protocol is refused ({datapath})", router, """
            eth0 tcp 10.89.0.2:4000 > 198.18.0.2:80 → eth0 tcp-reset from 198.18.0.2
            eth0 udp 10.89.0.2:4000 > 198.18.0.2:80 → eth0 port-unreachable from 198.18.0.2
            eth0 udplite 10.89.0.2:4000 > 198.18.0.2:80 → eth0 port-unreachable from 198.18.0.2
            eth0 sctp 10.89.0.2:4000 > 198.18.0.2:80 → eth0 port-unreachable from 198.18.0.2
            eth0 dccp 10.89.0.2:4000 > 198.18.0.2:80 → eth0 port-unreachable from 198.18.0.2
            eth0 icmp 10.89.0.2:1 > 198.18.0.2 → eth0 port-unreachable from 198.18.0.2
            eth0 igmp 10.89.0.2 > 198.18.0.2 → eth0 port-unreachable from 198.18.0.2
            eth0 47 10.89.0.2 > 198.18.0.2 → eth0 port-unreachable from 198.18.0.2
            eth0 esp 10.89.0.2 > 198.18.0.2 → eth0 port-unreachable from 198.18.0.2
            eth0 ah 10.89.0.2 > 198.18.0.2 → eth0 port-unreachable from 198.18.0.2
            eth0 253 10.89.0.2 > 198.18.0.2 → eth0 protocol-unreachable from 198.18.0.2
            eth0 icmpv6 [fd89::2]:1 > fd96:e9e5:a::2 → eth0 port-unreachable from fd96:e9e5:a::2
            eth0 253 fd89::2 > fd96:e9e5:a::2 → eth0 protocol-unreachable from fd96:e9e5:a::2
            eth0 253 fd89::2 > 2001:db8:12::99 → eth0 protocol-unreachable from 2001:db8:12::99
            net1 253 2001:db8:12::20 > 2001:db8:12::99 → net1 protocol-unreachable from 2001:db8:12::99
            net1 253 2001:db8:12::20 > 2001:db8:12::98 → net1 protocol-unreachable from 2001:db8:12::98
            flows → 0
            net1 253 192.168.12.20 > 198.18.0.2 → dropped by spoofed
            eth0 253 10.89.0.2 > 203.0.113.26 → eth0 prohibited from 198.18.0.2
            """),
        new($"a neighbour that routes through the router reaches nobody ({datapath})", router, """
            net1 tcp 192.168.12.20:4000 > 203.0.113.26:80 → dropped by rule 100
            net1 udp 192.168.12.20:4000 > 10.88.0.2:80 → dropped by rule 100
            net1 icmp 192.168.12.20:1 > 198.18.0.1 → dropped by rule 100
            net1 tcp 192.168.12.20:4000 > 198.18.0.2:80 → dropped by spoofed
            net1 icmp 192.168.12.20:1 > 198.18.0.2 → dropped by spoofed
            net1 tcp [2001:db8:12::20]:4000 > [2001:db8:ff::26]:80 → dropped by rule 100
            net1 udp [2001:db8:12::20]:4000 > [fd88::2]:80 → dropped by rule 100
            net1 tcp [2001:db8:12::20]:4000 > [fd96:e9e5:a::2]:8086 → dropped by spoofed
            net1 icmpv6 [2001:db8:12::20]:1 > fd96:e9e5:a::2 → dropped by spoofed
            net1 icmpv6[nd-neighbor-solicit] 2001:db8:12::20 > fd96:e9e5:a::2 → dropped by spoofed
            """),
        new($"nobody has the router's own addresses ({datapath})", router, $$"""
            eth0 tcp 192.168.12.99:4000 > 198.18.0.2:80 → dropped by spoofed
            eth0 tcp 192.168.12.98:4000 > 198.18.0.2:80 → dropped by spoofed
            eth0 udp 198.18.0.2:4000 > 198.18.0.2:80 → dropped by spoofed
            eth0 tcp [2001:db8:12::99]:4000 > [fd96:e9e5:a::2]:8086 → dropped by spoofed
            eth0 tcp [2001:db8:12::98]:4000 > [fd96:e9e5:a::2]:8086 → dropped by spoofed
            eth0 udp [fd96:e9e5:a::2]:4000 > [fd96:e9e5:a::2]:8086 → dropped by spoofed
            net1 tcp 198.18.0.2:4000 > 192.168.12.99:80 → dropped by {{first}}
            net1 tcp 192.168.12.99:4000 > 192.168.12.98:80 → dropped by {{first}}
            net1 tcp[ack] 192.168.12.99:4000 > 192.168.12.99:80 → dropped by marked
            net1 icmp[echo-reply] 192.168.12.99 > 192.168.12.98:1 → dropped by marked
            net1 icmp 192.168.12.255:1 > 192.168.12.99 → dropped by {{first}}
            net1 tcp 192.168.12.255:4000 > 203.0.113.26:80 → dropped by {{first}}
            eth0 tcp 192.168.12.255:4000 > 198.18.0.2:80 → dropped by {{first}}
            eth0 udp 192.168.12.255:4000 > 203.0.113.26:80 → dropped by {{first}}
            eth0 tcp[ack] 192.168.12.255:4000 > 203.0.113.26:80 → dropped by marked
            net1 tcp [2001:db8:12::99]:4000 > [2001:db8:12::98]:80 → local
            net1 icmpv6[nd-neighbor-advert] 2001:db8:12::99 > ff02::1 → local
            net1 tcp 198.18.0.1:4000 > 192.168.12.99:80 → dropped by guard
            net1 tcp [fd96:e9e5:a::1]:4000 > [2001:db8:12::99]:80 → dropped by guard
            """),
        new($"another may have an address that the router does not hold yet ({datapath})", router, """
            without 192.168.12.99
            without 2001:db8:12::99
            net1 tcp 192.168.12.99:4000 > 192.168.12.98:80 → net1 tcp-reset from 192.168.12.98
            net1 tcp [2001:db8:12::99]:4000 > [2001:db8:12::98]:80 → net1 tcp-reset from 2001:db8:12::98
            """),
        new($"neighbour discovery works, router advertisements are not heard ({datapath})", router, """
            net1 icmpv6[nd-neighbor-solicit] fe80::20 > ff02::1:ff00:99 → local
            net1 icmpv6[nd-neighbor-advert] fe80::20 > 2001:db8:12::99 → local
            eth0 icmpv6[nd-neighbor-solicit] fe80::1 > fd96:e9e5:a::2 → local
            net1 icmpv6[mld-listener-query] fe80::1 > ff02::1 → local
            net1 icmpv6[nd-router-advert] fe80::1 > ff02::1 → dropped by local
            eth0 icmpv6[nd-router-advert] fe80::1 > ff02::1 → dropped unanswered
            self/net1 icmpv6[nd-neighbor-solicit] :: > ff02::1:ff00:99 → net1 :: > ff02::1:ff00:99
            self/net1 icmpv6[nd-neighbor-advert] fe80::99 > ff02::1 → net1 fe80::99 > ff02::1
            self/eth0 icmpv6[nd-neighbor-advert] fe80::99 > ff02::1 → eth0 fe80::99 > ff02::1
            self/net1 icmpv6[mld2-listener-report] fe80::99 > ff02::16 → net1 fe80::99 > ff02::16
            self/net1 icmpv6[mld-listener-report] fe80::99 > ff02::1 → net1 fe80::99 > ff02::1
            self/net1 icmpv6[mld-listener-done] fe80::99 > ff02::2 → net1 fe80::99 > ff02::2
            self/net1 icmpv6[nd-router-solicit] fe80::99 > ff02::2 → dropped by guard
            """),
        new($"the router itself speaks as a reserved address that it holds ({datapath})", router, """
            self tcp 192.168.12.98:4000 > 203.0.113.26:80 → net1 192.168.12.98:4000 > 203.0.113.26:80
            net1 tcp[syn,ack] 203.0.113.26:80 > 192.168.12.98:4000 → local
            self tcp[ack] 192.168.12.98:4000 > 203.0.113.26:80 → net1 192.168.12.98:4000 > 203.0.113.26:80
            net1 icmp[time-exceeded] 192.168.12.1 > 192.168.12.98 (about tcp 192.168.12.98:4000 > 203.0.113.26:80) → local
            self tcp [2001:db8:12::98]:4000 > [2001:db8:ff::26]:80 → net1 [2001:db8:12::98]:4000 > [2001:db8:ff::26]:80
            net1 tcp[syn,ack] [2001:db8:ff::26]:80 > [2001:db8:12::98]:4000 → local
            self tcp[ack] [2001:db8:12::98]:4000 > [2001:db8:ff::26]:80 → net1 [2001:db8:12::98]:4000 > [2001:db8:ff::26]:80
            self/net1 tcp 198.18.0.2:4000 > 203.0.113.26:80 → dropped by guard
            self/net1 tcp[rst] 198.18.0.2:80 > 10.88.0.2:4000 → dropped by guard
            self/net1 tcp[rst] [fd96:e9e5:a::2]:80 > [fd88::2]:4000 → dropped by guard
            self udp 198.18.0.2:4000 > 198.18.0.2:80 → local
            without 192.168.12.98
            without 2001:db8:12::98
            self tcp[ack] 192.168.12.98:4000 > 203.0.113.26:80 → net1 192.168.12.98:4000 > 203.0.113.26:80
            self tcp[ack] [2001:db8:12::98]:4000 > [2001:db8:ff::26]:80 → net1 [2001:db8:12::98]:4000 > [2001:db8:ff::26]:80
            self tcp 192.168.12.98:4001 > 203.0.113.26:80 → dropped by guard
            self tcp [2001:db8:12::98]:4001 > [2001:db8:ff::26]:80 → dropped by guard
            """),
    ];
}
