using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>Who was behind the reserved address: each flow has its record, and what is lost is counted and told.</summary>
public abstract class FlowRecordTests : AgentTest
{
    // Their datagrams wait in one socket at a time, whose buffer takes some 200.
    private const int Flows = 100;
    private const int FirstPort = 20_000;
    private const string Dns = "80/UDP";

    private readonly string _datapath;

    protected FlowRecordTests(string datapath)
        : base(datapath) => _datapath = datapath;

    protected JournalReceiver Journal { get; } = new();

    // From ports that the kernel gives nobody by itself.
    private protected const int FirstOfMany = 10_000;
    private protected const int Many = 20_000;
    private static readonly TimeSpan ManyTime = TimeSpan.FromSeconds(10);

    // IPv4 and UDP, which connection tracking counts.
    private ulong HeaderBytes => _datapath == "kernel" ? 28u : 0u;

    [Fact]
    public void Each_flow_has_one_record_with_what_its_ends_sent()
    {
        (AgentProcess agent, _, string inside) = Start("flowLog: closed");
        DateTimeOffset before = DateTimeOffset.UtcNow;
        agent.Suspend();
        Socket[] clients = [.. Enumerable.Range(FirstPort, Flows).Select(port => OpenUdp(inside, port))];
        foreach (Socket client in clients)
        {
            client.Send(new byte[PortOf(client) - FirstPort + 1]);
        }

        agent.Resume();
        string[] answers = [.. clients.Select(ReadText)];
        ulong[] answered = [.. answers.Select(answer => (ulong)answer.Length + HeaderBytes)];

        // Without the rule, nothing of them goes on.
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");

        IReadOnlyDictionary<string, string>[] records = WaitForRecords(Flows, Dns);
        for (int i = 0; i < Flows; i++)
        {
            IReadOnlyDictionary<string, string> record = Assert.Single(records, record => record["EGRESS_CLIENT_PORT"] == $"{FirstPort + i}");
            Assert.Equal(
                ("end", "default/web", Dns, "udp", "80", "10.0.0.99", "80"),
                (record["EGRESS_EVENT"], record["EGRESS_ROUTER"], record["EGRESS_RULE"], record["EGRESS_PROTOCOL"], record["EGRESS_INSIDE_PORT"],
                    record["EGRESS_DESTINATION_ADDRESS"], record["EGRESS_DESTINATION_PORT"]));
            Assert.Equal(answers[i].Split(' ')[0], $"{record["EGRESS_SOURCE_ADDRESS"]}:{record["EGRESS_SOURCE_PORT"]}");
            Assert.Equal("198.18.0.1", record["EGRESS_CLIENT_ADDRESS"]);
            Assert.Equal((ulong)i + 1 + HeaderBytes, ulong.Parse(record["EGRESS_BYTES_TO"]));
            Assert.Equal(answered[i], ulong.Parse(record["EGRESS_BYTES_FROM"]));
            Assert.InRange(TimeOf(record["EGRESS_START"]), before, TimeOf(record["EGRESS_END"]));
            Assert.InRange(TimeOf(record["EGRESS_END"]), before, DateTimeOffset.UtcNow);
        }

        Assert.Equal(Flows, Records(Dns).Length);
        Array.ForEach(clients, client => client.Dispose());
    }

    [Fact]
    public void Twenty_thousand_flows_over_a_hang_and_a_restart_have_one_record_each()
    {
        (AgentProcess agent, _, string inside) = StartKept();

        AgentProcess next = Disturb(agent, port =>
        {
            using Socket client = OpenUdp(inside, port);
            client.Send(new byte[PayloadOf(port)]);
        });

        // What waits for the relay has no flow yet, and comes before this.
        Exchange(inside, FirstOfMany + Many).Dispose();
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");

        AssertRecorded(Dns, HeaderBytes);
        Assert.DoesNotContain("are lost", next.Log);
    }

    [Fact]
    public void Removed_router_leaves_a_record_of_each_flow_that_was_open()
    {
        (_, ObservedRouter router, string inside) = Start("flowLog: closed");
        using Socket client = Exchange(inside, FirstPort);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
        transfer.WaitForBlocks(3);

        Files.Delete("web.yaml");

        WaitForRecords(1, Dns);
        Eventually.True("the transfer's record", () => Records("8080/TCP").Any(record => ulong.Parse(record["EGRESS_BYTES_TO"]) >= 3 * 4096));
        Eventually.True("the end of the router", () => !router.Exists);
    }

