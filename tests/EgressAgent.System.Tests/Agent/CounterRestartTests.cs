using System.Net;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>What routers have counted goes on over restarts of the agent, and each refusal has its reason.</summary>
public abstract class CounterRestartTests : AgentTest
{
    private const int Port = 9817;
    private const int DatagramBytes = 500;
    private const string Web = "router_namespace=\"default\",router=\"web\"";
    private const string ToDestination = $"egress_router_bytes_total{{{Web},direction=\"to_destination\"}}";
    private const string ToClient = $"egress_router_bytes_total{{{Web},direction=\"to_client\"}}";
    private const string Datagrams = $"egress_router_connections_total{{{Web},protocol=\"udp\",port=\"80\",destination=\"10.0.0.99:80\"}}";
    private const string NoRule = $"egress_router_refused_total{{{Web},reason=\"no_rule\"}}";
    private const string NotInClients = $"egress_router_refused_total{{{Web},reason=\"not_in_clients\"}}";
    private const string Fallback = $"egress_router_connections_total{{{Web},protocol=\"any\",port=\"fallback\",destination=\"fallback\"}}";

    private readonly ulong _headerBytes;
    private readonly string _datapath;

    protected CounterRestartTests(string datapath)
        : base(datapath)
    {
        _datapath = datapath;

        // IPv4 and UDP.
        _headerBytes = datapath == "kernel" ? 28u : 0u;
        Files.Configure($"metrics: {{listen: \"127.0.0.1:{Port}\"}}");
    }

    protected static RouterDocument Document => RouterDocument.Web("web").Rule(80, "10.0.0.99", 80, "UDP");

    protected bool IsKernel => _datapath == "kernel";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Next_agent_goes_on_from_what_was_shown(bool killed)
    {
        (AgentProcess agent, string inside) = Start(Document);
        Traffic traffic = new(this, inside);
        traffic.Exchange(flows: 3, datagrams: 20);
        traffic.WaitForCounts();
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(inside, 9).Outcome);
        WaitFor(NoRule, 1);

