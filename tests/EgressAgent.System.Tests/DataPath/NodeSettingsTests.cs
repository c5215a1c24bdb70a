using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>What the node's sysctl.d says of flows and connections holds in its routers, which the kernel begins with values of its own.</summary>
public sealed class NodeSettingsTests : IDisposable
{
    private const string Router = """
        addresses: [ { ip: 192.168.12.99/24 } ], redirect: { redirectRules: [ { destinationIP: 203.0.113.26, port: 80, protocol: TCP } ] }
        """;

    private readonly DataPathLab _lab = new("relay");

    public void Dispose() => _lab.Dispose();

    [Fact]
    public void Router_has_the_nodes_settings_from_its_beginning_and_follows_them()
    {
        Set("net.netfilter.nf_conntrack_tcp_timeout_established=4321", "net.ipv4.tcp_keepalive_time=123", "net.core.somaxconn=777");
        ObservedRouter router = _lab.Apply("web", Router);

        AssertHas(router, "net.netfilter.nf_conntrack_tcp_timeout_established", "4321");
        AssertHas(router, "net.ipv4.tcp_keepalive_time", "123");
        AssertHas(router, "net.core.somaxconn", "777");

        // Nobody has chosen which ports are for outgoing connections.
        AssertHas(router, "net.ipv4.ip_local_port_range", "1024\t65535");

        Set("net.ipv4.ip_local_port_range=20000 29999", "net.netfilter.nf_conntrack_udp_timeout=44");
        Eventually.Holds(() =>
        {
            AssertHas(router, "net.ipv4.ip_local_port_range", "20000\t29999");
            AssertHas(router, "net.netfilter.nf_conntrack_udp_timeout", "44");
        });

        _lab.EndAgent(isKilled: false);
        Set("net.netfilter.nf_conntrack_udp_timeout=45");
        Eventually.True("the next agent", () => _lab.Agent.Status.StartsWith("1 router active"));
        Eventually.Holds(() => AssertHas(router, "net.netfilter.nf_conntrack_udp_timeout", "45"));
    }

    [Fact]
    public void Relay_asks_silent_peers_when_the_node_says()
    {
        _lab.Server.ServeTcp(DataPathLab.Web, 80);
        Set("net.ipv4.tcp_keepalive_time=50");
        ObservedRouter router = _lab.Apply("web", Router);
        using Socket client = _lab.Client.OpenTcp(DataPathLab.Inside, 80);
        Assert.NotEqual(0, client.Receive(new byte[256]));

        // The relay sets what a connection that lasts needs a moment later.
        Eventually.Holds(() =>
        {
            string[] timers = Command.Check("ip", "netns", "exec", router.NetworkNamespace, "ss", "-Htno", "state", "established").Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(2, timers.Length);
            Assert.All(timers, timer => Assert.Matches(@"timer:\(keepalive,(50|4[0-9])", timer));
        });
    }

    private void Set(params IReadOnlyList<string> settings) => _lab.Node.Check(["sysctl", "-qw", .. settings]);

    private static void AssertHas(ObservedRouter router, string setting, string value) =>
        Assert.Equal(value, Command.Check("ip", "netns", "exec", router.NetworkNamespace, "sysctl", "-n", setting).TrimEnd('\n'));
}
