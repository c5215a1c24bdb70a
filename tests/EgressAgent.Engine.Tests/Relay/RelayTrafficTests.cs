using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Relay;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Tests.Relay;

// A connection through an engine's relay, behind its ruleset.
[Collection(nameof(RelayTests))]
public sealed class RelayTrafficTests : IDisposable
{
    private static readonly byte[] Hello = "hello"u8.ToArray();

    private readonly RelayHost _host = new();
    private readonly RedirectEngine _engine;
    private readonly RelayLab _lab;
    private readonly RedirectPlan _plan;
    private readonly Socket _listener;
    private readonly Socket _client;
    private readonly Socket _server;

    public RelayTrafficTests(RelayLab.Fixture fixture)
    {
        _lab = fixture.Lab;
        _engine = new RedirectEngine(Example.Key, _host);
        _listener = _lab.Listen();
        var destination = (IPEndPoint)_listener.LocalEndPoint!;
        _plan = new RedirectPlan
        {
            Key = Example.Key,
            Datapath = DatapathKind.Relay,
            Families = [new FamilyRedirect(RelayLab.Inside, RelayLab.Source, [RelayLab.Source], Fallback: null)],
            Rules = [RelayLab.Tcp(8080, destination), RelayLab.Udp(53, destination)],
        };
        _engine.Apply(_plan, _lab.Router);
        _client = _lab.Connect(8080);
        _server = _listener.Accept();
        _client.Send(Hello);
        Assert.Equal(Hello.Length, _server.Receive(new byte[Hello.Length]));
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
        _listener.Dispose();
        _host.Dispose();
        _lab.RouterHost.Run("nft", "delete", "table", "inet", "egress_agent");
    }

    [Fact]
    public void Connection_is_counted_and_listed_with_both_its_ends()
    {
        var seen = new SeenFlows();
        RouterTraffic traffic = _host.ReadTraffic(_plan, seen);

        Assert.Equal([new FlowCount("TCP", 1)], traffic.FlowCounts);
        Assert.Equal(traffic, _host.ReadTraffic(_plan));
        Assert.Equal([new RuleTraffic(_plan.Rules[0], 1, new TrafficVolume((ulong)Hello.Length, 0, 0, 0)), new RuleTraffic(_plan.Rules[1], 0, default)], traffic.Rules);
        RouterFlow flow = Assert.Single(seen.Flows);
        Assert.InRange(flow.Start!.Value, DateTimeOffset.UtcNow - TimeSpan.FromMinutes(1), DateTimeOffset.UtcNow);
        Assert.Equal(
            new RouterFlow(
                "TCP",
                (IPEndPoint)_client.LocalEndPoint!,
                new IPEndPoint(RelayLab.Inside, 8080),
                (IPEndPoint)_server.RemoteEndPoint!,
                (IPEndPoint)_listener.LocalEndPoint!,
                (ulong)Hello.Length,
                0)
            {
                Start = flow.Start,
            },
            flow);
    }

    [Fact]
    public void What_a_rule_carried_that_went_stays_the_routers()
    {
        _server.Send(Hello);
        Assert.Equal(Hello.Length, _client.Receive(new byte[Hello.Length]));
        var carried = new TrafficVolume((ulong)Hello.Length, (ulong)Hello.Length, 0, 0);
        Assert.Equal(carried, _host.ReadTraffic(_plan).Volume);

        RedirectPlan less = _plan with { Rules = [_plan.Rules[1]] };
        _engine.Apply(less, _lab.Router);

        Assert.Equal(carried, _host.ReadTraffic(less).Volume);
    }

    [Fact]
    public async Task Drain_counts_what_did_not_end_in_time_and_that_goes_on()
    {
        Assert.Equal(1, await _host.DrainAsync(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken));

        Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => _lab.Connect(8080)).SocketErrorCode);
        _server.Send(Hello);
        Assert.Equal(Hello.Length, _client.Receive(new byte[Hello.Length]));
    }

    [Fact]
    public async Task Drain_ends_with_the_last_connection()
    {
        Task<int> drained = _host.DrainAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

        _client.Dispose();
        _server.Dispose();

        Assert.Equal(0, await drained);
    }

    [Fact]
    public void Change_to_the_kernel_datapath_resets_both_ends()
    {
        _engine.Apply(_plan with { Datapath = DatapathKind.Kernel }, _lab.Router);

        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() => _client.Receive(new byte[1])).SocketErrorCode);
        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() => _server.Receive(new byte[1])).SocketErrorCode);
    }

    private sealed class SeenFlows : IFlowVisitor
    {
        internal List<RouterFlow> Flows { get; } = [];

        public void Expect(int count)
        {
        }

        public void Visit(in LivingFlow flow) => Flows.Add(flow.ToRouterFlow());
    }
}
