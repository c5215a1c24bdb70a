namespace EgressAgent.Testing.Lab;

/// <summary>
/// The documented example built with <c>ip</c> and <c>nft</c> by hand, as an administrator without the agent would: it proves the lab,
/// and it is what the agent's datapath is measured against.
/// </summary>
public sealed class HandMadeRouter : IDisposable
{
    private const string Ruleset =
        """
        table ip by_hand {
            chain prerouting {
                type nat hook prerouting priority dstnat
                iifname "eth0" ip daddr 198.18.0.2 dnat to meta l4proto . th dport map {
                    udp . 80 : 10.0.0.99 . 80, tcp . 8080 : 203.0.113.26 . 80, tcp . 8443 : 203.0.113.27 . 443 }
            }
            chain postrouting {
                type nat hook postrouting priority srcnat
                oifname "net1" snat to 192.168.12.99
            }
            chain forward {
                type filter hook forward priority filter; policy drop
                iifname "eth0" oifname "net1" ct status dnat accept
                iifname "net1" oifname "eth0" ct state established,related accept
            }
        }
        """;

    private readonly string _namespace;

    public HandMadeRouter(EgressLab lab)
    {
        LabHost node = lab.Node;
        _namespace = node.Namespace + "-router";
        Command.Check("ip", "netns", "add", _namespace);
        try
        {
            node.Ip($"link add egr-hand type veth peer name eth0 netns {_namespace}");
            node.Ip("address add 198.18.0.1/32 dev egr-hand");
            node.Ip("link set egr-hand up");
            node.Ip("route add 198.18.0.2 dev egr-hand src 198.18.0.1");
            node.Ip($"link add net1 link eth0 netns {_namespace} type macvlan mode bridge");
            Inside("nft", Ruleset);
            Inside("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward");
            Ip("link set lo up");
            Ip("address add 198.18.0.2/16 dev eth0");
            Ip("link set eth0 up");
            Ip("route add default via 198.18.0.1 dev eth0 table 100");
            Ip("rule add iif net1 table 100");
            Ip("address add 192.168.12.99/24 dev net1");
            Ip("link set net1 up");
            Ip("route add 192.168.12.1 dev net1 scope global");
            Ip("route add default via 192.168.12.1 dev net1");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void Dispose() => Command.Run("ip", "netns", "del", _namespace);

    private void Ip(string arguments) => Command.Check(["ip", "-n", _namespace, .. LabHost.Words(arguments)]);

    private void Inside(params IReadOnlyList<string> words) => Command.Check(["nsenter", "--net=/run/netns/" + _namespace, "--", .. words]);
}
