using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Two nodes of a LAN, of which A has the higher priority, and Debian's etcd on their gateway.</summary>
public abstract class TwoNodeTest : IDisposable
{
    private protected static readonly RouterDocument Web = RouterDocument.Web("web") with { Failover = "cluster" };

    /// <param name="hearEachOther">Whether they send heartbeats.</param>
    protected TwoNodeTest(bool hearEachOther)
    {
        Requires.Agent();
        Assert.SkipUnless(PrivateBus.IsAvailable, "needs dbus-daemon(1) and busctl(1)");
        Assert.SkipUnless(EtcdMember.IsInstalled, "needs etcd(1), of Debian's etcd-server");
        Lab = new EgressLab();
        Etcd = EtcdCluster.Start(host: Lab.Gateway, address: EgressLab.GatewayAddress);
        A = new ClusterNode(Lab, Lab.Node, "a", Etcd, $"{Heartbeat(EgressLab.NodeAddress)}, priority: 200");
        B = new ClusterNode(Lab, Lab.Neighbour, "b", Etcd, Heartbeat(EgressLab.NeighbourAddress));

        string Heartbeat(string address) => hearEachOther ? $", heartbeat: {{address: {address}}}" : "";
    }

    private protected EgressLab Lab { get; }

    private protected EtcdCluster Etcd { get; }

    private protected ClusterNode A { get; }

    private protected ClusterNode B { get; }

    public void Dispose()
    {
        Lab.Dispose();
        A.Dispose();
        B.Dispose();
        Etcd.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected void StartBoth()
    {
        A.Write(Web);
        B.Write(Web);
        A.StartAgent();
        A.WaitFor("active");
        B.StartAgent();
        B.WaitFor("standby");
        Eventually.True("b to know of a", () => B.Message.Contains("the node a holds it"), otherwise: () => B.Message);
    }

    private protected void AssertServes(ClusterNode node)
    {
        Assert.Equal(EgressLab.ReservedAddress, node.Host.ProbeTcp(node.InsideAddress, 8080).SeenSource);
        Assert.Equal(ProbeOutcome.Answered, Lab.Gateway.Ping(EgressLab.ReservedAddress).Outcome);
    }

    /// <summary>While the other node serves.</summary>
    private protected void AssertSilent(PacketCapture fromA)
    {
        fromA.Clear();
        AssertServes(B);
        AssertNothingOfTheRouter(fromA);
    }

    private protected void AssertNothingOfTheRouter(PacketCapture fromA) =>
        Assert.DoesNotContain(fromA.Packets, packet => $"{packet.Source}" == EgressLab.ReservedAddress || packet.SourceMac.Equals(B.Mac));
}