    [Fact]
    public void Flow_that_ends_as_the_other_datapath_takes_over_has_its_record()
    {
        (_, _, string inside) = Start("flowLog: closed");
        using Socket client = Exchange(inside, FirstPort);

        Files.Write("web.yaml", $"{Document with { Datapath = _datapath == "kernel" ? "relay" : "kernel" }}");

        WaitForRecords(1, Dns);
    }

    [Fact]
    public void Flow_of_a_network_namespace_that_somebody_deletes_has_its_record()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = Start("flowLog: closed");
        using Socket client = Exchange(inside, FirstPort);

        router.LoseNetns(agent);

        WaitForRecords(1, Dns);
    }

    [Fact]
    public void Destinations_are_left_out_where_that_is_asked_for()
    {
        (_, _, string inside) = Start("flowLog: closed", destinations: false);
        using Socket client = Exchange(inside, FirstPort);

        Files.Delete("web.yaml");

        IReadOnlyDictionary<string, string> record = Assert.Single(WaitForRecords(1, Dns));
        Assert.DoesNotContain("EGRESS_DESTINATION_ADDRESS", record.Keys);
        Assert.DoesNotContain("EGRESS_DESTINATION_PORT", record.Keys);
        Assert.DoesNotContain("10.0.0.99", record["MESSAGE"]);
    }

    [Fact]
    public void Start_is_recorded_too_where_all_is_asked_for()
    {
        (_, _, string inside) = Start("flowLog: all");
        using Socket client = Exchange(inside, FirstPort);
        IReadOnlyDictionary<string, string> start = Assert.Single(WaitForRecords(1, Dns));
        Files.Delete("web.yaml");
        IReadOnlyDictionary<string, string> end = WaitForRecords(2, Dns)[1];

        Assert.Equal(("start", "end"), (start["EGRESS_EVENT"], end["EGRESS_EVENT"]));
        Assert.DoesNotContain("EGRESS_END", start.Keys);
        Assert.DoesNotContain("EGRESS_BYTES_TO", start.Keys);
        string[] same = ["EGRESS_CLIENT_ADDRESS", "EGRESS_CLIENT_PORT", "EGRESS_SOURCE_PORT", "EGRESS_INSIDE_PORT", "EGRESS_DESTINATION_PORT", "EGRESS_ROUTER"];
        Assert.All(same, name => Assert.Equal(end[name], start[name]));
        Assert.InRange((TimeOf(start["EGRESS_START"]) - TimeOf(end["EGRESS_START"])).TotalSeconds, -1, 1);
    }

    [Fact]
    public void Nothing_is_recorded_where_it_is_not_asked_for_and_an_edit_asks_for_it()
    {
        (AgentProcess agent, _, string inside) = Start("flowLog: none");
        Assert.Equal(ProbeOutcome.Answered, Lab.Node.ProbeTcp(inside, 8080).Outcome);
        Files.Write("web.yaml", $"{Document with { FlowLog = "closed" }}");
        Eventually.True("generation 2", () => agent.Log.Contains("generation 2 accepted"));
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
        transfer.WaitForBlocks(1);
        using Socket client = Exchange(inside, FirstPort);

        Files.Delete("web.yaml");

        WaitForRecords(1, Dns);
    }

    [Fact]
    public void Records_wait_for_a_journal_that_is_not_there_and_that_is_told_with_its_end()
    {
        using var later = new JournalReceiver(isListening: false);
        (AgentProcess agent, _, string inside) = Start("flowLog: closed", journal: later);
        using Socket client = Exchange(inside, FirstPort);
        Files.Delete("web.yaml");
        agent.WaitForLog($"{later.SocketPath}: records of flows cannot be written: ENOENT");
        agent.WaitForLog($"systemctl start systemd-journald@{later.Namespace}.socket");
        Assert.Empty(later.Entries);

        later.Listen();

        Eventually.True("the record", () => later.Entries.Any(entry => entry.GetValueOrDefault("EGRESS_RULE") == Dns));
        agent.WaitForLog($"{later.SocketPath}: records of flows are written again");
    }

    public override void Dispose()
    {
        try
        {
            base.Dispose();
        }
        finally
        {
            Journal.Dispose();
            GC.SuppressFinalize(this);
        }
    }

    protected static RouterDocument Document => RouterDocument.Web("web").Rule(80, "10.0.0.99", 80, "UDP");

    protected (AgentProcess Agent, ObservedRouter Router, string InsideAddress) Start(string flowLog, bool destinations = true, JournalReceiver? journal = null)
    {
        Files.Configure(flowLog);
        Files.Configure($"flowRecords: {{namespace: {(journal ?? Journal).Namespace}, destinations: {(destinations ? "true" : "false")}}}");
        return StartWithWebRouter(Document);
    }

    // As Start, of an agent whose service manager keeps what it has given it.
    private protected (AgentProcess Agent, ObservedRouter Router, string InsideAddress) StartKept()
    {
        KeptDescriptors kept = new();
        Scenario.Kept = kept;

        // On a slow machine connections last.
        Files.Configure("drainTimeout: 90s");
        (AgentProcess Agent, ObservedRouter Router, string InsideAddress) started = Start("flowLog: closed");
        string name = _datapath == "kernel" ? "conntrack/" : "relay/";
        Eventually.True("the sockets to be kept", () => kept.Names.Any(kept => kept.StartsWith(name, StringComparison.Ordinal)));
        return started;
    }

    // Begins as many flows as that, evenly, one from each port. For three tenths of the time the agent hangs, and later it is restarted.
    private protected AgentProcess Disturb(AgentProcess agent, Action<int> begin)
    {
        AgentProcess? next = null;
        Thread restart = new(() =>
        {
            agent.Stop();
            next = Scenario.StartAgent();
        });
        Stopwatch clock = Stopwatch.StartNew();
        for (int i = 0; i < Many; i++)
        {
            switch (i)
            {
                case Many * 2 / 10:
                    agent.Suspend();
                    break;
                case Many * 5 / 10:
                    agent.Resume();
                    break;
                case Many * 7 / 10:
                    restart.Start();
                    break;
            }

            begin(FirstOfMany + i);
            while (clock.Elapsed < ManyTime * (i + 1) / Many)
            {
                Thread.Sleep(1);
            }
        }

        restart.Join();
        return next!;
    }

    // One record of each, with what its client has sent.
    private protected void AssertRecorded(string rule, ulong headerBytes)
    {
        int[] ports = [.. Enumerable.Range(FirstOfMany, Many)];
        Eventually.True($"{Many} records of {rule}", () => Recorded().Length >= Many, otherwise: () => $"Not there: {string.Join(' ', ports.Except(Recorded().Select(ClientPortOf)))}");
        Assert.Equal(
            ports.Select(port => (port, (ulong)PayloadOf(port) + headerBytes)),
            Recorded().Select(record => (ClientPortOf(record), ulong.Parse(record["EGRESS_BYTES_TO"]))).Order());

        IReadOnlyDictionary<string, string>[] Recorded() => RecordsOfMany(rule);
    }

    private protected IReadOnlyDictionary<string, string>[] RecordsOfMany(string rule) =>
        [.. Records(rule).Where(record => ClientPortOf(record) is >= FirstOfMany and < FirstOfMany + Many)];

    private protected static int ClientPortOf(IReadOnlyDictionary<string, string> record) => int.Parse(record["EGRESS_CLIENT_PORT"]);

    private protected static int PayloadOf(int port) => (port % 1000) + 1;

    // Where the agent counts them.
    private protected long OwedRecords() => BitConverter.ToInt64(File.ReadAllBytes(Assert.Single(Directory.GetFiles(Path.Combine(Files.Runtime, "owed-records")))));

    private protected int LostRecords(AgentProcess agent)
    {
        agent.WaitForLog("metrics are served");
        string metrics = Lab.Node.Check("curl", "--silent", "--fail", $"http://{MetricsTests.Endpoint}/metrics");
        return int.Parse(metrics.Split('\n').Single(line => line.StartsWith("egress_flow_records_lost_total ", StringComparison.Ordinal)).Split(' ')[1]);
    }

    // A client from a known port that has had its answer.
    protected Socket Exchange(string inside, int port)
    {
        Socket client = OpenUdp(inside, port);
        client.Send("who am I"u8);
        ReadText(client);
        return client;
    }

    protected IReadOnlyDictionary<string, string>[] Records(string rule) =>
        [.. Journal.Entries.Where(entry => entry.GetValueOrDefault("EGRESS_RULE") == rule)];

    protected IReadOnlyDictionary<string, string>[] WaitForRecords(int count, string rule)
    {
        Eventually.True($"{count} records of {rule}", () => Records(rule).Length >= count, otherwise: () => $"{Journal.Entries.Count} entries");
        return Records(rule);
    }

    protected Socket OpenUdp(string inside, int port) => Lab.Node.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket =>
    {
        socket.Bind(new IPEndPoint(IPAddress.Any, port));
        socket.Connect(IPAddress.Parse(inside), 80);
        socket.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
    });

    private static int PortOf(Socket client) => ((IPEndPoint)client.LocalEndPoint!).Port;

    private static string ReadText(Socket client)
    {
        byte[] answer = new byte[256];
        return Encoding.ASCII.GetString(answer, 0, client.Receive(answer));
    }

    protected static DateTimeOffset TimeOf(string microseconds) => DateTimeOffset.UnixEpoch.AddMicroseconds(long.Parse(microseconds));
}

