using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using EgressAgent.Daemon.Bus;
using EgressAgent.Daemon.Commands;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Engine;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Traffic;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Daemon.Tests.Bus;

/// <summary>The agent on a bus of its own, over a kernel in memory, as busctl(1) sees it.</summary>
public sealed class AgentBusTests : IDisposable
{
    private const string WebPath = "/org/egressagent/Agent1/router/default/web_2d1";

    private static readonly RouterKey Web = new("default", "web-1");

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeKernel _kernel = new();
    private readonly RecordingLogger<Reconciler> _log = new();
    private readonly PrivateBus _daemon;
    private readonly Busctl _busctl;
    private readonly ResourceRegistry _registry;
    private readonly Reconciler _reconciler;
    private readonly TrafficSampler _traffic;
    private readonly FlowFinder _finder;
    private readonly AgentBus _bus;
    private int _reloads;

    public AgentBusTests()
    {
        Assert.SkipUnless(PrivateBus.IsAvailable, "needs dbus-daemon(1) and busctl(1)");
        _kernel.EditNode(node =>
        {
            node.AddHardware("ens3");
            node.AddAddress("ens3", Example.Cidr("192.168.12.10/24"));
            node.SetRoute(new RouteEntry(NetworkSide.Node, IPNetwork.Parse("0.0.0.0/0"), IPAddress.Parse("192.168.12.1"), "ens3"));
        });
        _daemon = PrivateBus.Start();
        _busctl = new Busctl(_daemon.Address);
        _registry = new ResourceRegistry(new MemoryStore(), AgentConfiguration.Default, "0123456789abcdef0123456789abcdef", TimeProvider.System, _log);
        _reconciler = new Reconciler(_kernel, _registry, AgentConfiguration.Default, TimeProvider.System, _log);
        _traffic = new TrafficSampler(_reconciler, TimeProvider.System);
        _finder = new FlowFinder(
            _reconciler,
            _registry,
            _traffic,
            AgentConfiguration.Default with { FlowRecords = new FlowRecordSettings("egress-test-nobody", TellsDestinations: true) },
            TimeProvider.System);
        _bus = new AgentBus(_daemon.Address, _directory.Path, _reconciler, _traffic, _registry, _finder, () => Interlocked.Increment(ref _reloads), _log);
        Eventually.True("the bus", () => _log.Of(EventIds.BusServed).Count > 0);
        Run(Web.Name);
    }

    [Fact]
    public void Tree_showsTheRouter() =>
        Assert.Contains(WebPath, Succeed("tree", "--list", BusNames.Service).Split('\n'));

    [Fact]
    public void Service_isAnObject_asLongAsItIsThere()
    {
        const string path = "/org/egressagent/Agent1/service/default/partner";
        const string yaml = "{apiVersion: v1, kind: Service, metadata: {name: partner}, spec: {clusterIP: 198.19.0.9, selector: {app: none}, ports: [{name: web, port: 80, targetPort: 8080}]}}";
        _reconciler.StartServices();
        _registry.Apply(new FilesReading(_directory.Path, [RouterFileParser.Parse("partner.yaml", Encoding.UTF8.GetBytes(yaml))], []));

        Eventually.True("the Service", () => Succeed("tree", "--list", BusNames.Service).Split('\n').Contains(path));
        Assert.Equal("as 1 \"198.19.0.9\"", Get(path, "ClusterIPs"));
        Assert.Equal("a(ssqq) 1 \"web\" \"TCP\" 80 8080", Get(path, "Ports"));
        Assert.Equal("a(sssb) 0", Get(path, "Routers"));
        Assert.Contains(
            "\"Available\" \"False\" \"NoRouter\" \"the selector app=none matches no router of the namespace default; clients are rejected\"", Get(path, "Conditions"));
        Introspect_isTheContract("Service", path, BusNames.ServiceInterface);

        _registry.Apply(new FilesReading(_directory.Path, [], ["partner.yaml"]));
        Eventually.True("no Service", () => !Succeed("tree", "--list", BusNames.Service).Split('\n').Contains(path));

        string Get(string path, string property) => Succeed("get-property", BusNames.Service, path, BusNames.ServiceInterface, property).TrimEnd();
    }

    [Fact]
    public void ListRouters_andGetRouter_giveItsPath()
    {
        Assert.Equal(
            $"a(sssso) 1 \"default\" \"web-1\" \"active\" \"/etc/egress-router/web-1.yaml\" \"{WebPath}\"",
            Manager("ListRouters"));
        Assert.Equal($"o \"{WebPath}\"", Manager("GetRouter", "ss", "default", "web-1"));
    }

