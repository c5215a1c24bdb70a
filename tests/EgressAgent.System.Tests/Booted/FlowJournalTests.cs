using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Booted;

/// <summary>Records of flows in a real journald, by the unit and the settings of the package.</summary>
public sealed class FlowJournalTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>
{
    private const string Settings = "/etc/egress-agentd/agentd.yaml";

    // Where it is not told otherwise, journald keeps 10,000 messages of a service in 30 s; with much room on disk four times as many.
    private const int Flows = 45_000;
    private const int FirstPort = 15_000;

    // From ports that the kernel gives nobody by itself.
    private const int FirstOfMany = 10_000;
    private const int Many = 20_000;
    private static readonly TimeSpan ManyTime = TimeSpan.FromSeconds(20);

    [Fact]
    public void Every_flow_has_its_record_in_a_journal_of_its_own_and_without_records_there_is_none()
    {
        RecordFlows();

        SendFromEachPort();
        ProbeResult probe = Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080);
        Agent.WriteRouter(Agent.ReadExample().Replace("8080", "8081").Replace("  port: 80,", "  port: 81,"));

        Eventually.True("the records", () => Journal("--output=cat", "EGRESS_RULE=80/UDP").Count(letter => letter == '\n') >= Flows, otherwise: () => Agent.Journal());
        int[] ports = [.. Journal("--output=cat", "--output-fields=EGRESS_CLIENT_PORT", "EGRESS_RULE=80/UDP").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
        Assert.Equal(Enumerable.Range(FirstPort, Flows), ports.Order());

        string seen = IPEndPoint.Parse(probe.Answer!.Split(" -> ")[0]).Port.ToString();
        using JsonDocument record = JsonDocument.Parse(Journal("--output=json", "EGRESS_SOURCE_ADDRESS=192.168.12.99", "EGRESS_SOURCE_PORT=" + seen, "EGRESS_PROTOCOL=tcp"));
        Assert.Equal("203.0.113.26", record.RootElement.GetProperty("EGRESS_DESTINATION_ADDRESS").GetString());
        Assert.Equal("egress-agentd.service", record.RootElement.GetProperty("_SYSTEMD_UNIT").GetString());
        Assert.DoesNotContain("EGRESS_SOURCE_PORT=" + seen, Agent.Journal("--output=export"));
        Assert.Equal("", Node.RunUnprivileged("journalctl", "--namespace=egress-flows", "--quiet", "--no-pager", "--output=cat").Output);
    }

    [Theory]
    [InlineData("kernel", 82, 28)]
    [InlineData("relay", 83, 0)]
    public void Twenty_thousand_flows_over_a_hang_and_a_restart_have_one_record_each(string datapath, int insidePort, int headerBytes)
    {
        RecordFlows();
        string withRule = Agent.ReadExample().Replace("  annotations:\n    ", $"  annotations:\n    egressagent.org/datapath: {datapath}\n    ").Replace("port: 80,", $"port: {insidePort}, targetPort: 80,");
        Agent.WriteRouter(withRule);
        Eventually.Holds(() => Assert.Equal("10.0.0.99:80", Lab.Node.ProbeUdp(EgressLab.InsideAddress, insidePort).SeenTarget));
        Eventually.True("the sockets to be kept", () => Agent.Show("NFileDescriptorStore") == (datapath == "kernel" ? "1" : "3"), otherwise: () => Agent.Journal());

        // What comes to the router is told from what the way there loses, on a machine whose queues others fill.
        InRouter("nft", "add table inet come; add set inet come ports { type inet_service; flags dynamic; size 65535; }; "
            + "add chain inet come prerouting { type filter hook prerouting priority -400; }; "
            + $"add rule inet come prerouting udp dport {insidePort} add @ports {{ udp sport }}");
        SendOverAHangAndARestart(insidePort);

        // What waits for the relay has no flow yet, and comes before this.
        Eventually.Holds(() => Assert.Equal("10.0.0.99:80", Lab.Node.ProbeUdp(EgressLab.InsideAddress, insidePort).SeenTarget));
        Agent.WriteRouter(withRule.Replace($"port: {insidePort},", "port: 81,"));

        // On a machine that is busy, what comes during a hang and a restart may be more than the relay's socket holds; the kernel counts that.
        int[] come = [.. Regex.Matches(InRouter("nft", "list set inet come ports").Split("elements")[1], "[0-9]+").Select(port => int.Parse(port.Value)).Where(IsOfMany)];
        int unread = int.Parse(Regex.Match(InRouter("nstat", "-asz", "UdpRcvbufErrors"), "UdpRcvbufErrors +([0-9]+)").Groups[1].Value);
        TestContext.Current.TestOutputHelper?.WriteLine($"{come.Length} datagrams came, and {unread} did not fit into the socket");
        Assert.InRange(come.Length - unread, Many / 2, Many);
        Eventually.True(
            $"{come.Length - unread} records", () => Records().Length >= come.Length - unread,
            otherwise: () => $"not there: {string.Join(' ', come.Except(Records().Select(record => record.Port)))}\n{InRouter("nstat", "-asz")}\n{Agent.Journal()}");
        (int Port, int Bytes)[] records = [.. Records().OrderBy(record => record.Port)];
        Assert.Equal(come.Length - unread, records.Length);
        Assert.Equal(come.Intersect(records.Select(record => record.Port)).Order().Select(port => (port, PayloadOf(port) + headerBytes)), records);
        Assert.DoesNotContain("records of flows are lost", Agent.Journal());

        // Of the clients with known ports.
        (int Port, int Bytes)[] Records() =>
        [
            .. from line in Journal("--output=json", "--output-fields=EGRESS_CLIENT_PORT,EGRESS_BYTES_TO", $"EGRESS_RULE={insidePort}/UDP").Split('\n', StringSplitOptions.RemoveEmptyEntries)
               let record = JsonSerializer.Deserialize<Dictionary<string, string>>(line)!
               let port = int.Parse(record["EGRESS_CLIENT_PORT"])
               where IsOfMany(port)
               select (port, int.Parse(record["EGRESS_BYTES_TO"])),
        ];
    }