public sealed class RelayFlowRecordTests() : FlowRecordTests("relay")
{
    [Fact]
    public async Task Twenty_thousand_connections_over_a_hang_and_a_restart_have_one_record_each()
    {
        (AgentProcess agent, _, string inside) = StartKept();
        List<Task<int>> answered = new(Many);

        AgentProcess next = Disturb(agent, port => answered.Add(EchoAsync(inside, port)));
        int[] received = await Task.WhenAll(answered).WaitAsync(Eventually.DefaultDeadline, TestContext.Current.CancellationToken);

        AssertRecorded("8080/TCP", headerBytes: 0);
        Assert.Equal(
            received.Select(length => $"{length}"),
            RecordsOfMany("8080/TCP").OrderBy(ClientPortOf).Select(record => record["EGRESS_BYTES_FROM"]));
        Assert.DoesNotContain("are lost", next.Log);
    }

    [Fact]
    public void Port_that_the_kernel_chose_on_the_way_is_the_recorded_one()
    {
        const int Chosen = 61_234;
        (_, ObservedRouter router, string inside) = Start("flowLog: closed");
        Command.Check(
            "nsenter", $"--net=/run/netns/{router.NetworkNamespace}", "--", "nft",
            $"table ip moved {{ chain c {{ type nat hook postrouting priority srcnat + 20; ip daddr 10.0.0.99 udp dport 80 snat to {EgressLab.ReservedAddress}:{Chosen} ; }} ; }}");
        using Socket client = OpenUdp(inside, 20_000);
        client.Send("who am I"u8);
        byte[] answer = new byte[256];
        Assert.StartsWith($"{EgressLab.ReservedAddress}:{Chosen} ", Encoding.ASCII.GetString(answer, 0, client.Receive(answer)));

        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");

        Assert.Equal($"{Chosen}", Assert.Single(WaitForRecords(1, "80/UDP"))["EGRESS_SOURCE_PORT"]);
    }

