using System.Text;
using EgressAgent.Daemon.Names;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Registry;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Tests.Names;

public sealed class NameWriterTests : IDisposable
{
    private readonly TemporaryDirectory _runtime = new();
    private readonly RecordingLogger<NameWriterTests> _log = new();
    private readonly ResourceRegistry _registry;
    private readonly NameWriter _writer;

    public NameWriterTests()
    {
        _registry = new ResourceRegistry(new MemoryStore(), AgentConfiguration.Default, "0123456789abcdef0123456789abcdef", TimeProvider.System, _log);
        _writer = Start();
    }

    private string Path => System.IO.Path.Combine(_runtime.Path, "hosts.d", "egress-agentd");

    [Fact]
    public void Names_are_those_of_Services_routers_and_partners()
    {
        Read("a.yaml", Service("partner", "clusterIP: 198.19.0.9,", annotations: "egressagent.org/hostnames: 'partner.example.com, www.example.com'"));
        Read("b.yaml", Example.Document().Replace("name: web", "name: web, annotations: {egressagent.org/inside-address: 198.18.0.9}", StringComparison.Ordinal));

        Assert.Equal(
            "198.19.0.9 partner.default.svc.cluster.local partner.default.svc partner.default partner partner.example.com www.example.com\n"
                + "198.18.0.9 web.default.egress\n",
            File.ReadAllText(Path));
        Assert.Equal(["egress-agentd"], Directory.GetFiles(System.IO.Path.GetDirectoryName(Path)!).Select(System.IO.Path.GetFileName));
    }

    [Fact]
    public void Short_name_of_two_namespaces_leads_to_the_default_one_or_nowhere()
    {
        Read("a.yaml", Service("one", "clusterIP: 198.19.0.1,".Replace("0.1", "0.11", StringComparison.Ordinal)));
        Read("b.yaml", Service("one", "clusterIP: 198.19.0.12,", @namespace: "shop"));
        Read("c.yaml", Service("two", "clusterIP: 198.19.0.13,", @namespace: "shop"));
        Read("d.yaml", Service("two", "clusterIP: 198.19.0.14,", @namespace: "yard"));

        string[] lines = File.ReadAllLines(Path);
        Assert.EndsWith(" one", lines.Single(line => line.StartsWith("198.19.0.11 ", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.All(lines.Where(line => !line.StartsWith("198.19.0.11 ", StringComparison.Ordinal)), line => Assert.Matches(@"\.(shop|yard)$", line));
    }

    [Fact]
    public void Headless_Service_leads_to_the_routers()
    {
        Read("b.yaml", Example.Document().Replace("name: web", "name: web, annotations: {egressagent.org/inside-address: 198.18.0.9}", StringComparison.Ordinal));
        Read("a.yaml", Service("partner", "clusterIP: None,"));

        Assert.StartsWith("198.18.0.9 partner.default.svc.cluster.local ", File.ReadAllText(Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Service_in_error_keeps_its_names_and_one_that_is_removed_loses_them()
    {
        Read("a.yaml", Service("partner"));
        string before = File.ReadAllText(Path);
        Assert.Contains("partner.default.svc", before, StringComparison.Ordinal);

        Read("a.yaml", Service("partner").Replace("port: 80", "port: 0", StringComparison.Ordinal));
        Assert.Equal(before, File.ReadAllText(Path));

        _writer.Dispose();
        Assert.True(File.Exists(Path));
        using NameWriter next = Start();
        _registry.Apply(new FilesReading("routers", [], ["a.yaml"]));
        Assert.Equal("", File.ReadAllText(Path));
    }

    public void Dispose()
    {
        _writer.Dispose();
        _registry.Dispose();
        _runtime.Dispose();
    }

    private NameWriter Start()
    {
        EtcHosts hosts = new(_runtime["hosts"], new AgentOwner("0123456789abcdef", "/var/lib/egress-agentd"), () => "node1");
        return new NameWriter(_registry, new HostsDirectory(_runtime.Path), hosts, new StaticRecords(_runtime["resolve"], "egress-agentd", hosts), isForNode: false);
    }

    private static string Service(string name, string fields = "", string annotations = "", string @namespace = "default") =>
        $"{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: {@namespace}, annotations: {{{annotations}}}}}, spec: {{{fields} selector: {{app: egress-router-cni}}, ports: [{{port: 80}}]}}}}\n";

    private void Read(string path, string yaml) => _registry.Apply(new FilesReading("routers", [RouterFileParser.Parse(path, Encoding.UTF8.GetBytes(yaml))], []));
}