    [Fact]
    public void GetRouter_unknown_isNoSuchRouter() =>
        Assert.Contains("there is no router default/none", Refuse(_busctl, "GetRouter", "ss", "default", "none"));

    [Theory]
    [InlineData("State", "s \"active\"")]
    [InlineData("Generation", "t 1")]
    [InlineData("Datapath", "s \"kernel\"")]
    [InlineData("NetworkNamespace", "s \"/run/netns/egress.default.web-1\"")]
    [InlineData("Master", "s \"ens3\"")]
    [InlineData("SourceAddresses", "as 1 \"192.168.12.99\"")]
    [InlineData("InsideAddresses", "as 1 \"198.18.87.99\"")]
    [InlineData("Fallback", "as 0")]
    [InlineData("Gateways", "as 1 \"192.168.12.1\"")]
    [InlineData("SpecFile", "s \"/etc/egress-router/web-1.yaml\"")]
    [InlineData("SpecLine", "u 1")]
    public void Router_property_isWhatIsInForce(string property, string expected) =>
        Assert.Equal(expected, Succeed("get-property", BusNames.Service, WebPath, BusNames.Router, property));

    [Fact]
    public void Manager_properties_countTheRouters()
    {
        Assert.Equal("u 1\nu 0\ns \"starting\"", Succeed("get-property", BusNames.Service, BusNames.RootPath, BusNames.Manager, "RouterCount", "DegradedCount", "State"));

        _bus.Ready();

        Assert.Equal("u 1\nu 0\ns \"running\"", Succeed("get-property", BusNames.Service, BusNames.RootPath, BusNames.Manager, "RouterCount", "DegradedCount", "State"));
    }

    [Fact]
    public void Faults_ofAFileWithoutARouter_degradeTheAgentUntilTheyAreMended()
    {
        _bus.Ready();
        const string File = "/etc/egress-router/empty.yaml";
        Apply([new RouterFile(File, [], [new Diagnostic(new SourceLocation(File, 3, 5), "spec", "wrong")], IsComplete: true)]);

        string[] properties = ["get-property", BusNames.Service, BusNames.RootPath, BusNames.Manager, "State", "FaultCount", "Faults", "DegradedCount"];
        string bad = $"s \"degraded\"\nu 1\na(suuss) 1 \"{File}\" 3 5 \"spec\" \"wrong\"\nu 0";
        Eventually.True("the fault", () => Succeed(properties) == bad, otherwise: () => Succeed(properties));

        Apply([], File);

        const string Good = "s \"running\"\nu 0\na(suuss) 0\nu 0";
        Eventually.True("the end of it", () => Succeed(properties) == Good, otherwise: () => Succeed(properties));
    }

    [Fact]
    public void Rules_haveTheCountersOfASample_andThoseOfFlowsThatEnded()
    {
        RouterFlow flow = Flow(1);
        RouterFlow other = flow with { Id = 2, Client = IPEndPoint.Parse("198.18.0.1:40002") };
        RouterFlow[] present = [flow];
        _kernel.Traffic = plan => new RouterTraffic(plan.Rules.Select(rule => new RuleTraffic(rule, 2, default)).ToValueList(), present.ToValueList());
        string[] read = ["get-property", BusNames.Service, WebPath, BusNames.Router, "Rules"];

        Assert.Equal("a(sqsqtt) 1 \"TCP\" 8080 \"203.0.113.26\" 80 2 300", Succeed(read));
        Assert.Contains("\"Rules\" a(sqsqtt) 1 \"TCP\" 8080 \"203.0.113.26\" 80 2 300", Succeed("call", BusNames.Service, WebPath, "org.freedesktop.DBus.Properties", "GetAll", "s", BusNames.Router));

        present = [];
        _kernel.EndFlow(Web, flow with { BytesIn = 250 });
        _kernel.EndFlow(Web, other with { BytesIn = 1000 });

        Eventually.True("the next sample", () => Succeed(read).EndsWith(" 2 1450"), otherwise: () => Succeed(read));
    }