    [Theory]
    [InlineData("closed")]
    [InlineData("all")]
    public async Task What_the_relay_carries_when_the_agent_is_killed_is_counted_as_lost_by_the_next(string mode)
    {
        const int Living = 40;
        const int Ended = 30;
        Files.Configure($"metrics: {{listen: {MetricsTests.Endpoint}}}");
        (AgentProcess agent, _, string inside) = Start($"flowLog: {mode}");
        foreach (int port in Enumerable.Range(FirstOfMany, Ended))
        {
            Assert.NotEqual(0, await EchoAsync(inside, port));
        }

        Eventually.True($"{Ended} records", () => Ends("8080/TCP") == Ended);
        Socket[] clients = [.. Enumerable.Range(FirstOfMany, Living).Select(port => Exchange(inside, port))];
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
        transfer.WaitForBlocks(3);

        agent.Kill();
        AgentProcess next = Scenario.StartAgent();

        string told = $"the agent was killed with {Living + 1} still to write, of flows that the relay datapath carried, or that had just ended";
        next.WaitForLog($"records of flows are lost, and counted in egress_flow_records_lost_total: {told}");
        Assert.Equal(Living + 1, LostRecords(next));
        Assert.Equal((Ended, 0), (Ends("8080/TCP"), Ends("80/UDP")));
        Array.ForEach(clients, client => client.Dispose());

        // What it records itself, and what a stop cuts, is not lost.
        using Socket last = Exchange(inside, FirstOfMany + Living);
        Assert.Equal(0, next.Stop());
        AgentProcess third = Scenario.StartAgent();
        Assert.Equal((1, 0), (Ends("80/UDP"), LostRecords(third)));
        Assert.DoesNotContain("are lost", third.Log);

        int Ends(string rule) => RecordsOfMany(rule).Count(record => record["EGRESS_EVENT"] == "end");
    }

