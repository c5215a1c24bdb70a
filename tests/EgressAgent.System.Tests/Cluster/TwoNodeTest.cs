using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Two nodes of a LAN, of which A has the higher priority, and Debian's etcd on their gateway.</summary>
public abstract class TwoNodeTest : IDisposable
{
    private protected static readonly RouterDocument Web = RouterDocument.Web("web") with { Failover = "cluster" };

    /// <param name="hearEachOther">Whether they send heartbeats.</param>
    /// <param name="members">How many etcd has.</param>
    /// <param name="withTls">Whether etcd and the agents show each other certificates.</param>
    /// <param name="options">More of etcd(1).</param>
    protected TwoNodeTest(bool hearEachOther, int members = 1, bool withTls = false, params IReadOnlyList<string> options)
    {
        Requires.Agent();
        Assert.SkipUnless(PrivateBus.IsAvailable, "needs dbus-daemon(1) and busctl(1)");
        Assert.SkipUnless(EtcdMember.IsInstalled, "needs etcd(1), of Debian's etcd-server");
        Lab = new EgressLab();
        Etcd = EtcdCluster.Start(members, Lab.Gateway, EgressLab.GatewayAddress, withTls ? new EtcdCertificates(address: EgressLab.GatewayAddress) : null, options);
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
        Dispose(isDisposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool isDisposing)
    {
        Lab.Dispose();
        A.Dispose();
        B.Dispose();
        Etcd.Dispose();
        Etcd.Certificates?.Dispose();
    }

    /// <summary>Starts both, of which A holds the router.</summary>
    /// <param name="launcher">Of A's agent.</param>
    private protected void StartBoth(params IReadOnlyList<string> launcher)
    {
        A.Write(Web);
        B.Write(Web);
        A.StartAgent(launcher);
        A.WaitFor("active");
        B.StartAgent();
        B.WaitFor("standby");
        Eventually.True("b to know of a", () => B.Message.Contains("the node a holds it"), otherwise: () => B.Message);
    }

    /// <summary>Lets nothing of this pass the node, in or out.</summary>
    private protected static void Drop(ClusterNode node, string what) => node.Host.Check(
        "nft", $"add table inet cut; add chain inet cut output {{ type filter hook output priority 0; }}; add rule inet cut output {what} drop; add chain inet cut input {{ type filter hook input priority 0; }}; add rule inet cut input {what} drop");

    /// <summary>The end of <see cref="Drop"/>.</summary>
    private protected static void Allow(ClusterNode node) => node.Host.Check("nft", "delete table inet cut");

    private protected ProbeOutcome Ping() => Lab.Gateway.Ping(EgressLab.ReservedAddress, TimeSpan.FromMilliseconds(300)).Outcome;

    /// <summary>A machine with too much to do may let the fence lapse for a moment.</summary>
    private protected void AssertServes(ClusterNode node) => Eventually.True(
        $"{node} to serve",
        () => node.Host.ProbeTcp(node.InsideAddress, 8080).SeenSource == EgressLab.ReservedAddress && Ping() == ProbeOutcome.Answered,
        otherwise: () => $"{node.Message}\n{node.Agent.Log}");

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