    [Fact]
    public void ListFlowsPage_goesThroughAllOfThem()
    {
        ValueList<RouterFlow> flows = Enumerable.Range(0, 2_500).Select(Flow).ToValueList();
        _kernel.Traffic = _ => new RouterTraffic([], flows);
        HashSet<string> clients = [];
        string after = "";
        int pages = 0;
        do
        {
            string[] words = Succeed("call", BusNames.Service, WebPath, BusNames.Router, "ListFlowsPage", "su", after, "0").Split('"');
            clients.UnionWith(words.Where(word => word.StartsWith("198.18.0.1:")));
            after = words[^2];
            pages++;
        }
        while (after.Length > 0);

        Assert.Equal((3, 2_500), (pages, clients.Count));
        Assert.StartsWith("a(ssssstt)s 2 ", Succeed("call", BusNames.Service, WebPath, BusNames.Router, "ListFlowsPage", "su", "", "2"));
        Assert.Contains("Access denied", Nobody.Run("call", BusNames.Service, WebPath, BusNames.Router, "ListFlowsPage", "su", "", "2").Errors);
        Assert.Contains("Access denied", Nobody.Run("call", BusNames.Service, WebPath, BusNames.Router, "ListFlows").Errors);
        Assert.Equal(0, new Busctl(_daemon.Address, uid: 65534, "adm").Run("call", BusNames.Service, WebPath, BusNames.Router, "ListFlows").ExitCode);
    }

    [Fact]
    public void ListFlows_moreThanAReplyHolds_isRefusedAndNamesTheOtherMethod()
    {
        ValueList<RouterFlow> flows = Enumerable.Range(0, 50_001).Select(Flow).ToValueList();
        _kernel.Traffic = _ => new RouterTraffic([], flows);

        Assert.Contains("ListFlowsPage", _busctl.Run("call", BusNames.Service, WebPath, BusNames.Router, "ListFlows").Errors);
    }

    [Fact]
    public void Kernel_thatHangs_holdsUpNoOtherCall()
    {
        using var hang = new ManualResetEventSlim();
        using var hung = new ManualResetEventSlim();
        _kernel.Traffic = _ =>
        {
            hung.Set();
            hang.Wait();
            return RouterTraffic.None;
        };
        using Process flows = _busctl.Start("call", BusNames.Service, WebPath, BusNames.Router, "ListFlows");
        Assert.True(hung.Wait(Eventually.DefaultDeadline, TestContext.Current.CancellationToken));

        Assert.Contains("active", Manager("ListRouters"));
        Assert.Equal("s \"active\"", Succeed("get-property", BusNames.Service, WebPath, BusNames.Router, "State"));
        Assert.False(flows.HasExited);

        hang.Set();
        flows.WaitForExit();
        Assert.Equal(0, flows.ExitCode);
    }

    [Fact]
    public void Router_removed_leavesTheBus()
    {
        Apply([], "/etc/egress-router/web-1.yaml");

        Eventually.True("the removal", () => Manager("ListRouters") == "a(sssso) 0");
        Assert.DoesNotContain(WebPath, Succeed("tree", "--list", BusNames.Service));
    }

    [Fact]
    public void Monitor_routersComeChangeAndGo_seesTheSignals()
    {
        using Process monitor = _busctl.Start("monitor", "--json=short", BusNames.Service);
        try
        {
            // The monitor says on its error stream when it has begun.
            Assert.Contains("Monitoring", monitor.StandardError.ReadLine());
            Apply([Example.File(Example.Router("other", "192.168.12.98/24"))]);
            WaitFor(monitor, "\"member\":\"RouterAdded\"", "\"data\":[\"default\",\"other\",");
            Apply([new RouterFile(
                "/etc/egress-router/web-1.yaml", [], [new Diagnostic(new SourceLocation("/etc/egress-router/web-1.yaml", 3, 5), "spec", "wrong")], IsComplete: false)]);
            WaitFor(monitor, "\"member\":\"PropertiesChanged\"", "{\"State\":{\"type\":\"s\",\"data\":\"degraded\"}");
            WaitFor(monitor, "\"member\":\"PropertiesChanged\"", "\"DegradedCount\":{\"type\":\"u\",\"data\":1}");
            Apply([], "/etc/egress-router/web-1.yaml");
            WaitFor(monitor, "\"member\":\"RouterRemoved\"", "\"data\":[\"default\",\"web-1\",");
        }
        finally
        {
            monitor.Kill();
            monitor.WaitForExit();
        }
    }

