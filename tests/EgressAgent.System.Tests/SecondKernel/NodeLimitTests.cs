using System.Net.Sockets;
using System.Text.RegularExpressions;
using EgressAgent.System.Tests.DataPath;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.SecondKernel;

/// <summary>
/// Limits that a whole node has, reached: the agent lives, what does not need more goes on, and all is well again once there is room.
/// </summary>
public sealed class NodeLimitTests : DataPathTest
{
    private const string Rules = """
        redirect: { redirectRules: [
          { destinationIP: 203.0.113.26, port: 80, protocol: TCP }, { destinationIP: "2001:db8:ff::26", port: 86, targetPort: 80, protocol: TCP } ] }
        """;

    public NodeLimitTests(DataPathTest.Fixture fixture)
        : base(fixture) => Requires.OwnKernel();

    // The number is one for the node; what is counted against it is each router's own.
    [Fact]
    public void Full_connection_table_holds_up_new_flows_of_that_router_alone()
    {
        const int Limit = 40;
        ObservedRouter full = Apply("full", 90);
        ObservedRouter other = Apply("other", 91);
        using EchoedTransfer kept = EchoedTransfer.Start(Lab.Client, full.InsideAddress!, 80);
        kept.WaitForBlocks(10);
        using (new NodeLimit("net/netfilter/nf_conntrack_max", Limit))
        {
            List<Socket> flows = [];
            try
            {
                SocketException silence = Assert.Throws<SocketException>(() =>
                {
                    while (flows.Count < Limit)
                    {
                        flows.Add(Lab.Client.OpenTcp(full.InsideAddress!, 80));
                    }
                });
                Assert.Equal(SocketError.TimedOut, silence.SocketErrorCode);
                Assert.InRange(flows.Count, Limit / 2, Limit - 1);
                kept.WaitForBlocks(10);
                AssertReached(Lab.Client.ProbeTcp(other.InsideAddress!, 80), "192.168.12.91", "203.0.113.26:80");
                WaitForWords($"default/full: in force, but .* packets of new connections were dropped, as connection tracking is full: .*net.netfilter.nf_conntrack_max gives {Limit}");
                WaitForStatus("1 router active, 1 degraded: default/full");
            }
            finally
            {
                flows.ForEach(flow => flow.Dispose());
            }
        }

        AssertReached(Lab.Client.ProbeTcp(full.InsideAddress!, 80), "192.168.12.90", "203.0.113.26:80");
        kept.WaitForBlocks(10);
        WaitForWords("default/full: over: .*connection tracking is full");
        WaitForStatus("2 routers active");
    }

    [Theory]
    [InlineData("ipv4")]
    [InlineData("ipv6")]
    public void Full_neighbour_table_is_outlived(string family)
    {
        bool isV6 = family == "ipv6";
        (string inside, int port) = isV6 ? (DataPathLab.Inside6, 86) : (DataPathLab.Inside, 80);
        ObservedRouter router = Apply("web", 90);
        LabHost crowd = Lab.AddHost($"crowd{family}");
        Lab.Neighbour.ConnectTo(crowd, $"crowd{family}", "eth0");
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, inside, port);
        transfer.WaitForBlocks(10);
        using (new NodeLimit($"net/{family}/neigh/default/gc_thresh2", 30))
        using (new NodeLimit($"net/{family}/neigh/default/gc_thresh3", 30))
        {
            for (int round = 0; round < 5; round++)
            {
                // What is younger than five seconds is not thrown out for others.
                InvalidOperationException full = Assert.Throws<InvalidOperationException>(() => crowd.IpBatch(
                [
                    .. Enumerable.Range(1, 40).Select(number =>
                        $"neighbour replace {(isV6 ? "2001:db8:77::" : "10.77.0.")}{number} lladdr 02:00:00:00:00:0{round} dev eth0 nud reachable"),
                ]));
                Assert.Contains("No buffer space available", full.Message);

                // Its exit code says whether traffic made entries anew meanwhile, which is what it does.
                Command.Run("ip", "-n", router.NetworkNamespace, "neighbour", "flush", "all");
                Lab.Client.ProbeTcp(inside, port, Silence);
            }

            WaitForWords($"ERR net.{family}.neigh.default.gc_thresh3: the table of {(isV6 ? "ND" : "ARP")} neighbours, .*is full: it has .* of 30 entries");
            WaitForStatus($"net.{family}.neigh.default.gc_thresh3");
        }

        transfer.WaitForBlocks(10);
        Eventually.Holds(() => AssertReached(
            Lab.Client.ProbeTcp(inside, port), isV6 ? "2001:db8:12::90" : "192.168.12.90", isV6 ? "[2001:db8:ff::26]:80" : "203.0.113.26:80"));
        WaitForWords($"INF net.{family}.neigh.default.gc_thresh3: nothing is turned away any more");
        WaitForStatus("1 router active");
        Lab.Agent.WaitForThreadsAtHome();
    }

    [Fact]
    public void Neighbour_table_that_is_small_for_the_routers_is_told_of_before_it_is_full()
    {
        Apply("web", 90);
        using (new NodeLimit("net/ipv4/neigh/default/gc_thresh3", 3))
        {
            WaitForWords("WRN net.ipv4.neigh.default.gc_thresh3: 1 router needs about 3 entries of the table of ARP neighbours, .*it takes 3; .*gc_thresh2=4 .*gc_thresh3=8");
        }

        WaitForWords("INF net.ipv4.neigh.default.gc_thresh3: there is room enough for the routers again");
    }

    [Fact]
    public void Agent_that_runs_follows_its_files_whatever_inotify_instances_are_left()
    {
        Apply("web", 90);
        using NodeLimit none = new("fs/inotify/max_user_instances", 0);

        ObservedRouter other = Apply("other", 91);

        AssertServes();
        AssertReached(Lab.Client.ProbeTcp(other.InsideAddress!, 80), "192.168.12.91", "203.0.113.26:80");
    }

    private ObservedRouter Apply(string name, int number) => Lab.Apply(
        name, $$"""addresses: [ { ip: 192.168.12.{{number}}/24 }, { ip: "2001:db8:12::{{number}}/64" } ], {{Rules}}""");

    private void AssertServes() => AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), "192.168.12.90", "203.0.113.26:80");

    // The agent looks every ten seconds, and lets two looks go by before it says that something is over.
    private void WaitForWords(string pattern) => Eventually.True(
        pattern, () => Regex.IsMatch(Lab.Agent.Log, pattern), TimeSpan.FromSeconds(60), otherwise: () => Lab.Agent.Log);

    private void WaitForStatus(string status) =>
        Eventually.True($"the status '{status}'", () => Lab.Agent.Status.Contains(status), otherwise: () => $"{Lab.Agent.Status}\n{Lab.Agent.Log}");
}
