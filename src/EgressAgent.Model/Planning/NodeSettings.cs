namespace EgressAgent.Model.Planning;

/// <summary>
/// The kernel settings of the node that hold in its routers too. A network namespace begins with the kernel's own, whatever the node's
/// sysctl.d says.
/// </summary>
/// <remarks>Source: Documentation/networking/ip-sysctl.rst, nf_conntrack-sysctl.rst.</remarks>
public static class NodeSettings
{
    private const string PortRange = "net/ipv4/ip_local_port_range";

    // What the kernel has where nobody chose.
    private const string UnchosenPortRange = "32768\t60999";
    private const string WidestPortRange = "1024\t65535";

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Keys { get; } =
    [
        // How long connection tracking remembers a flow that is silent.
        .. new[] { "syn_sent", "syn_recv", "established", "fin_wait", "close_wait", "last_ack", "time_wait", "close", "max_retrans", "unacknowledged" }
            .Select(state => $"net/netfilter/nf_conntrack_tcp_timeout_{state}"),
        .. new[] { "closed", "cookie_wait", "cookie_echoed", "established", "shutdown_sent", "shutdown_recd", "shutdown_ack_sent", "heartbeat_sent" }
            .Select(state => $"net/netfilter/nf_conntrack_sctp_timeout_{state}"),
        .. new[] { "udp_timeout", "udp_timeout_stream", "icmp_timeout", "icmpv6_timeout", "gre_timeout", "gre_timeout_stream", "generic_timeout" }
            .Select(name => $"net/netfilter/nf_conntrack_{name}"),

        // How TCP finds out that a peer is gone, and how many clients may wait: for the relay's sockets.
        "net/ipv4/tcp_keepalive_time",
        "net/ipv4/tcp_keepalive_intvl",
        "net/ipv4/tcp_keepalive_probes",
        "net/ipv4/tcp_retries2",
        "net/ipv4/tcp_syn_retries",
        "net/ipv4/tcp_synack_retries",
        "net/ipv4/tcp_fin_timeout",
        "net/ipv4/tcp_max_syn_backlog",
        "net/core/somaxconn",
        PortRange,
    ];

    /// <summary>
    /// What a router has of them. Where nobody has chosen the ports of outgoing connections, it may use all that need no privilege: its
    /// reserved address belongs to nobody else, and each destination takes one connection for each port.
    /// </summary>
    /// <param name="node">The node's.</param>
    public static IEnumerable<SysctlEntry> OfRouter(IEnumerable<SysctlEntry> node) =>
        node.Select(entry => entry is { Key: PortRange, Value: UnchosenPortRange } ? entry with { Value = WidestPortRange } : entry);
}
