using System.Diagnostics;
using System.Net;
using System.Xml.Linq;
using EgressAgent.Daemon.Bus;
using EgressAgent.Daemon.Commands;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Engine;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Planning;
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
        _bus = new AgentBus(_daemon.Address, _directory.Path, _reconciler, _registry, () => Interlocked.Increment(ref _reloads), _log);
        Eventually.True("the bus", () => _log.Of(EventIds.BusServed).Count > 0);
        Run(Web.Name);
    }

    [Fact]
    public void Tree_showsTheRouter() =>
        Assert.Contains(WebPath, Succeed("tree", "--list", BusNames.Service).Split('\n'));

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
        _kernel.Traffic = plan => new RouterTraffic(plan.Rules.Select(rule => new RuleTraffic(rule, 2, 0)).ToValueList(), present.ToValueList());
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
