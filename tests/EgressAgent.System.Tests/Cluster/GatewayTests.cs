using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Two nodes that hear each other, and a gateway that answers one of them, or none.</summary>
public sealed class GatewayTests() : TwoNodeTest(hearEachOther: true)
{
    private const string Silent = $"the IPv4 gateway {EgressLab.GatewayAddress} does not answer ARP on the network of eth0; ";

    [Fact]
    public void Holder_to_whom_the_gateway_does_not_answer_gives_way_to_a_node_to_which_it_does()
    {
        StartBoth();
        B.WaitForWords($"\"GatewayAnswers\" \"the IPv4 gateway {EgressLab.GatewayAddress} answers, asked from eth0 with the MAC of the node\"");

        KeepFromGateway(A);

        B.WaitFor("active");
        AssertServes(B);
        A.Agent.WaitForLog("WRN default/web: its gateway does not answer this node, and answers b: the router is left to that one");
        A.WaitForWords($"{Silent}look whether it is up and has that address; this node takes the router over after all nodes to which it answers");
        Let(A);
        A.WaitFor("standby");
        AssertServes(B);
    }

    [Fact]
    public void Gateway_that_answers_nobody_moves_nothing_and_no_standby_asks_with_the_MAC_of_the_router()
    {
        StartBoth();
        using PacketCapture fromB = Lab.Lan.CaptureFrom(B.Host);
        KeepFromGateway(B);
        B.WaitForWords(Silent);

        KeepFromGateway(A);

        A.WaitForWords(Silent);
        Assert.Equal("s \"a\"", A.Property("Holder"));
        Assert.DoesNotContain("is left to that one", A.Agent.Log);
        Assert.DoesNotContain(fromB.Packets, packet => packet.SourceMac.Equals(B.Mac));
        Assert.Contains(fromB.Packets, packet => packet is { Protocol: PacketProtocol.Arp, Kind: 1 });
    }

    // The way to etcd, which is there too, stays.
    private void KeepFromGateway(ClusterNode node)
    {
        node.Host.Ip($"neigh replace {EgressLab.GatewayAddress} lladdr {MacOfGateway} dev eth0 nud permanent");
        node.Host.Check("nft", $"add table netdev cut; add chain netdev cut in {{ type filter hook ingress device eth0 priority 0; }}; add rule netdev cut in arp saddr ip {EgressLab.GatewayAddress} drop");
    }

    private static void Let(ClusterNode node) => node.Host.Check("nft", "delete table netdev cut");

    private string MacOfGateway => Lab.Gateway.Check("ip", "-oneline", "link", "show", "dev", "lan").Split("link/ether ")[1].Split(' ')[0];
}