        for (int i = 0; i < 3; i++)
        {
            End(agent, killed);
            agent = StartNext();
            traffic.WaitForCounts();
            traffic.Exchange(flows: 2, datagrams: 10);
            traffic.WaitForCounts();
            WaitFor(NoRule, 1);
        }
    }

    [Fact]
    public void Router_that_is_made_anew_begins_at_0()
    {
        (AgentProcess agent, string inside) = Start(Document);
        Traffic traffic = new(this, inside);
        traffic.Exchange(flows: 3, datagrams: 20);
        traffic.WaitForCounts();

        Files.Delete("web.yaml");
        agent.WaitForLog("default/web: removed");
        Files.Write("web.yaml", $"{Document}");
        Eventually.True("the router", () => agent.Status.Contains(" active"), otherwise: () => agent.Status);
        WaitFor(ToClient, 0);
        WaitFor(Datagrams, 0);
        End(agent, killed: true);
        StartNext();

        WaitFor(ToClient, 0);
        WaitFor(Datagrams, 0);
    }

    [Fact]
    public void Table_that_somebody_flushes_takes_no_count_back()
    {
        (AgentProcess agent, string inside) = Start(Document);
        Traffic traffic = new(this, inside);
        traffic.Exchange(flows: 3, datagrams: 20);
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(inside, 9).Outcome);
        traffic.WaitForCounts();
        WaitFor(NoRule, 1);

        Command.Check("nsenter", "--net=/run/netns/egress.default.web", "--", "nft", "flush", "ruleset");
        agent.WaitForLog("repaired");
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(inside, 9).Outcome);
        traffic.Exchange(flows: 3, datagrams: 20);

        traffic.WaitForCounts();
        WaitFor(NoRule, 2);
        End(agent, killed: true);
        StartNext();
        traffic.WaitForCounts();
        WaitFor(NoRule, 2);
    }

    [Fact]
    public void Refusals_have_their_reasons()
    {
        (AgentProcess agent, string inside) = Start(Document with { Clients = "10.88.0.0/16" });
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(inside, 8080).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(inside, 9).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeUdp(inside, 80).Outcome);
        WaitFor(NotInClients, 3);
        WaitFor(NoRule, 0);

        Files.Write("web.yaml", $"{Document}");
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(inside, 9).Outcome);
        Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeUdp(inside, 9).Outcome);
        WaitFor(NoRule, 2);
        ulong others = Read(NotInClients)!.Value;

        Files.Write("web.yaml", $"{RouterDocument.Web("web") with { FallbackIP = "10.0.0.99" }}");
        Eventually.True("the fallback's connections", () => Lab.Node.ProbeUdp(inside, 80).Outcome == ProbeOutcome.Answered && Read(Fallback) > 0);
        Assert.Equal(others, Read(NotInClients));
    }

    [Fact]
    public async Task Agent_that_is_killed_at_any_moment_takes_no_count_back()
    {
        Scenario.Kept = new KeptDescriptors();
        (AgentProcess agent, string inside) = Start(Document);
        Eventually.True("sockets to be kept", () => Scenario.Kept.Names.Count > 0);
        int seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        Random random = new(seed);
        using Traffic traffic = new(this, inside);
        using CancellationTokenSource end = new();
        CounterWatch watch = new(this);
        Task[] tasks =
        [
            Task.Factory.StartNew(() => watch.Run(end.Token), TaskCreationOptions.LongRunning),
            Task.Factory.StartNew(() => traffic.Run(end.Token), TaskCreationOptions.LongRunning),
        ];
        for (int i = 0; i < 8; i++)
        {
            await Task.Delay(random.Next(4000), TestContext.Current.CancellationToken);
            agent.Kill();
            agent = Scenario.StartAgent();
        }

        await end.CancelAsync();
        await Task.WhenAll(tasks);

        // What the relay had counted and not saved went with it.
        if (IsKernel)
        {
            traffic.WaitForCounts();
        }

        watch.Look();
        Assert.NotEmpty(watch.Highest);
        Assert.InRange(watch.Highest[ToDestination], 1ul, traffic.Sent);
        Assert.InRange(watch.Highest[ToClient], 1ul, traffic.Sent + traffic.Received);
        Assert.Equal(0, agent.Stop());
        StartNext();
        watch.Look();
    }

    protected (AgentProcess Agent, string InsideAddress) Start(RouterDocument document)
    {
        Files.Write("web.yaml", $"{document}");
        AgentProcess agent = StartNext();
        return (agent, new ObservedRouter("web").WaitForInsideAddress(agent));
    }

    protected AgentProcess StartNext()
    {
        AgentProcess agent = Scenario.StartAgent();
        Eventually.True("the router", () => agent.Status.Contains(" active"), otherwise: () => agent.Status);
        return agent;
    }

    protected static void End(AgentProcess agent, bool killed)
    {
        if (killed)
        {
            agent.Kill();
        }
        else
        {
            Assert.Equal(0, agent.Stop());
        }
    }

    protected void WaitFor(string series, ulong value)
    {
        ulong? read = null;
        Eventually.True($"{series} to be {value}", () => (read = Read(series)) == value, otherwise: () => $"{read}");
    }

    /// <summary>Null when there is no such series, or no agent.</summary>
    protected ulong? Read(string series) =>
        ReadAll() is { } metrics && metrics.TryGetValue(series, out ulong value) ? value : null;

    /// <summary>The counters of the router; null when there is no agent.</summary>
    protected IReadOnlyDictionary<string, ulong>? ReadAll()
    {
        try
        {
            using Socket socket = Lab.Node.OpenTcp("127.0.0.1", Port);
            socket.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
            socket.Send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
            using NetworkStream stream = new(socket);
            using StreamReader reader = new(stream, Encoding.UTF8);
            string text = reader.ReadToEnd();

            // One that is killed meanwhile has said nothing.
            return text.EndsWith('\n') && text.Contains("egress_agent_reconcile_seconds_count")
                ? text.Split('\n').Where(line => line.Contains("_total{router_namespace="))
                    .ToDictionary(line => line[..line.LastIndexOf(' ')], line => ulong.Parse(line[(line.LastIndexOf(' ') + 1)..]))
                : null;
        }
        catch (Exception exception) when (exception is SocketException or IOException)
        {
            return null;
        }
    }

    /// <summary>Reads all counters, and finds each that says less than before.</summary>
    private sealed class CounterWatch(CounterRestartTests test)
    {
        internal Dictionary<string, ulong> Highest { get; } = [];

        internal void Run(CancellationToken end)
        {
            while (!end.IsCancellationRequested)
            {
                Look();
                end.WaitHandle.WaitOne(100);
            }
        }

        internal void Look()
        {
            foreach ((string series, ulong value) in test.ReadAll() ?? new Dictionary<string, ulong>())
            {
                // How often it was repaired is the agent's own.
                if (!series.StartsWith("egress_router_repairs_total", StringComparison.Ordinal))
                {
                    Assert.True(value >= Highest.GetValueOrDefault(series), $"{series} was {Highest.GetValueOrDefault(series)} and is {value}");
                    Highest[series] = value;
                }
            }
        }
    }

    /// <summary>Datagrams that are answered, and how much that was for whoever sent and received them.</summary>
    private sealed class Traffic(CounterRestartTests test, string inside) : IDisposable
    {
        private readonly List<Socket> _sockets = [];
        private ulong _flows;

        internal ulong Sent { get; private set; }

        internal ulong Received { get; private set; }

        /// <summary>Flows that come, live for a while, and are ended all at once.</summary>
        internal void Run(CancellationToken end)
        {
            for (int turn = 1; !end.IsCancellationRequested; turn++)
            {
                Exchange(flows: 1, datagrams: 2);
                if (turn % 7 == 0)
                {
                    Command.Check("nsenter", "--net=/run/netns/egress.default.web", "--", "conntrack", "--flush");
                    Dispose();
                    _sockets.Clear();
                }
            }
        }

        internal void Exchange(int flows, int datagrams)
        {
            for (int flow = 0; flow < flows; flow++)
            {
                Socket client = test.Lab.Node.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket =>
                {
                    socket.Connect(IPAddress.Parse(inside), 80);
                    socket.ReceiveTimeout = test.IsKernel ? (int)Eventually.DefaultDeadline.TotalMilliseconds : 2000;
                });
                _sockets.Add(client);
                _flows++;
            }

            // Flows of an earlier agent live on in the kernel, and begin anew with the relay.
            foreach (Socket client in test.IsKernel ? _sockets : _sockets.TakeLast(flows))
            {
                for (int i = 0; i < datagrams; i++)
                {
                    client.Send(new byte[DatagramBytes]);
                    Sent += DatagramBytes + test._headerBytes;
                    try
                    {
                        Received += (ulong)client.Receive(new byte[DatagramBytes]) + test._headerBytes;
                    }
                    catch (SocketException) when (!test.IsKernel)
                    {
                        // What the relay had in its hands when it was killed.
                    }
                }
            }
        }

        internal void WaitForCounts()
        {
            test.WaitFor(Datagrams, _flows);
            ulong? to = null;
            ulong? from = null;
            Eventually.True(
                $"{Sent} and {Received} bytes",
                () => ((to, from) = (test.Read(ToDestination), test.Read(ToClient))) == (Sent, Received),
                otherwise: () => $"{to} and {from}");
        }

        public void Dispose() => _sockets.ForEach(socket => socket.Dispose());
    }
}

public sealed class KernelCounterRestartTests() : CounterRestartTests("kernel");

public sealed class RelayCounterRestartTests() : CounterRestartTests("relay");