    [Fact]
    public void Flow_that_an_edit_wants_recorded_while_it_lives_is_counted_as_lost_and_one_that_it_does_not_is_none()
    {
        Files.Configure($"metrics: {{listen: {MetricsTests.Endpoint}}}");
        (AgentProcess agent, _, string inside) = Start("flowLog: none");
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
        transfer.WaitForBlocks(1);
        using Socket client = Exchange(inside, FirstOfMany);
        Edit("closed", owed: 2);
        agent.Kill();
        AgentProcess next = Scenario.StartAgent();
        next.WaitForLog("the agent was killed with 2 still to write");
        Assert.Equal(2, LostRecords(next));

        using Socket other = Exchange(inside, FirstOfMany + 1);
        Assert.Equal(1, OwedRecords());
        Edit("none", owed: 0);
        next.Kill();
        Assert.Equal(0, LostRecords(Scenario.StartAgent()));

        void Edit(string mode, long owed)
        {
            Files.Write("web.yaml", $"{Document with { FlowLog = mode }}");
            Eventually.Holds(() => Assert.Equal(owed, OwedRecords()));
        }
    }

    // How much came back from a server that greets and echoes.
    private async Task<int> EchoAsync(string inside, int port)
    {
        using Socket client = Lab.Node.CreateSocket(
            AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp, socket => socket.Bind(new IPEndPoint(IPAddress.Any, port)));
        await client.ConnectAsync(IPAddress.Parse(inside), 8080);
        await client.SendAsync(new byte[PayloadOf(port)]);
        client.Shutdown(SocketShutdown.Send);
        byte[] buffer = new byte[2048];
        int received = 0;
        while (await client.ReceiveAsync(buffer) is > 0 and var length)
        {
            received += length;
        }

        return received;
    }
}

public sealed class KernelFlowRecordTests : FlowRecordTests
{
    private const int Flows = 300;
    private const int FirstPort = 20_000;
    private const string Dns = "80/UDP";

    public KernelFlowRecordTests()
        : base("kernel") => Scenario.Kept = Kept;

    private KeptDescriptors Kept { get; } = new();

    [Fact]
    public void Flows_that_end_while_the_agent_hangs_are_recorded_once_with_the_time_at_which_they_did()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = Start("flowLog: closed");
        using IDisposable clients = ExchangeAll(inside);
        agent.Suspend();
        EndAll(router);
        DateTimeOffset ended = DateTimeOffset.UtcNow;
        agent.Resume();

        AssertOneEach(WaitForRecords(Flows, Dns));
        Assert.All(Records(Dns), record => Assert.InRange(TimeOf(record["EGRESS_END"]), TimeOf(record["EGRESS_START"]), ended));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Flows_that_end_while_no_agent_runs_are_recorded_once_by_the_next(bool killed)
    {
        (AgentProcess agent, ObservedRouter router, string inside) = Start("flowLog: closed");
        Eventually.True("the socket to be kept", () => Kept.Names.Any(name => name.StartsWith("conntrack/", StringComparison.Ordinal)));
        using IDisposable clients = ExchangeAll(inside);
        if (killed)
        {
            agent.Kill();
        }
        else
        {
            Assert.Equal(0, agent.Stop());
        }

        EndAll(router);
        AgentProcess next = Scenario.StartAgent();

        AssertOneEach(WaitForRecords(Flows, Dns));
        Assert.DoesNotContain("are lost", next.Log);
        Assert.Single(Kept.Names, name => name.StartsWith("conntrack/", StringComparison.Ordinal));
    }

