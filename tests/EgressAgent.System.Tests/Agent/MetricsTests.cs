using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>A real Prometheus on the node scrapes the agent, and its own tools find nothing to complain of.</summary>
public abstract class MetricsTests : AgentTest
{
    internal const string Endpoint = "127.0.0.1:9817";
    private const string Server = "http://127.0.0.1:9090";
    private const string Web = "router_namespace=\"default\",router=\"web\"";

    private static readonly string Prometheus = Repository.PathOf("artifacts/prometheus/usr/bin/prometheus");
    private static readonly string Promtool = Repository.PathOf("artifacts/prometheus/usr/bin/promtool");

    private const int Datagrams = 50;
    private const int DatagramBytes = 500;

    private readonly DirectoryInfo _directory;
    private readonly bool _countsPackets;
    private readonly ulong _headerBytes;

    protected MetricsTests(string datapath)
        : base(RequirePrometheus(datapath))
    {
        _directory = Directory.CreateTempSubdirectory("egress-metrics-");
        _countsPackets = datapath == "kernel";

        // IPv4 and UDP.
        _headerBytes = _countsPackets ? 28u : 0u;
    }

    [Fact]
    public void Prometheus_has_what_passed_and_forgets_a_router_that_went()
    {
        Files.Configure($"metrics: {{listen: {Endpoint}}}");
        Files.Write("other.yaml", $"{RouterDocument.Web("other", "192.168.12.98/24")}");
        using Socket client = StartAgentWithRouter();
        StartPrometheus();
        ulong answers = Exchange(client, Datagrams);

        WaitForValue($"egress_router_bytes_total{{{Web},direction=\"to_destination\"}}", Datagrams * (DatagramBytes + _headerBytes));
        WaitForValue($"egress_router_bytes_total{{{Web},direction=\"to_client\"}}", answers);
        WaitForValue($"egress_router_connections_total{{{Web},protocol=\"udp\",port=\"80\",destination=\"10.0.0.99:80\"}}", 1);
        WaitForValue($"egress_router_flows{{{Web},protocol=\"udp\"}}", 1);
        WaitForValue($"egress_router_condition{{{Web},condition=\"Available\",status=\"true\"}}", 1);
        WaitForValue($"egress_router_gateway_reachable{{{Web}}}", 1);
        WaitForValue($"egress_router_conntrack_entries{{{Web}}} > bool 0", 1);
        WaitForValue($"egress_config_valid{{file=\"{Files.RouterFile("web.yaml")}\"}}", 1);
        Assert.Equal(_countsPackets ? 2 : 0, Query($"egress_router_packets_total{{{Web}}}").Length);

        Assert.NotEmpty(Query("egress_router_info{router=\"other\"}"));
        Files.Delete("other.yaml");
        Eventually.True("the end of the other router's series", () => Query("{router=\"other\"}").Length == 0);
        WaitForValue($"egress_router_bytes_total{{{Web},direction=\"to_client\"}}", answers);
    }

    [Fact]
    public void What_living_flows_have_carried_is_not_counted_by_the_next_agent_once_more()
    {
        Files.Configure($"metrics: {{listen: {Endpoint}}}");
        using Socket client = StartAgentWithRouter();
        StartPrometheus();
        ulong answers = Exchange(client, Datagrams);
        WaitForValue($"egress_router_bytes_total{{{Web},direction=\"to_client\"}}", answers);

        Agent!.Stop();
        Eventually.True("an agent that is away", () => Query($"up{{instance=\"{Endpoint}\"}} == 0").Length == 1);
        Agent = Scenario.StartAgent();
        WaitForValue($"egress_router_bytes_total{{{Web},direction=\"to_client\"}}", answers);

        WaitForValue($"egress_router_bytes_total{{{Web},direction=\"to_client\"}}", answers + Exchange(client, 1));
    }

