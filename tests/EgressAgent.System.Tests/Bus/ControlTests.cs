using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Journal;
using EgressAgent.Testing.Lab;
using Json.Schema;

namespace EgressAgent.System.Tests.Bus;

/// <summary>The native egressctl and the native agent, on a bus of their own. EGRESS_UPDATE_GOLDEN=1 writes the texts anew.</summary>
public sealed partial class ControlTests : BusTest
{
    private const string Example = "egress-router-redirect";

    private readonly Egressctl _control;

    public ControlTests() => _control = new Egressctl(Daemon.Address);

    [Fact]
    public void Documented_example_is_shown_as_documented()
    {
        StartExample();

        AssertGolden("status", 0, "status");
        AssertGolden("show", 0, "show", Example);
        AssertGolden("explain", 0, "explain", Example, "tcp/8080");
        AssertGolden("explain-refused", 1, "explain", Example, "9090/tcp", "--from", "10.88.0.2");
        AssertGolden("events", 0, "events", Example);
        AssertGolden("get", 0, "get", Example, "-o", "yaml");
        AssertGolden("flows-none", 0, "flows");
        AssertGolden("check", 0, "status", "--check");
        AssertGolden("reload", 0, "reload");
    }

    /// <summary>The outputs in the README are the golden ones.</summary>
    [Theory]
    [InlineData("status")]
    [InlineData("show")]
    [InlineData("explain-refused")]
    [InlineData("who")]
    public void Readme_shows_what_is_printed(string name)
    {
        string output = File.ReadAllText(Repository.PathOf($"tests/EgressAgent.System.Tests/Bus/Golden/{name}.txt")).TrimEnd('\n');

        Assert.Contains(
            string.Join('\n', output.Split('\n').Select(line => line.Length == 0 ? "" : $"    {line}")), File.ReadAllText(Repository.PathOf("README.md")));
    }

    [Fact]
    public void Agent_in_trouble_is_shown_with_what_is_wrong()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
        Files.Write("pending.yaml", $"{RouterDocument.Web("pending", "192.168.12.98/24")}".Replace("addresses:", "networkInterface: { macvlan: { master: none0 } }\n  addresses:"));
        StartAgent();
        WaitForState("web", "active");
        WaitForState("pending", "pending");
        Assert.Equal(1, _control.Run("status", "--check").ExitCode);
        Files.Write("bad.yaml", $"{RouterDocument.Web("bad", "192.168.12.97/24")}".Replace("Redirect\n", "Reverse\n"));
        WaitForState("bad", "failed");