    [Fact]
    public void Reapply_isForRootOnly()
    {
        Requires.Root();
        string[] reapply = ["call", BusNames.Service, WebPath, BusNames.Router, "Reapply"];

        Assert.NotEqual(0, Nobody.Run(reapply).ExitCode);
        Succeed(reapply);
        Assert.Equal("a(ssssstt) 0", Succeed("call", BusNames.Service, WebPath, BusNames.Router, "ListFlows"));
    }

    [Fact]
    public void GetManagedObjects_listsTheRouters() => Assert.Contains(
        $"\"{WebPath}\"", Succeed("call", BusNames.Service, BusNames.RootPath, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"));

    [Fact]
    public void Reload_isForRootOnly()
    {
        Requires.Root();

        Assert.Contains("Access denied", Refuse(Nobody, "Reload"));
        Assert.Equal(0, _reloads);
        Manager("Reload");
        Assert.Equal(1, _reloads);
    }

    [Fact]
    public void Check_routersDirectory_isForEveryone_andOthersForRootOnly()
    {
        Requires.Root();
        using var elsewhere = new TemporaryDirectory();
        File.WriteAllText(_directory["bad.yaml"], Example.Document(port: 70_000));
        File.WriteAllText(elsewhere["bad.yaml"], Example.Document(port: 70_000));

        Assert.Contains("spec.redirect.redirectRules[0].port", Manager(Nobody, "Check", "s", _directory.Path));
        Assert.Contains("Access denied", Refuse(Nobody, "Check", "s", elsewhere["bad.yaml"]));
        Assert.Contains("Access denied", Refuse(Nobody, "Check", "s", _directory.Path + "/../" + Path.GetFileName(elsewhere.Path)));
        Assert.Contains("spec.redirect.redirectRules[0].port", Manager("Check", "s", elsewhere["bad.yaml"]));
        Assert.Contains("no such file", Refuse(_busctl, "Check", "s", elsewhere["none.yaml"]));
    }

    [Fact]
    public void Events_areTheHistory_forWhoMayReadTheJournal()
    {
        Assert.Matches(
            "^a\\(ttsss\\) 1 [0-9]{16} 1 \"active\" \"InForce\" \"198.18.87.99 leaves as 192.168.12.99 through ens3\"$",
            Succeed("call", BusNames.Service, WebPath, BusNames.Router, "Events"));
        Assert.Contains("Access denied", Nobody.Run("call", BusNames.Service, WebPath, BusNames.Router, "Events").Errors);
    }

    [Fact]
    public void GetResource_asARouterFile_isTheSameRouter()
    {
        string reply = Succeed("--json=short", "call", BusNames.Service, WebPath, BusNames.Router, "GetResource");
        string resource = JsonDocument.Parse(reply).RootElement.GetProperty("data")[0].GetString()!;

        RouterDocument document = Assert.Single(RouterFileParser.Parse("web.yaml", Encoding.UTF8.GetBytes(resource)).Documents);
        Assert.Equal(_registry.Find(Web)!.LastGood!.Spec, document.Router!.Spec);
        JsonElement status = JsonDocument.Parse(resource).RootElement.GetProperty("status");
        Assert.Equal(
            ["Available True InForce", "Progressing False Settled", "Degraded False AsSpecified", "GatewayReachable True GatewayAnswers", "ClientsReachable Unknown WaysAsked"],
            status.GetProperty("conditions").EnumerateArray().Select(condition =>
                $"{condition.GetProperty("type").GetString()} {condition.GetProperty("status").GetString()} {condition.GetProperty("reason").GetString()}"));
    }

    [Theory]
    [InlineData("tcp/8080", "", "a(ssssssas) 1 \"forwarded\" \"198.18.0.1\" \"198.18.87.99\" \"8080/TCP\" \"192.168.12.99\" \"203.0.113.26:80\" 4 ")]
    [InlineData("8080/UDP", "10.0.0.1", "a(ssssssas) 1 \"refused\" \"10.0.0.1\" \"198.18.87.99\" \"\" \"\" \"\" 2 ")]
    [InlineData("icmp", "fd00::1", "a(ssssssas) 1 \"unreachable\" \"fd00::1\" \"\" \"\" \"\" \"\" 1 ")]
    public void Explain_saysWhatBecomesOfAPacket(string packet, string client, string expected) =>
        Assert.StartsWith(expected, Manager("Explain", "ssss", "default", "web-1", packet, client));

    [Theory]
    [InlineData("none", "tcp/8080", "", "there is no router default/none")]
    [InlineData("web-1", "tcp/0", "", "tcp/0 is no packet: say tcp/8080, 8080/tcp or icmp (the protocols are tcp, udp and sctp)")]
    [InlineData("web-1", "tcp/80", "nowhere", "nowhere is no IP address")]
    public void Explain_ofNonsense_saysWhatIsTaken(string name, string packet, string client, string expected) =>
        Assert.Contains(expected, Refuse(_busctl, "Explain", "ssss", "default", name, packet, client));

    [Theory]
    [InlineData("10.0.0.1", "198.18.87.99", "a(ssssssas) 1 \"forwarded\" \"10.0.0.1\" \"198.18.87.99\" \"8080/TCP\" ")]
    [InlineData("", "198.19.0.1", "a(ssssssas) 1 \"unreachable\" \"\" \"198.19.0.1\" \"\" \"\" \"\" 1 \"198.19.0.1 is neither the inside address of the router nor an address of a Service\"")]
    public void ExplainTo_saysWhatBecomesOfAPacketThere(string client, string address, string expected) =>
        Assert.StartsWith(expected, Manager("ExplainTo", "sssss", "default", "web-1", "tcp/8080", client, address));

    [Theory]
    [InlineData("", "nowhere", "nowhere is no IP address")]
    [InlineData("10.0.0.1", "fd00::1", "10.0.0.1 sends nothing to fd00::1, which is of the other family")]
    public void ExplainTo_ofNonsense_saysWhatIsTaken(string client, string address, string expected) =>
        Assert.Contains(expected, Refuse(_busctl, "ExplainTo", "sssss", "default", "web-1", "tcp/8080", client, address));

    [Fact]
    public void FindFlow_saysWhoIsThere_orWhyNobodyIsFound()
    {
        _kernel.Traffic = _ => new RouterTraffic([], [Flow(1) with { Start = DateTimeOffset.FromUnixTimeSeconds(1_795_000_000) }]);

        Assert.Equal(
            "aa{sv} 1 10 \"Kind\" s \"flow\" \"State\" s \"living\" \"Router\" s \"default/web-1\" \"Protocol\" s \"TCP\" \"Client\" s \"198.18.0.1:1001\" "
                + "\"Source\" s \"192.168.12.99:40001\" \"Destination\" s \"203.0.113.26:80\" \"Start\" t 1795000000000000 \"BytesTo\" t 100 \"BytesFrom\" t 200",
            Manager("FindFlow", "sqst", "192.168.12.99", "40001", "TCP", Microseconds(DateTimeOffset.UtcNow)));

        string none = Manager("FindFlow", "sqst", "192.168.12.99", "40001", "tcp", "1000000");
        Assert.StartsWith("aa{sv} 4 10 \"Kind\" s \"nearest\" ", none);
        Assert.Contains("2 \"Kind\" s \"note\" \"Note\" s \"default/web-1 keeps no records, as its flow-log is none: egress-router(5)\"", none);
    }

    [Theory]
    [InlineData("192.168.12", "40001", "tcp", "0", "192.168.12, 40001, tcp is no source of a flow: say ADDRESS:PORT/PROTOCOL, such as ")]
    [InlineData("192.168.12.99", "0", "tcp", "0", "192.168.12.99, 0, tcp is no source of a flow")]
    [InlineData("192.168.12.99", "1", "http", "0", "192.168.12.99, 1, http is no source of a flow")]
    [InlineData("192.168.12.99", "1", "tcp", "253370764800000000", "253370764800000000 is no time")]
    [InlineData("192.168.12.99", "1", "tcp", "18446744073709551615", "18446744073709551615 is no time: say it in microseconds since 1970")]
    public void FindFlow_ofNonsense_saysWhatIsTaken(string address, string port, string protocol, string at, string expected) =>
        Assert.Contains(expected, Refuse(_busctl, "FindFlow", "sqst", address, port, protocol, at));

    [Fact]
    public void FindFlow_isForWhoMayReadTheJournal()
    {
        Requires.Root();
        string[] call = ["FindFlow", "sqst", "192.168.12.99", "1", "tcp", "253370764799999999"];

        Assert.Contains("Access denied", Refuse(Nobody, call));
        Assert.StartsWith("aa{sv} 1 ", Manager(new Busctl(_daemon.Address, uid: 65534, "adm"), call));
        Assert.StartsWith("aa{sv} 1 ", Manager(new Busctl(_daemon.Address, uid: 65534, "systemd-journal"), call));
    }

    [Fact]
    public void FindFlow_thatWaitsForTheKernel_holdsUpNoOtherCall()
    {
        using var hang = new ManualResetEventSlim();
        using var hung = new ManualResetEventSlim();
        _kernel.Traffic = _ =>
        {
            hung.Set();
            hang.Wait();
            return RouterTraffic.None;
        };
        using Process found = _busctl.Start("call", BusNames.Service, BusNames.RootPath, BusNames.Manager, "FindFlow", "sqst", "192.168.12.99", "1", "tcp", "0");
        Assert.True(hung.Wait(Eventually.DefaultDeadline, TestContext.Current.CancellationToken));

        Assert.Contains("active", Manager("ListRouters"));
        Assert.False(found.HasExited);

        hang.Set();
        found.WaitForExit();
        Assert.Equal(0, found.ExitCode);
    }

    [Theory]
    [InlineData("Manager", BusNames.RootPath, BusNames.Manager)]
    [InlineData("Router", WebPath, BusNames.Router)]
    public void Introspect_isTheContract(string file, string path, string @interface)
    {
        var xml = XDocument.Parse(Succeed("introspect", "--xml-interface", BusNames.Service, path));
        string actual = xml.Root!.Elements("interface").Single(element => (string?)element.Attribute("name") == @interface) + "\n";
        string golden = Repository.PathOf($"tests/egress-agentd.Tests/Bus/{file}.xml");
        if (Environment.GetEnvironmentVariable("EGRESS_UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(golden, actual);
        }

        Assert.Equal(File.ReadAllText(golden), actual);
    }

    [Fact]
    public void Inquiry_ofACheck_hearsWhatIsThere()
    {
        Assert.Equal(
            KeyValuePair.Create(Web, new RunningRouter("active", "/etc/egress-router/web-1.yaml")), Assert.Single(AgentInquiry.TryAsk(_daemon.Address)!));
        Assert.Null(AgentInquiry.TryAsk("unix:path=/nowhere"));
    }

    public void Dispose()
    {
        _bus?.Dispose();
        _finder?.Dispose();
        _traffic?.Dispose();
        _reconciler?.Dispose();
        _registry?.Dispose();
        _daemon?.Dispose();
        _directory.Dispose();
    }

    private static RouterFlow Flow(int number) => new(
        "TCP",
        new IPEndPoint(IPAddress.Parse("198.18.0.1"), 1000 + number),
        IPEndPoint.Parse("198.18.87.99:8080"),
        IPEndPoint.Parse("192.168.12.99:40001"),
        IPEndPoint.Parse("203.0.113.26:80"),
        100,
        200)
    {
        Id = (uint)number,
    };

    private static string Microseconds(DateTimeOffset time) => $"{(time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond}";

    private Busctl Nobody => new(_daemon.Address, uid: 65534);

    private void Run(string name)
    {
        Apply([Example.File(Example.Router(name))]);
        Eventually.True("the router on the bus", () => Manager("ListRouters").Contains("active"), otherwise: () => Manager("ListRouters"));
    }

    private void Apply(IReadOnlyCollection<RouterFile> read, params IReadOnlyCollection<string> gone)
    {
        _registry.Apply(new FilesReading("/etc/egress-router", read, gone));
        Eventually.True("the pass", () => _reconciler.WhenIdle().IsCompleted);
    }

    private static void WaitFor(Process monitor, params string[] texts)
    {
        using var deadline = new CancellationTokenSource(Eventually.DefaultDeadline);
        using CancellationTokenRegistration end = deadline.Token.Register(monitor.Kill);
        while (monitor.StandardOutput.ReadLine() is { } line)
        {
            if (texts.All(text => line.Contains(text, StringComparison.Ordinal)))
            {
                return;
            }
        }

        Assert.Fail($"no message with {string.Join(" and ", texts)}");
    }

    private string Manager(params string[] call) => Manager(_busctl, call);

    private static string Manager(Busctl client, params string[] call) =>
        Succeed(client, ["call", BusNames.Service, BusNames.RootPath, BusNames.Manager, .. call]);

    private static string Refuse(Busctl client, params string[] call)
    {
        CommandResult result = client.Run(["call", BusNames.Service, BusNames.RootPath, BusNames.Manager, .. call]);
        Assert.NotEqual(0, result.ExitCode);
        return result.Errors;
    }

    private string Succeed(params string[] arguments) => Succeed(_busctl, arguments);

    private static string Succeed(Busctl client, string[] arguments)
    {
        CommandResult result = client.Run(arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output.TrimEnd('\n');
    }
}
