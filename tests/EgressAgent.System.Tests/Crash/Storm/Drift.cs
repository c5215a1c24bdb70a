using EgressAgent.System.Tests.DataPath;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Crash.Storm;

/// <summary>What others do to a router's part of the kernel, as commands. What is not there cannot be damaged, and is not missed.</summary>
internal static class Drift
{
    /// <summary>An address that nobody reserved. It is of whoever adds it, and stays.</summary>
    internal const string Address = "192.168.12.150";

    /// <summary>Does not touch a packet of a router's flows, and has to be repaired without touching one.</summary>
    internal static readonly IReadOnlyList<string> Harmless =
    [
        $"ip -n ROUTER address add {Address}/32 dev net1",
        "ip -n ROUTER route add 10.77.0.0/16 via 192.168.12.1 dev net1",
        "ip -n ROUTER rule add priority 200 lookup main",
        "ip -n ROUTER rule delete priority 32767",
        "ip -n NODE link property delete dev LINK altname egress.default.NAME",
        "ip -n NODE route flush type unreachable",
        "inside nft add rule inet egress_agent guard counter",
        "inside nft add element inet egress_agent redirects_ip { tcp . 9999 : 203.0.113.26 . 80 }",
        "inside nft delete element inet egress_agent redirects_ip { tcp . 9998 }",
        "inside nft add counter inet egress_agent strangers",
    ];

    /// <summary>Takes something away that flows need.</summary>
    internal static readonly IReadOnlyList<string> Harmful =
    [
        "ip -n ROUTER link delete net1",
        "ip -n ROUTER link delete eth0",
        "ip -n ROUTER link set net1 down",
        "ip -n ROUTER link set eth0 down",
        "ip -n ROUTER link set lo down",
        "ip -n ROUTER link set net1 group 0",
        "ip -n ROUTER link set eth0 group 0",
        "ip -n ROUTER link set net1 mtu 1400",
        "ip -n ROUTER link set net1 address 02:00:5e:00:00:01",
        "ip -n ROUTER address flush dev net1",
        "ip -n ROUTER address flush dev eth0",
        "ip -n ROUTER route flush table main",
        "ip -n ROUTER route flush table 100",
        "ip -n ROUTER -6 route flush table main",
        "ip -n ROUTER rule flush",
        "ip -n NODE link delete LINK",
        "ip -n NODE link set LINK down",
        "ip -n NODE address flush dev LINK",
        "ip -n NODE route flush dev LINK",
        "ip netns delete ROUTER",
        "umount --lazy /run/netns/ROUTER",
    ];

    /// <summary>Takes away what keeps unwanted sources off the network, so that until the repair the router answers for nothing.</summary>
    internal static readonly IReadOnlyList<string> Unguarding =
    [
        "inside nft flush ruleset",
        "inside nft delete table inet egress_agent",
        "inside nft flush chain inet egress_agent guard",
    ];

    internal static void Do(string command, DataPathLab lab, string router, string nodeLink)
    {
        string netns = new ObservedRouter(router).NetworkNamespace;
        string line = command.Replace("NODE", lab.Node.Namespace).Replace("ROUTER", netns).Replace("LINK", nodeLink).Replace("NAME", router);
        Command.Run(["sh", "-c", line.Replace("inside nft ", $"nsenter --net=/run/netns/{netns} nft ").Replace("{", "'{").Replace("}", "}'")]);
    }
}
