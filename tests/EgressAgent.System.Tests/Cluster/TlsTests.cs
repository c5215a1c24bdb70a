using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Two nodes and an etcd that speaks TLS: what is wrong with certificates is said, and moves nothing while the nodes hear each other.</summary>
public sealed class TlsTests() : TwoNodeTest(hearEachOther: true, withTls: true)
{
    private readonly EtcdCertificates _others = new("another authority");

    private string Etcd1 => new Uri(Etcd.Endpoints[0]).Authority;

    protected override void Dispose(bool isDisposing)
    {
        base.Dispose(isDisposing);
        _others.Dispose();
    }

    [Fact]
    public void Authority_that_has_not_signed_etcd_is_said_and_the_holder_goes_on_by_heartbeats()
    {
        StartBoth();

        // Where the standby reached etcd it would replace a holder that does not.
        B.Trust(_others);
        B.WaitForWords($"the cluster cannot be asked, so that this node takes nothing over: {WhyNot(B)}");
        A.Trust(_others);
        A.WaitForWords($"etcd cannot be asked, and the other nodes renew the claim of this one: {WhyNot(A)}");

        AssertServes(A);
        A.Trust(Etcd.Certificates!);
        A.WaitFor("active");
        B.Trust(Etcd.Certificates!);
        B.WaitFor("standby");
        AssertServes(A);
        A.Agent.WaitForLog($"WRN etcd does not renew this node of the cluster: {WhyNot(A)}");
        A.Agent.WaitForLog("over: etcd renews this node of the cluster again");

        string WhyNot(ClusterNode node) => $"etcd at {Etcd1} is not believed: its certificate is signed by test authority, which is none of those in {node.AuthorityFile}";
    }

    [Fact]
    public void Certificate_that_etcd_does_not_take_is_said_and_another_node_takes_over_from_the_holder()
    {
        StartBoth();

        A.Show(_others);

        B.WaitFor("active");
        A.WaitForWords($"etcd at {Etcd1} ends the handshake of TLS: it wants another certificate of the agent (certFile, keyFile), or speaks no TLS");
        AssertServes(B);
        A.Show(Etcd.Certificates!);
        A.WaitFor("standby");
    }
}
