using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Cluster;

/// <summary>Two nodes and an etcd whose database is full: it renews leases, and writes nothing.</summary>
public sealed class FullStoreTests() : TwoNodeTest(hearEachOther: true, options: ["--quota-backend-bytes", "16777216"])
{
    [Fact]
    public void Full_database_is_said_before_it_is_needed_and_the_holder_goes_on()
    {
        StartBoth();
        string full = $"the database of etcd at {new Uri(Etcd.Endpoints[0]).Authority} is full (alarm NOSPACE), so that nothing new is agreed; compact and defragment it, then: etcdctl alarm disarm";

        Fill();

        A.WaitForWords($"\"ClusterUnwritten\" \"the router goes on here, and no other node could take it over: {full}");
        B.WaitForWords($"\"ClusterUnwritten\" \"this node cannot claim the router when it falls to it: {full}");
        AssertServes(A);

        A.Agent.Kill();
        Eventually.True("b to see that no node holds it", () => B.Message.Contains("no node holds it yet"), otherwise: () => B.Message);
        Assert.NotEqual(ProbeOutcome.Answered, Ping());
        Empty();
        B.WaitFor("active");
        AssertServes(B);
        Eventually.True("b to say that it is over", () => !B.Message.Contains("ClusterUnwritten"), otherwise: () => B.Message);
    }

    private void Fill() => Etcdctl("for key in $(seq 40); do head -c 1000000 /dev/zero | tr '\\0' x | $etcdctl put fill/$key || break; done; $etcdctl alarm list | grep NOSPACE");

    private void Empty() => Etcdctl(
        "$etcdctl del --prefix fill/; revision=$($etcdctl endpoint status --write-out=json | sed 's/.*\"revision\":\\([0-9]*\\).*/\\1/'); $etcdctl compact --physical $revision && $etcdctl defrag && $etcdctl alarm disarm");

    private void Etcdctl(string script) => Lab.Gateway.Check("sh", "-c", $"etcdctl='etcdctl --endpoints={Etcd.Endpoints[0]}'; {script}");
}