    [Fact]
    public void Flow_that_ends_before_systemd_has_the_agent_back_has_its_record()
    {
        RecordFlows();

        // By which the next agent would know what this one had lost.
        Assert.Single(Directory.GetFiles(Node.PathOf("/run/egress-agentd/owed-records")));
        string port;
        using (Socket client = Lab.Node.OpenTcp(EgressLab.InsideAddress, 8080))
        {
            port = $"{((IPEndPoint)client.LocalEndPoint!).Port}";
            Eventually.Holds(() => Assert.Equal("1", Agent.Show("NFileDescriptorStore")));
            Node.Check("systemctl", "kill", "--signal=STOP", "egress-agentd");
            InRouter("conntrack", "--flush");
            Node.Check("systemctl", "kill", "--signal=KILL", "egress-agentd");
        }

        Eventually.True("the record", () => Journal("--output=cat", "EGRESS_CLIENT_PORT=" + port) != "", otherwise: () => Agent.Journal());
        Assert.DoesNotContain("records of flows are lost", Agent.Journal());
    }

    [Fact]
    public void Journal_that_is_stopped_is_named_with_the_command_that_brings_it_back()
    {
        RecordFlows();
        Node.Check("systemctl", "stop", "systemd-journald@egress-flows.socket", "systemd-journald@egress-flows.service");
        using Socket client = Lab.Node.OpenTcp(EgressLab.InsideAddress, 8080);
        string port = $"{((IPEndPoint)client.LocalEndPoint!).Port}";
        Agent.WriteRouter(Agent.ReadExample().Replace("8080", "8081"));
        Eventually.Holds(() => Assert.Contains("cannot be written", Agent.Journal()));
        string remedy = Agent.Journal().Split("nobody listens there: ")[1].Split('\n')[0];

        Node.Check(remedy.Split(' '));

        Eventually.True("the record", () => Journal("--output=cat", "EGRESS_CLIENT_PORT=" + port) != "", otherwise: () => Agent.Journal());
        Eventually.Holds(() => Assert.Contains("records of flows are written again", Agent.Journal()));
    }

    private void RecordFlows()
    {
        string path = Node.PathOf(Settings);
        if (!File.ReadAllText(path).Contains("\nflowLog: closed"))
        {
            // A node that keeps no record has no journald more than before.
            Assert.Equal(("active", "inactive"), (Active("socket"), Active("service")));
            File.AppendAllText(path, "\nflowLog: closed\n");
            Node.Check("systemctl", "restart", "egress-agentd");
        }
    }

    private void SendFromEachPort()
    {
        for (int port = FirstPort; port < FirstPort + Flows; port++)
        {
            using Socket client = Lab.Node.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket =>
            {
                socket.Bind(new IPEndPoint(IPAddress.Any, port));
                socket.SendTo("x"u8, new IPEndPoint(IPAddress.Parse(EgressLab.InsideAddress), 80));
            });
        }
    }

    // As many flows as that, evenly, one from each port. For three tenths of the time the agent hangs, and later it is restarted.
    private void SendOverAHangAndARestart(int insidePort)
    {
        Task[] disturbances = [];
        Stopwatch clock = Stopwatch.StartNew();
        for (int i = 0; i < Many; i++)
        {
            string[]? command = i switch
            {
                Many * 2 / 10 => ["systemctl", "kill", "--signal=STOP", "egress-agentd"],
                Many * 5 / 10 => ["systemctl", "kill", "--signal=CONT", "egress-agentd"],
                Many * 7 / 10 => ["systemctl", "restart", "egress-agentd"],
                _ => null,
            };
            if (command is not null)
            {
                Task.WaitAll(disturbances);
                disturbances = [Task.Run(() => Node.Check(command))];
            }

            int port = FirstOfMany + i;
            using Socket client = Lab.Node.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket => socket.Bind(new IPEndPoint(IPAddress.Any, port)));
            client.SendTo(new byte[PayloadOf(port)], new IPEndPoint(IPAddress.Parse(EgressLab.InsideAddress), insidePort));
            while (clock.Elapsed < ManyTime * (i + 1) / Many)
            {
                Thread.Sleep(1);
            }
        }

        Task.WaitAll(disturbances);
    }

    private static bool IsOfMany(int port) => port is >= FirstOfMany and < FirstOfMany + Many;

    private static int PayloadOf(int port) => (port % 1000) + 1;

    private string Active(string kind) => Node.Run("systemctl", "is-active", $"systemd-journald@egress-flows.{kind}").Output.Trim();

    private string InRouter(params string[] command) =>
        Command.Check(["nsenter", $"--net={Node.PathOf("/run/netns/egress.default.egress-router-redirect")}", "--", .. command]);

    // What journald has taken it need not have written yet.
    private string Journal(params IReadOnlyList<string> options) =>
        Node.Run(["journalctl", "--namespace=egress-flows", "--quiet", "--no-pager", .. options]).Output;
}