    [Fact]
    public void Dashboard_asks_what_Prometheus_can_answer()
    {
        Files.Configure($"metrics: {{listen: {Endpoint}}}");
        using Socket client = StartAgentWithRouter();
        StartPrometheus();
        Exchange(client, Datagrams);
        WaitForValue($"count_over_time(up{{instance=\"{Endpoint}\"}}[1m]) > bool 2", 1);

        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Repository.PathOf("packaging/prometheus/egress-agentd.dashboard.json")));
        string[] asked =
        [
            .. from panel in dashboard.RootElement.GetProperty("panels").EnumerateArray()
               from target in panel.GetProperty("targets").EnumerateArray()
               select target.GetProperty("expr").GetString()!,
        ];
        Assert.NotEmpty(asked);
        foreach (string query in asked.Where(query => !query.Contains(_countsPackets ? "_dropped_" : "_packets_")))
        {
            string answerable = query.Replace("$__rate_interval", "1m").Replace("$namespace", ".*").Replace("$router", ".*").Replace("$instance", ".*");
            Eventually.True($"an answer to {query}", () => Query(answerable).Length > 0);
        }
    }

    [Fact]
    public void Textfile_is_right_and_goes_on_stop()
    {
        string file = Path.Combine(_directory.FullName, "egress-agentd.prom");
        Files.Configure($"metrics: {{textfile: {_directory.FullName}}}");
        Files.Write("bad.yaml", "kind: EgressRouter\n");
        using Socket client = StartAgentWithRouter();
        Eventually.True("the file", () => File.Exists(file));

        CommandResult check = Lab.Node.Run("sh", "-c", $"{Promtool} check metrics <{file}");

        Assert.Equal((0, "", ""), (check.ExitCode, check.Output, check.Errors));
        Assert.Contains($"egress_config_valid{{file=\"{Files.RouterFile("bad.yaml")}\"}} 0\n", File.ReadAllText(file));
        Assert.Equal(0, Agent!.Stop());
        Assert.Empty(_directory.GetFiles());
    }

    public override void Dispose()
    {
        base.Dispose();
        _directory.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected AgentProcess? Agent { get; set; }

    // Before there is anything that a test that is skipped would leave.
    private static string RequirePrometheus(string datapath)
    {
        Requires.Prometheus();
        return datapath;
    }

    // A client with a connected socket towards 80/UDP; nothing has passed yet.
    private protected Socket StartAgentWithRouter()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web").Rule(80, "10.0.0.99", 80, "UDP")}");
        Agent = Scenario.StartAgent();
        string inside = new ObservedRouter("web").WaitForInsideAddress(Agent);
        Eventually.True("the router", () => Agent.Status.Contains(" active"), otherwise: () => Agent.Status);
        return Lab.Node.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket =>
        {
            socket.Connect(IPAddress.Parse(inside), 80);
            socket.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
        });
    }

    // How many bytes the answers have, as they are counted.
    private protected ulong Exchange(Socket client, int datagrams)
    {
        ulong answers = 0;
        for (int i = 0; i < datagrams; i++)
        {
            client.Send(new byte[DatagramBytes]);
            answers += (ulong)client.Receive(new byte[DatagramBytes]) + _headerBytes;
        }

        return answers;
    }

    private protected void StartPrometheus()
    {
        string configuration = Path.Combine(_directory.FullName, "prometheus.yml");
        File.WriteAllText(configuration, $$"""
            global: {scrape_interval: 1s}
            rule_files: [{{Repository.PathOf("packaging/prometheus/egress-agentd.rules.yml")}}]
            scrape_configs:
              - job_name: egress-agentd
                static_configs: [{targets: ["{{Endpoint}}"]}]
            """);
        Lab.Node.Start(
            Prometheus, $"--config.file={configuration}", $"--storage.tsdb.path={Path.Combine(_directory.FullName, "data")}",
            "--web.listen-address=127.0.0.1:9090", "--log.level=error");
        Eventually.True("a scrape", () => Query($"up{{instance=\"{Endpoint}\"}} == 1").Length == 1);
    }

    // One line for each series: its labels, "=>", the value, and when.
    private string[] Query(string query) =>
        Lab.Node.Run(Promtool, "query", "instant", "--", Server, query) is { ExitCode: 0 } answer ? answer.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];

    private protected JsonElement QueryRange(string query, long start, long end) => JsonDocument.Parse(
        Lab.Node.Check(Promtool, "query", "range", "--format=json", $"--start={start}", $"--end={end}", "--step=1s", "--", Server, query)).RootElement;

    private void WaitForValue(string query, ulong value)
    {
        string[] answer = [];
        Eventually.True(
            $"{query} to be {value}", () => (answer = Query(query)) is [var line] && line.Contains($"=> {value} @"), otherwise: () => string.Join('\n', answer));
    }
}

public sealed class KernelMetricsTests() : MetricsTests("kernel")
{
    private static readonly string Picture = Repository.PathOf("docs/dashboard.svg");

    /// <summary>The picture in the README. EGRESS_UPDATE_GOLDEN=1 draws it anew.</summary>
    [Fact]
    public void Every_panel_of_the_dashboard_can_be_drawn_and_the_README_shows_them()
    {
        TimeSpan duration = TimeSpan.FromSeconds(30);
        Files.Configure($"metrics: {{listen: {Endpoint}}}");
        Files.Write("other.yaml", $"{RouterDocument.Web("other", "192.168.12.98/24")}");
        using Socket client = StartAgentWithRouter();
        string inside = new ObservedRouter("web").WaitForInsideAddress(Agent!);
        string other = new ObservedRouter("other").WaitForInsideAddress(Agent!);
        WaitForTcp(Lab.Node, other, 8080, "203.0.113.26:80");
        StartPrometheus();
        long start = DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 5;
        Stopwatch clock = Stopwatch.StartNew();
        for (int round = 0; clock.Elapsed < duration; round++)
        {
            // Edits make passes, of which one panel is.
            Files.Write("other.yaml", $"{RouterDocument.Web("other", "192.168.12.98/24").Tcp(9000 + (round % 10), "203.0.113.27", 443)}");
            int load = 2 + (int)(20 * Math.Pow(Math.Sin(clock.Elapsed.TotalSeconds / 5), 2));
            Exchange(client, load);
            for (int i = 0; i < load; i++)
            {
                Assert.Equal(ProbeOutcome.Answered, Lab.Node.ProbeTcp(i % 3 == 0 ? other : inside, 8080).Outcome);
            }

            for (int i = 0; i < load / 4; i++)
            {
                Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(inside, 9).Outcome);
            }

            Thread.Sleep(200);
        }

        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Repository.PathOf("packaging/prometheus/egress-agentd.dashboard.json")));
        long end = start + (long)duration.TotalSeconds - 5;
        var picture = new DashboardPicture(query => QueryRange(query, start, end), start, end);
        string drawn = picture.Draw(dashboard.RootElement);

        Assert.Empty(picture.Empty);
        if (Environment.GetEnvironmentVariable("EGRESS_UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(Picture, drawn);
        }

        Assert.Equal(TitlesOf(drawn), TitlesOf(File.ReadAllText(Picture)));
        Assert.Contains("(docs/dashboard.svg)", File.ReadAllText(Repository.PathOf("README.md")));
    }

    private static string[] TitlesOf(string picture) => [.. picture.Split('\n').Where(line => line.Contains("font-weight=\"bold\""))];
}

public sealed class RelayMetricsTests() : MetricsTests("relay");