        AssertGolden("status-trouble", 1, "status");
        AssertGolden("check-trouble", 2, "status", "--check");
        AssertGolden("reload-trouble", 1, "reload");
        Assert.Equal(1, _control.Run("show", "pending").ExitCode);
        Assert.Equal(1, _control.Run("explain", "pending", "tcp/8080").ExitCode);
        CommandResult get = _control.Run("get", "bad");
        Assert.Equal(2, get.ExitCode);
        Assert.StartsWith("egressctl: default/bad has no spec that is valid: ", get.Errors);
    }

    [Fact]
    public void Flows_are_listed_with_what_they_have_carried()
    {
        StartExample();
        using Socket node = Exchange(Lab.Node, 51034);
        using Socket other = Exchange(Lab.Client, 41022);
        Eventually.True("both flows with their bytes", () => Regex.Count(Check("flows"), "UDP .* 33 B .* [1-9]") == 2, otherwise: () => Check("flows"));

        AssertGolden("flows", 0, "flows");
        AssertGolden("flows-json", 0, "flows", "--json");
        AssertSchema("flows", Check("flows", "--json"));

        // Five bytes to a server that says who it sees.
        static Socket Exchange(LabHost host, int port)
        {
            Socket client = host.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket =>
            {
                socket.Bind(new IPEndPoint(IPAddress.Any, port));
                socket.Connect(IPAddress.Parse(EgressLab.InsideAddress), 80);
                socket.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
            });
            client.Send("hello"u8);
            Assert.NotEqual(0, client.Receive(new byte[256]));
            return client;
        }
    }

    [Fact]
    public void Explanation_of_a_packet_to_a_Service_names_the_routers_that_may_get_it()
    {
        const string External = "192.168.12.97";
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
        Files.Write("other.yaml", $"{RouterDocument.Web("other", "192.168.12.98/24")}");
        Files.Write("pending.yaml", $"{RouterDocument.Web("pending", "192.168.12.96/24")}".Replace("addresses:", "networkInterface: { macvlan: { master: none0 } }\n  addresses:"));
        Files.Write("partner.yaml", ServiceDocument("partner", "198.19.0.9", "app: egress-router-cni").Replace("  selector:", $"  externalIPs: [{External}]\n  selector:"));
        Files.Write("kept.yaml", ServiceDocument("kept", "198.19.0.10", "app: egress-router-cni").Replace("  selector:", "  sessionAffinity: ClientIP\n  selector:"));
        StartAgent();
        WaitForState("web", "active");
        WaitForState("other", "active");
        WaitForState("pending", "pending");
        WaitForGateway("web");
        WaitForGateway("other");
        WaitForService("partner", "degraded");
        WaitForService("kept", "degraded");
        Eventually.True(
            "both routers behind the Service", () => Explain("web", "tcp/80", "198.19.0.9").Contains("one of 2") && Explain("other", "tcp/80", External, "192.168.12.20").Contains("forwarded"),
            otherwise: () => Check("services"));

        AssertGolden("explain-to", 0, "explain", "web", "tcp/80", "--to", "198.19.0.9");
        AssertGolden("explain-to-kept", 1, "explain", "other", "tcp/80", "--to", "198.19.0.10", "--from", "10.88.0.2");
        AssertGolden("explain-to-passed-over", 1, "explain", "pending", "tcp/80", "--to", "198.19.0.9");
        AssertGolden("explain-to-external", 0, "explain", "other", "tcp/80", "--to", External, "--from", "192.168.12.20");
        AssertGolden("explain-to-ping", 1, "explain", "other", "icmp", "--to", External, "--from", "192.168.12.20");
        AssertGolden("explain-to-json", 0, "explain", "web", "tcp/80", "--to", "198.19.0.9", "--json");
        foreach (string[] packet in (string[][])[["tcp/80", "198.19.0.9"], ["tcp/80", "198.19.0.10"], ["icmp", "198.19.0.9"], ["icmp", External, "192.168.12.20"]])
        {
            AssertSchema("explanation", Explain("other", packet));
        }

        string Explain(string router, params string[] packet) => _control.Run(
            ["explain", router, packet[0], "--to", packet[1], "--json", .. packet.Length > 2 ? (string[])["--from", packet[2]] : []]).Output;
    }

    [Fact]
    public void What_keeps_clients_out_is_shown_and_explained()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web") with { Clients = "\"node, 10.88.0.0/16\"" }}");
        StartAgent();
        WaitForState("web", "active");
        Lab.Node.Check("sysctl", "-qw", "net.ipv4.ip_forward=0");
        WaitForState("web", "degraded");

        const string Words = "the node does not forward IPv4 packets of 10.88.0.0/24 on client (net.ipv4.ip_forward=0); let it do so, for the next boot by a file in /etc/sysctl.d: sysctl -w net.ipv4.ip_forward=1";
        string shown = string.Join(' ', _control.Run("show", "web").Output.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("\nClientsReachable False ForwardingOff ", shown);
        Assert.Contains(Words, shown);
        Assert.Contains($"but {Words}", _control.Run("explain", "web", "8080/tcp", "--from", "10.88.0.2").Output);

        Lab.Node.Check("sysctl", "-qw", "net.ipv4.ip_forward=1");
        WaitForState("web", "active");
        Assert.Contains("\"ClientsReachable\" \"True\" \"WaysClear\"", Property("web", "Conditions"));
    }

    [Fact]
    public void Services_are_shown_with_their_routers_and_what_is_wrong()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("  name: web", "  name: web\n  labels: { to: partner }"));
        StartAgent();
        WaitForState("web", "active");
        AssertGolden("services-none", 0, "services");

        Files.Write("partner.yaml", ServiceDocument("partner", "198.19.0.9", "to: partner"));
        WaitForService("partner", "available");
        AssertGolden("services", 0, "services");
        AssertSchema("services", Check("services", "--json"));

        Files.Write("pending.yaml", $"{RouterDocument.Web("pending", "192.168.12.98/24")}".Replace("addresses:", "networkInterface: { macvlan: { master: none0 } }\n  addresses:"));
        WaitForState("pending", "pending");
        Files.Write("both.yaml", ServiceDocument("both", "198.19.0.10", "app: egress-router-cni"));
        Files.Write("lone.yaml", ServiceDocument("lone", "198.19.0.11", "to: nobody"));
        WaitForService("both", "degraded");
        WaitForService("lone", "unavailable");
        AssertGolden("services-trouble", 1, "services");
        CommandResult json = _control.Run("services", "--json");
        Assert.Equal(1, json.ExitCode);
        AssertSchema("services", json.Output);
        Assert.Equal(json.Output, new Egressctl(Daemon.Address, uid: 65534).Run("services", "--json").Output);
    }

    [Fact]
    public void Who_was_behind_a_port_is_told_by_its_record()
    {
        Assert.SkipUnless(PrivateJournal.IsAvailable, "needs systemd-journald and a machine-id");
        using var journal = PrivateJournal.Start();
        Files.Configure($"flowRecords: {{namespace: {journal.Namespace}}}");
        var at = DateTimeOffset.Parse("2026-11-28T14:03:07Z", CultureInfo.InvariantCulture);
        var flow = new FlowEntry
        {
            Router = $"default/{Example}",
            Client = IPEndPoint.Parse("198.18.0.1:51034"),
            Unit = "payroll.service",
            Start = at - TimeSpan.FromSeconds(9),
            End = at + TimeSpan.FromSeconds(2),
        };
        journal.Send(flow.Text);
        journal.Send((flow with
        {
            Client = IPEndPoint.Parse("198.18.0.1:41022"),
            Unit = null,
            Container = "billing",
            Masqueraded = IPEndPoint.Parse("172.17.0.2:38112"),
            Start = at + TimeSpan.FromMinutes(1),
            End = at + TimeSpan.FromMinutes(2),
        }).Text);
        journal.Sync();
        StartExample();
        string[] who = ["who", "192.168.12.99:41022/tcp", "--at"];

        AssertGolden("who", 0, [.. who, "2026-11-28T14:03:07Z"]);
        Assert.Equal(Check([.. who, "2026-11-28T14:03:07Z"]), Check([.. who, "2026-11-28 14:03:07"]));
        Assert.Equal(Check([.. who, "2026-11-28T14:03:07Z"]), Check([.. who, "2026-11-28T15:03+01:00"]));
        AssertGolden("who-nearest", 1, [.. who, "2026-11-28T14:03:30Z"]);
        AssertGolden("who-none", 1, "who", "192.168.12.98:41022/tcp", "--at", "2026-11-28T14:03:07Z");
        string json = Check([.. who, "2026-11-28T14:03:07Z", "--json"]);
        AssertSchema("who", json);
        Assert.Equal(
            ("198.18.0.1:51034", "payroll.service", "2026-11-28T14:02:58Z"), (Text(Found(json), "client"), Text(Found(json), "unit"), Text(Found(json), "start")));
        AssertSchema("who", _control.Run([.. who, "2026-11-28T14:03:30Z", "--json"]).Output);
    }

    [Theory]
    [InlineData("kernel")]
    [InlineData("relay")]
    public void Who_is_behind_a_port_is_told_while_the_flow_is_there(string datapath)
    {
        StartExample(RouterDocument.DocumentedExample.Replace("\n  annotations:\n", $"\n  annotations:\n    egressagent.org/datapath: {datapath}\n"));
        Assert.Contains($"datapath    {datapath}\n", Normalize(Check("show", Example)));
        DateTimeOffset before = DateTimeOffset.UtcNow;
        using Socket client = Lab.Node.OpenTcp(EgressLab.InsideAddress, 8080);
        Eventually.True("the flow", () => _control.Run("flows").Output.Contains("TCP"));
        JsonElement flow = JsonDocument.Parse(Check("flows", "--json")).RootElement.GetProperty("flows")[0];

        string json = Check("who", $"{Text(flow, "source")}/tcp", "--json");

        AssertSchema("who", json);
        Assert.Equal(
            ("living", Text(flow, "client"), "203.0.113.26:80", "default/" + Example),
            (Text(Found(json), "state"), Text(Found(json), "client"), Text(Found(json), "destination"), Text(Found(json), "router")));
        Assert.InRange(Found(json).GetProperty("start").GetDateTimeOffset(), before, DateTimeOffset.UtcNow);
        Assert.Equal(1, _control.Run("who", $"{Text(flow, "source")}/udp").ExitCode);
        Assert.Equal(1, _control.Run("who", $"{Text(flow, "source")}/tcp", "--at", $"{before - TimeSpan.FromSeconds(2):yyyy-MM-dd'T'HH:mm:ss'Z'}").ExitCode);
        Assert.Equal(0, _control.Run("who", $"{Text(flow, "source")}/TCP").ExitCode);
    }

    private static JsonElement Found(string json) => Assert.Single(JsonDocument.Parse(json).RootElement.GetProperty("flows").EnumerateArray());

    [Fact]
    public void Json_is_as_the_schema_says()
    {
        StartExample();
        using Socket client = Lab.Node.OpenTcp(EgressLab.InsideAddress, 8080);
        Eventually.True("the flow", () => _control.Run("flows").Output.Contains("TCP"));

        foreach ((string definition, string[] command) in ((string, string[])[])
        [
            ("agent", ["status"]), ("agent", ["reload"]), ("router", ["show", Example]), ("flows", ["flows"]), ("flows", ["flows", Example]),
            ("events", ["events"]), ("explanation", ["explain", Example, "8080/tcp"]),
        ])
        {
            AssertSchema(definition, Check([.. command, "--json"]));
        }

        JsonElement flow = JsonDocument.Parse(Check("flows", "--json")).RootElement.GetProperty("flows")[0];
        Assert.Equal(
            ("default/" + Example, "TCP", "198.18.0.2:8080", "203.0.113.26:80"),
            (Text(flow, "router"), Text(flow, "protocol"), Text(flow, "inside"), Text(flow, "destination")));
        Assert.StartsWith("192.168.12.99:", Text(flow, "source"));
    }

    [Theory]
    [InlineData("yaml")]
    [InlineData("json")]
    public void Resource_put_back_as_a_file_changes_nothing(string format)
    {
        string document = $"{RouterDocument.Web("web") with { FallbackIP = "10.0.0.99", Datapath = "relay" }}"
            .Replace("annotations: {", "labels: { team: \"no\", app: mine }\n  annotations: { egressagent.org/clients: \"node, 10.0.0.0/8\",");
        Files.Write("web.yaml", document);
        AgentProcess agent = StartAgent();
        WaitForState("web", "active");
        WaitForGateway("web");
        string before = Normalize(Check("show", "web"));
        string resource = Check("get", "web", "-o", format);

        Files.Replace("web.yaml", resource);
        string copy = Path.Combine(Files.Runtime, "web.yaml");
        File.WriteAllText(copy, resource);
        CommandResult check = Command.Run(Repository.AgentBinary, "check", copy);
        Assert.True(check.ExitCode == 0, check.ToString());
        Assert.Equal(0, _control.Run("reload").ExitCode);

        WaitForGateway("web");
        Assert.Equal(before, Normalize(Check("show", "web")).Replace("web.yaml:2", "web.yaml:1"));
        Assert.Equal(resource, Check("get", "web", "-o", format));
        Assert.Single(Regex.Matches(agent.Log, "default/web: in force"));
    }

    [Fact]
    public void Events_tell_the_story_across_a_restart_and_a_kill()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
        AgentProcess agent = StartAgent();
        WaitForState("web", "active");
        Lab.Node.Ip("link set eth0 down");
        WaitForState("web", "degraded");
        Lab.Node.Ip("link set eth0 up");
        WaitForState("web", "active");
        string[] before = Reasons();
        Assert.Equal(["active InForce", "degraded MasterDown", "active InForce"], before);
        Assert.Equal(0, agent.Stop());

        agent = StartAgent();
        WaitForState("web", "active");
        Assert.Equal(before, Reasons());
        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(9090, "203.0.113.26", 80)}");
        Eventually.True("the edit", () => Reasons() is [.., "active InForce"] and { Length: 4 });

        // What is younger than a second may be lost.
        Thread.Sleep(TimeSpan.FromSeconds(1.5));
        agent.Kill();
        StartAgent();
        WaitForState("web", "active");
        Assert.Equal([.. before, "active InForce"], Reasons());

        string[] Reasons() =>
        [
            .. JsonDocument.Parse(Check("events", "web", "--json")).RootElement.GetProperty("events").EnumerateArray()
                .Select(happened => $"{Text(happened, "state")} {Text(happened, "reason")}"),
        ];
    }

    [Fact]
    public void Flows_that_are_watched_are_printed_again_as_they_are_by_then()
    {
        StartExample();
        using Process watch = _control.Start("flows", "--watch");
        try
        {
            Assert.Equal("no connection", watch.StandardOutput.ReadLine());
            using Socket client = Lab.Node.OpenTcp(EgressLab.InsideAddress, 8080);
            string? line = watch.StandardOutput.ReadLine();
            while (line == "no connection")
            {
                line = watch.StandardOutput.ReadLine();
            }

            Assert.StartsWith("ROUTER ", line);
            Assert.Matches($"^default/{Example} +TCP +198.18.0.1:[0-9]+ +198.18.0.2:8080 +192.168.12.99:[0-9]+ +203.0.113.26:80 +[0-9]", watch.StandardOutput.ReadLine());
        }
        finally
        {
            watch.Kill();
            watch.WaitForExit();
        }
    }

    [Fact]
    public void Who_may_not_is_told_and_who_asks_in_vain_too()
    {
        StartExample();
        Egressctl nobody = new(Daemon.Address, uid: 65534);

        Assert.Equal(0, nobody.Run("status").ExitCode);
        Assert.Equal(0, nobody.Run("show", Example).ExitCode);
        Assert.Equal(0, nobody.Run("explain", Example, "tcp/8080").ExitCode);
        Assert.Equal(0, nobody.Run("get", Example).ExitCode);
        foreach (string command in (string[])["flows", "events", "reload", "who 192.168.12.99:1/tcp"])
        {
            CommandResult refused = nobody.Run(command.Split(' '));
            Assert.Equal(2, refused.ExitCode);
            Assert.StartsWith("egressctl: Access denied: this is for root", refused.Errors);
        }

        CommandResult unknown = _control.Run("show", "other/none");
        Assert.Equal((2, "egressctl: there is no router other/none\n"), (unknown.ExitCode, unknown.Errors));
        Assert.Contains($"\n{Example}\n", "\n" + _control.Run("[suggest:15]", "egressctl show ").Output);
        Assert.Contains("\n192.168.12.99:\n", "\n" + _control.Run("[suggest:14]", "egressctl who ").Output);
    }

    [Fact]
    public void Without_an_agent_it_says_so()
    {
        CommandResult status = _control.Run("status");
        Assert.Equal((3, "egressctl: egress-agentd is not running; to start it: systemctl start egress-agentd\n"), (status.ExitCode, status.Errors));
        Assert.Equal(3, _control.Run("services").ExitCode);
        CommandResult check = _control.Run("status", "--check");
        Assert.Equal((2, "CRITICAL: egress-agentd is not running\n"), (check.ExitCode, check.Output));
    }

    private void StartExample(string? document = null)
    {
        Files.Write($"{Example}.yaml", document ?? RouterDocument.DocumentedExample);
        StartAgent();
        WaitForState("egress_2drouter_2dredirect", "active");
        WaitForGateway("egress_2drouter_2dredirect");
        Eventually.True("the first pass", () => ManagerProperty("State") == "s \"running\"");
    }

    private static string ServiceDocument(string name, string address, string selector) => $$"""
        apiVersion: v1
        kind: Service
        metadata: { name: {{name}} }
        spec:
          clusterIP: {{address}}
          selector: { {{selector}} }
          ports:
          - { name: web, port: 80, targetPort: 8080 }
          - { name: same, port: 8080 }
        """;

    private void WaitForService(string name, string state) => Eventually.True(
        $"{name} to be {state}",
        () => JsonDocument.Parse(_control.Run("services", "--json").Output).RootElement.GetProperty("services").EnumerateArray()
            .Any(service => Text(service, "name") == name && Text(service, "state") == state),
        otherwise: () => _control.Run("services").Output);

    private void WaitForGateway(string router) =>
        Eventually.True("the gateway to answer, and the ways to be asked", () => Property(router, "Conditions") is var conditions && conditions.Contains("GatewayAnswers") && !conditions.Contains("WaysAsked"));

    private string Check(params IReadOnlyList<string> arguments)
    {
        CommandResult result = _control.Run(arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output;
    }

    private void AssertGolden(string name, int exitCode, params string[] arguments)
    {
        CommandResult result = _control.Run(arguments);
        string actual = Normalize(result.Output);
        string golden = Repository.PathOf($"tests/EgressAgent.System.Tests/Bus/Golden/{name}.txt");
        if (Environment.GetEnvironmentVariable("EGRESS_UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(golden, actual);
        }

        Assert.Equal(File.ReadAllText(golden), actual);
        Assert.Equal((exitCode, ""), (result.ExitCode, result.Errors));
    }

    // What differs from machine to machine and from day to day, and the blanks that fill columns up. Times of the day that the texts show
    // stay: they are a test's own.
    private string Normalize(string output)
    {
        string text = output.Replace(Files.Routers, "/etc/egress-router");
        text = JournalNamespace().Replace(text, "egress-flows");
        text = MacAddress().Replace(text, "02:00:5e:10:00:99");
        text = Time().Replace(text, "2026-11-28 14:03:07");
        text = ResourceTime().Replace(text, "2026-11-28T14:03:07Z");
        return string.Join('\n', text.Split('\n').Select(line => line.TrimEnd()));
    }

    private static void AssertSchema(string definition, string json)
    {
        JsonNode schema = JsonNode.Parse(File.ReadAllText(Repository.PathOf("schema/egressctl.schema.json")))!;
        schema.AsObject().Remove("oneOf");
        schema["$ref"] = $"#/$defs/{definition}";
        EvaluationResults results = JsonSchema.FromText(schema.ToJsonString()).Evaluate(
            JsonDocument.Parse(json).RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List });
        Assert.True(results.IsValid, $"{definition}: {json}");
    }

    private static string Text(JsonElement element, string property) => element.GetProperty(property).GetString()!;

    [GeneratedRegex("([0-9a-f]{2}:){5}[0-9a-f]{2}")]
    private static partial Regex MacAddress();

    [GeneratedRegex("egress-test-[0-9a-f]{32}")]
    private static partial Regex JournalNamespace();

    [GeneratedRegex("(?!2026-11-28)[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")]
    private static partial Regex Time();

    [GeneratedRegex("(?!2026-11-28)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")]
    private static partial Regex ResourceTime();
}