    [Fact]
    public void Gap_between_two_agents_that_nothing_bridges_is_told_as_a_loss()
    {
        Scenario.Kept = null;
        Files.Configure($"metrics: {{listen: {MetricsTests.Endpoint}}}");
        (AgentProcess agent, ObservedRouter router, string inside) = Start("flowLog: closed");
        using IDisposable clients = ExchangeAll(inside);
        agent.Stop();
        EndAll(router);

        AgentProcess next = Scenario.StartAgent();

        next.WaitForLog("no agent listened for a time, and how many flows of default/web ended meanwhile is not known");
        Assert.Empty(Records(Dns));
        Assert.Equal(1, LostRecords(next));
    }

    [Fact]
    public void Records_that_wait_for_the_journal_when_the_agent_is_killed_are_counted_as_lost()
    {
        using var later = new JournalReceiver(isListening: false);
        Files.Configure($"metrics: {{listen: {MetricsTests.Endpoint}}}");
        (AgentProcess agent, ObservedRouter router, string inside) = Start("flowLog: closed", journal: later);
        using IDisposable clients = ExchangeAll(inside);
        EndAll(router);
        Eventually.True("the records to wait", () => OwedRecords() >= Flows);

        agent.Kill();
        int waiting = (int)OwedRecords();
        AgentProcess next = Scenario.StartAgent();

        next.WaitForLog($"the agent was killed with {waiting} still to write");
        Assert.Equal((0, waiting), (OwedRecords(), LostRecords(next)));
        Assert.DoesNotContain("no agent listened", next.Log);
    }

    [Fact]
    public void Flow_of_a_process_in_the_network_namespace_is_local()
    {
        (_, ObservedRouter router, _) = Start("flowLog: closed");
        using (Socket local = router.CreateSocket())
        {
            local.Connect(IPAddress.Parse("10.0.0.99"), 80);
            local.Send("who am I"u8);
            Assert.NotEqual(0, local.Receive(new byte[256]));
        }

        EndAll(router);

        IReadOnlyDictionary<string, string> record = Assert.Single(WaitForRecords(1, "local"));
        Assert.Equal((EgressLab.ReservedAddress, "10.0.0.99"), (record["EGRESS_SOURCE_ADDRESS"], record["EGRESS_DESTINATION_ADDRESS"]));
        Assert.DoesNotContain("EGRESS_INSIDE_PORT", record.Keys);
    }

    [Fact]
    public void Fallback_s_flows_are_told_from_those_of_a_rule_that_went()
    {
        (_, _, string inside) = Start("flowLog: closed");
        RouterDocument web = RouterDocument.Web("web");
        Files.Write("web.yaml", $"{web with { FallbackIP = "10.0.0.99" }}");
        Eventually.True("the fallback", () => Lab.Node.Ping(inside).Outcome == ProbeOutcome.Answered);
        Assert.Equal(ProbeOutcome.Answered, Lab.Node.ProbeUdp(inside, 80).Outcome);

        Files.Write("web.yaml", $"{web}");

        IReadOnlyDictionary<string, string>[] records = WaitForRecords(2, "fallback");
        IReadOnlyDictionary<string, string> ping = Assert.Single(records, record => record["EGRESS_PROTOCOL"] == "icmp");
        Assert.DoesNotContain("EGRESS_CLIENT_PORT", ping.Keys);
        Assert.DoesNotContain("EGRESS_SOURCE_PORT", ping.Keys);
        Assert.Contains(records, record => record["EGRESS_PROTOCOL"] == "udp" && record["EGRESS_INSIDE_PORT"] == "80");
    }

    public override void Dispose()
    {
        base.Dispose();
        Kept.Dispose();
    }

    private static void EndAll(ObservedRouter router) => Command.Check("nsenter", $"--net=/run/netns/{router.NetworkNamespace}", "--", "conntrack", "--flush");

    private static void AssertOneEach(IReadOnlyDictionary<string, string>[] records) =>
        Assert.Equal(Enumerable.Range(FirstPort, Flows), records.Select(record => int.Parse(record["EGRESS_CLIENT_PORT"])).Order());

    private Sockets ExchangeAll(string inside) => new([.. Enumerable.Range(FirstPort, Flows).Select(port => Exchange(inside, port))]);

    private sealed class Sockets(Socket[] sockets) : IDisposable
    {
        public void Dispose() => Array.ForEach(sockets, socket => socket.Dispose());
    }
}
