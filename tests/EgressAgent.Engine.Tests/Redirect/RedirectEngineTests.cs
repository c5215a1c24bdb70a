using System.Net;
using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Relay;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Nftables;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Redirect;

// One router's engine with both datapaths, in a namespace of its own.
public sealed class RedirectEngineTests : IDisposable
{
    private static readonly RedirectPlan Relayed = Plans.All["relay"];

    private readonly ScratchNamespace _scratch = ScratchNamespace.Create();
    private readonly RelayHost _host = new();
    private readonly RedirectEngine _engine;

    public RedirectEngineTests() => _engine = NewEngine();

    public void Dispose()
    {
        _host.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void Relay_plan_is_in_force_with_its_sockets()
    {
        _engine.Apply(Relayed, Netns);

        Assert.Equal(Relayed, _engine.Observe(Netns));
        Assert.Empty(_engine.Shortcomings);
        Assert.Equal((1, 1), Sockets());
    }

    [Fact]
    public void Change_of_datapath_closes_the_sockets_and_replaces_the_table()
    {
        _engine.Apply(Relayed, Netns);

        _engine.Apply(Plans.Example, Netns);

        Assert.Equal(Plans.Example, _engine.Observe(Netns));
        Assert.Equal((0, 0), Sockets());
        _engine.Apply(Relayed, Netns);
        Assert.Equal(Relayed, _engine.Observe(Netns));
        Assert.Equal((1, 1), Sockets());
    }

    [Fact]
    public void Flows_of_another_node_are_restored_that_the_plan_would_have_made_whatever_the_kernel_says_to_others()
    {
        _engine.Apply(Plans.All["external"], Netns);
        using ConntrackTable table = ConntrackTable.Open(Netns);
        ConntrackEntry good = Flow("192.168.12.20", 1);
        ConntrackEntry stale = Flow("192.168.12.20", 2);
        Assert.True(table.Restore(stale));

        (int count, LinuxException? refusal) = _engine.Restore(
            [Flow("192.168.12.20", 3) with { Connection = new ConntrackConnection(99) }, good, stale with { Timeout = TimeSpan.FromSeconds(3000) }, Flow("10.0.0.1", 4)], Netns);

        Assert.Equal(2, count);
        Assert.Contains("restore flow", refusal!.Message);
        Assert.Equal([1, 2], table.GetFlows().Select(flow => (int)flow.Original.SourcePort!).Order());
        Assert.True(table.Find(stale.Original)!.Timeout > TimeSpan.FromSeconds(2000), "the entry of before is there");
    }

    [Fact]
    public void Relay_restores_no_flow()
    {
        _engine.Apply(Plans.All["relay-external"], Netns);

        Assert.Equal((0, null), _engine.Restore([Flow("192.168.12.20", 1)], Netns));
    }

    [Fact]
    public void Edited_rule_leaves_the_table_alone()
    {
        _engine.Apply(Relayed, Netns);
        string before = Table();

        _engine.Apply(Relayed with { Rules = [Example.Rule(53, "203.0.113.28", 53, TransportProtocol.UDP)] }, Netns);

        Assert.Equal(before, Table());
    }

    [Fact]
    public void Table_that_somebody_touched_is_seen_and_repaired()
    {
        _engine.Apply(Relayed, Netns);
        string before = Table();
        using NftContext nft = NftContext.Open(Netns);
        nft.Run("flush chain inet egress_agent guard");
        Assert.Null(_engine.Observe(Netns));

        _engine.Apply(Relayed, Netns);

        Assert.Equal(before.Split('\n').Length, Table().Split('\n').Length);
        Assert.Equal(Relayed, _engine.Observe(Netns));
    }

    [Fact]
    public void Rule_that_the_relay_cannot_serve_is_a_shortcoming_and_the_others_are_in_force()
    {
        RedirectPlan plan = Relayed with { Rules = [.. Relayed.Rules, Example.Rule(9000, "203.0.113.26", 9000, TransportProtocol.SCTP)] };

        _engine.Apply(plan, Netns);

        Assert.Equal(plan, _engine.Observe(Netns));
        PlanProblem problem = Assert.Single(_engine.Shortcomings);
        Assert.Equal(PlanReasons.NotSupportedByDatapath, problem.Reason);
        Assert.StartsWith("9000/SCTP is not served: ", problem.Message);
        _engine.Apply(Plans.Example, Netns);
        Assert.Empty(_engine.Shortcomings);
    }

    [Fact]
    public void Relay_of_an_earlier_engine_is_taken_over()
    {
        _engine.Apply(Relayed, Netns);
        RedirectEngine next = NewEngine();
        Assert.Null(next.Observe(Netns));

        next.Apply(Relayed, Netns);

        Assert.Equal(Relayed, next.Observe(Netns));
        Assert.Equal((1, 1), Sockets());
    }

    [Fact]
    public void Relay_in_another_namespace_is_not_in_force()
    {
        _engine.Apply(Relayed, Netns);
        using ScratchNamespace other = ScratchNamespace.Create();
        Assert.Null(_engine.Observe(other.Namespace));

        _engine.Apply(Relayed, other.Namespace);

        Assert.Equal(Relayed, _engine.Observe(other.Namespace));
        Assert.Equal((0, 0), Sockets());
    }

    [Fact]
    public void Stopped_relay_is_not_in_force_and_carries_nothing()
    {
        _engine.Apply(Relayed, Netns);

        _engine.Stop();

        Assert.Null(_engine.Observe(Netns));
        Assert.Equal((0, 0), Sockets());
    }

    [Fact]
    public void Traffic_has_every_rule_of_the_plan_also_when_no_relay_runs()
    {
        Assert.Equal(Relayed.Rules.Select(rule => new RuleTraffic(rule, 0, default)), _host.ReadTraffic(Relayed).Rules);
        _engine.Apply(Relayed, Netns);

        RouterTraffic traffic = _host.ReadTraffic(Relayed);

        Assert.Equal(Relayed.Rules.Select(rule => new RuleTraffic(rule, 0, default)), traffic.Rules);
        Assert.Empty(traffic.FlowCounts);
    }

    private NetworkNamespace Netns => _scratch.Namespace;

    private RedirectEngine NewEngine() => new(Example.Key, _host);

    private string Table()
    {
        using NftContext nft = NftContext.Open(Netns);
        return nft.RunText("list table inet egress_agent", NftOutput.Handles);
    }

    // TCP listeners and UDP sockets. All TCP rules share a listener.
    private (int Tcp, int Udp) Sockets() => (Count("tcp"), Count("udp"));

    private int Count(string protocol) =>
        Command.Check("nsenter", $"--net=/run/netns/{_scratch.Name}", "--", "ss", "-Hnl", $"--{protocol}")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;

    // From a client to the external address of the plan, established.
    private static ConntrackEntry Flow(string client, ushort port) => new(
        new ConntrackTuple(6, IPAddress.Parse(client), IPAddress.Parse("192.168.12.97")) { SourcePort = port, DestinationPort = 80 },
        new ConntrackTuple(6, IPAddress.Parse("203.0.113.26"), IPAddress.Parse("192.168.12.99")) { SourcePort = 80, DestinationPort = port })
    {
        Status = ConntrackStatus.SeenReply | ConntrackStatus.Assured | ConntrackStatus.DestinationNat,
        Mark = PacketMarks.FromLan,
        Timeout = TimeSpan.FromSeconds(60),
        Connection = new ConntrackConnection(3),
    };
}
