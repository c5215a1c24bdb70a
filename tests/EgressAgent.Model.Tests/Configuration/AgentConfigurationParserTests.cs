using System.Net;
using System.Text;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Tests.Configuration;

public class AgentConfigurationParserTests
{
    private const string Packaged = "etc/egress-agentd/agentd.yaml";
    private const string Head = "apiVersion: agent.egressagent.org/v1\nkind: AgentConfiguration\n";

    [Fact]
    public void Parse_packagedFile_isAllDefaults()
    {
        AgentConfigurationFile file = AgentConfigurationParser.Parse(Packaged, RepositoryFiles.Read(Packaged));

        Assert.Empty(file.Diagnostics);
        Assert.Equal(AgentConfiguration.Default, file.Configuration);
    }

    [Fact]
    public void Parse_packagedFileUncommented_showsEverySettingWithItsDefault()
    {
        string[] lines = Encoding.UTF8.GetString(RepositoryFiles.Read(Packaged)).Split('\n');
        string[] settings = [.. lines.Where(line => line.Length > 1 && line[0] == '#' && char.IsAsciiLetter(line[1]))];
        AgentConfigurationFile file = Parse(string.Join('\n', lines.Select(line => settings.Contains(line) ? line[1..] : line)));

        Assert.Equal(
            ["insideNetworks", "serviceNetworks", "clients", "datapath", "addressConflictDetection", "flowLog", "flowOffload", "drainTimeout", "etcHosts", "metrics", "flowRecords", "cluster"],
            settings.Select(line => line[1..line.IndexOf(':')]));
        Assert.Empty(file.Diagnostics);
        Assert.Equal(AgentConfiguration.Default with { Clients = file.Configuration!.Clients }, file.Configuration);
        Assert.Equal("0.0.0.0/0, ::/0", file.Configuration.Clients!.ToString());
    }

    [Theory]
    [InlineData("[node, 10.0.0.0/8]")]
    [InlineData("node, 10.0.0.0/8")]
    public void Clients_asAListOrAsInTheAnnotation_areTaken(string written) =>
        Assert.Equal("node, 10.0.0.0/8", Parse($"{Head}clients: {written}\n").Configuration!.Clients!.ToString());

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData(Head)]
    [InlineData(Head + "datapath:\n")]
    public void Parse_nothingSet_isAllDefaults(string content)
    {
        AgentConfigurationFile file = Parse(content);

        Assert.Empty(file.Diagnostics);
        Assert.Equal(AgentConfiguration.Default, file.Configuration);
    }

    [Fact]
    public void Parse_everythingSet_isTaken()
    {
        AgentConfigurationFile file = Parse(Head + """
            metadata: {name: node}
            insideNetworks: [10.7.0.0/20]
            serviceNetworks: ["fd00:7::/112", 10.8.0.0/30]
            datapath: relay
            addressConflictDetection: no
            clients: [node, 10.0.0.0/8]
            flowLog: closed
            flowOffload: auto
            drainTimeout: 1m30s
            etcHosts: true
            metrics: {textfile: /var/lib/node-exporter, listen: "[::1]:9817"}
            flowRecords: {namespace: nat, destinations: false}
            cluster:
              name: edge
              node: a.example.com
              etcd:
                endpoints: ["https://192.0.2.11:2379", "https://[2001:db8::1]:2379/", "http://127.0.0.1:2379"]
                caFile: /etc/ca.pem
                certFile: /etc/cert.pem
                keyFile: /etc/key.pem
                username: egress
                passwordFile: /etc/password
              heartbeat: {address: 192.0.2.1, listen: 0.0.0.0, port: 1818}
              priority: 200
              preempt: true
            """);

        Assert.Empty(file.Diagnostics);
        AgentConfiguration configuration = file.Configuration!;
        Assert.Equal(["10.7.0.0/20"], configuration.InsideNetworks.Select(network => network.ToString()));
        Assert.Equal(["fd00:7::/112", "10.8.0.0/30"], configuration.ServiceNetworks.Select(network => network.ToString()));
        Assert.Equal(DatapathKind.Relay, configuration.Datapath);
        Assert.False(configuration.AddressConflictDetection);
        Assert.Equal("node, 10.0.0.0/8", configuration.Clients!.ToString());
        Assert.Equal(FlowLogMode.Closed, configuration.FlowLog);
        Assert.Equal(FlowOffloadMode.Auto, configuration.FlowOffload);
        Assert.Equal(TimeSpan.FromSeconds(90), configuration.DrainTimeout);
        Assert.True(configuration.EtcHosts);
        Assert.Equal(new MetricsPlaces("/var/lib/node-exporter", new IPEndPoint(IPAddress.IPv6Loopback, 9817)), configuration.Metrics);
        Assert.Equal(new FlowRecordSettings("nat", TellsDestinations: false), configuration.FlowRecords);
        EtcdSettings etcd = new(
            ["https://192.0.2.11:2379", "https://[2001:db8::1]:2379", "http://127.0.0.1:2379"], "/etc/ca.pem", "/etc/cert.pem", "/etc/key.pem", "egress", "/etc/password");
        Assert.Equal(new ClusterSettings("edge", "a.example.com", etcd, new HeartbeatSettings(IPAddress.Parse("192.0.2.1"), IPAddress.Any, 1818), 200, Preempts: true), configuration.Cluster);
    }

    [Fact]
    public void Cluster_withWhatIsRequired_hasDefaults()
    {
        ClusterSettings cluster = Parse($"{Head}cluster: {{name: edge, etcd: {{endpoints: ['https://etcd:2379']}}}}\n").Configuration!.Cluster!;

        Assert.Equal(new ClusterSettings("edge", null, new EtcdSettings(["https://etcd:2379"], null, null, null, null, null), null, 100, Preempts: false), cluster);
    }

    [Fact]
    public void Cluster_withoutTls_isTakenWithAWarning()
    {
        AgentConfigurationFile file = Parse($"{Head}cluster: {{name: edge, etcd: {{endpoints: ['http://192.0.2.11:2379']}}}}\n");

        Assert.Equal(["http://192.0.2.11:2379"], file.Configuration!.Cluster!.Etcd.Endpoints);
        Diagnostic warning = Assert.Single(file.Diagnostics);
        Assert.Equal(DiagnosticSeverity.Warning, warning.Severity);
        Assert.Contains(
            "3:42: cluster.etcd.endpoints[0]: warning: without TLS whoever is on the way to 192.0.2.11:2379 can take the cluster's addresses; give `https://` and `caFile`",
            warning.ToString());
    }

    [Theory]
    [InlineData("0s", 0)]
    [InlineData("500ms", 500)]
    [InlineData("30s", 30_000)]
    [InlineData("2m", 120_000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("59m59s999ms", 3_599_999)]
    public void DrainTimeout_withUnits_isTaken(string text, int milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), Parse($"{Head}drainTimeout: {text}\n").Configuration!.DrainTimeout);

    [Theory]
    [InlineData("drainTimeout: 30", "3:15: drainTimeout: must be a time from `0s` to `1h`, such as `500ms`, `30s` or `1m30s`; `30` needs a unit")]
    [InlineData("drainTimeout: 2h", "3:15: drainTimeout: must be a time from `0s` to `1h`, such as `500ms`, `30s` or `1m30s`, not `2h`")]
    [InlineData("drainTimeout: 30 s", "3:15: drainTimeout: must be a time from `0s` to `1h`, such as `500ms`, `30s` or `1m30s`, not `30 s`")]
    [InlineData("drainTimeout: -1s", "3:15: drainTimeout: must be a time from `0s` to `1h`, such as `500ms`, `30s` or `1m30s`, not `-1s`")]
    [InlineData("drainTimeout: ''", "3:15: drainTimeout: must be a time from `0s` to `1h`, such as `500ms`, `30s` or `1m30s`, not an empty text")]
    [InlineData("datapath: Relay", "3:11: datapath: must be `kernel` or `relay`, not `Relay`; did you mean `relay`?")]
    [InlineData("clients: []", "3:10: clients: names nobody; leave it out if everybody may use the routers")]
    [InlineData("clients: [Node]", "3:11: clients[0]: must be a network, such as `10.0.0.0/8`, not the host name `Node`: names are not resolved; did you mean `node`?")]
    [InlineData("clients: {node: true}", "3:10: clients: must be a list of networks and the word `node`, not a mapping")]
    [InlineData("flowOffload: on", "3:14: flowOffload: must be `off` or `auto`, not `on`")]
    [InlineData("flowLog: yes", "3:10: flowLog: must be `none`, `closed` or `all`, not `yes`")]
    [InlineData("addressConflictDetection: \"false\"", "3:27: addressConflictDetection: must be `true` or `false`, not the text `false`")]
    [InlineData("addressConflictDetection: 1", "3:27: addressConflictDetection: must be `true` or `false`, not the number `1`")]
    [InlineData("drainTimeOut: 1s", "3:1: drainTimeOut: unknown field; did you mean `drainTimeout`?")]
    [InlineData("routers: []", "3:1: routers: unknown field; allowed here: addressConflictDetection, apiVersion, clients, cluster, datapath, drainTimeout, etcHosts, flowLog, flowOffload, flowRecords, insideNetworks, kind, metrics, serviceNetworks")]
    [InlineData("insideNetworks: 10.7.0.0/16", "3:17: insideNetworks: must be a list of networks, at most one per family, not the text `10.7.0.0/16`")]
    [InlineData("insideNetworks: []", "3:17: insideNetworks: needs at least one network")]
    [InlineData("insideNetworks: [10.7.0.0/16, 10.8.0.0/16]", "3:31: insideNetworks[1]: is a second IPv4 network; at most one per family is used")]
    [InlineData("insideNetworks: [10.7.0.1/16]", "3:18: insideNetworks[0]: must be a network: `10.7.0.1/16` is an address in the network `10.7.0.0/16`")]
    [InlineData("insideNetworks: [10.7.0.0/31]", "3:18: insideNetworks[0]: the prefix length must be 8 to 30, so that there are addresses to give out, not 31")]
    [InlineData("insideNetworks: [8.0.0.0/7]", "3:18: insideNetworks[0]: the prefix length must be 8 to 30, so that there are addresses to give out, not 7")]
    [InlineData("insideNetworks: ['fd00::/127']", "3:18: insideNetworks[0]: the prefix length must be 32 to 126, so that there are addresses to give out, not 127")]
    [InlineData("insideNetworks: [224.0.0.0/8]", "3:18: insideNetworks[0]: must be a network of hosts; 224.0.0.0 is a multicast address")]
    [InlineData("insideNetworks: ['fe80::/64']", "3:18: insideNetworks[0]: must be a network of hosts; fe80:: is a link-local address")]
    [InlineData("insideNetworks: [127.0.0.0/8]", "3:18: insideNetworks[0]: must be a network of hosts; 127.0.0.0 is a loopback address")]
    [InlineData("insideNetworks: [198.19.128.0/24]", "3:17: insideNetworks: 198.19.128.0/24 overlaps 198.19.0.0/16 of `serviceNetworks`")]
    [InlineData("serviceNetworks: [198.0.0.0/8]", "3:18: serviceNetworks: 198.0.0.0/8 overlaps 198.18.0.0/16 of `insideNetworks`")]
    [InlineData("metrics: true", "3:10: metrics: must be a mapping with `textfile`, a directory, or `listen`, such as `127.0.0.1:9817`, not the boolean `true`")]
    [InlineData("metrics: {port: 1}", "3:11: metrics.port: unknown field; allowed here: listen, textfile")]
    [InlineData("metrics: {textfile: node.prom}", "3:21: metrics.textfile: must be the absolute path of a directory, such as `/var/lib/prometheus/node-exporter`, not `node.prom`")]
    [InlineData("metrics: {listen: '0.0.0.0:9817'}", "3:19: metrics.listen: must be an address of loopback and a port, such as `127.0.0.1:9817` or `[::1]:9817`: who reads metrics gives no password, so that 0.0.0.0 would show them to others; a proxy of the node can, or `textfile`")]
    [InlineData("metrics: {listen: '[2001:db8::1]:9817'}", "3:19: metrics.listen: must be an address of loopback and a port, such as `127.0.0.1:9817` or `[::1]:9817`: who reads metrics gives no password, so that 2001:db8::1 would show them to others; a proxy of the node can, or `textfile`")]
    [InlineData("metrics: {listen: 'localhost:9817'}", "3:19: metrics.listen: must be an address of loopback and a port, such as `127.0.0.1:9817` or `[::1]:9817`, not `localhost:9817`")]
    [InlineData("metrics: {listen: '::1:9817'}", "3:19: metrics.listen: must be an address of loopback and a port, such as `127.0.0.1:9817` or `[::1]:9817`, not `::1:9817`")]
    [InlineData("metrics: {listen: '127.0.0.1:0'}", "3:19: metrics.listen: must be an address of loopback and a port, such as `127.0.0.1:9817` or `[::1]:9817`, not `127.0.0.1:0`")]
    [InlineData("metrics: {listen: '127.0.0.1:65536'}", "3:19: metrics.listen: must be an address of loopback and a port, such as `127.0.0.1:9817` or `[::1]:9817`, not `127.0.0.1:65536`")]
    [InlineData("metrics: {listen: '127.0.0.1'}", "3:19: metrics.listen: must be an address of loopback and a port, such as `127.0.0.1:9817` or `[::1]:9817`, not `127.0.0.1`")]
    [InlineData("flowRecords: {destinations: 0}", "3:29: flowRecords.destinations: must be `true` or `false`, not the number `0`")]
    [InlineData("cluster: edge", "3:10: cluster: must be a mapping with `name` and `etcd`, not the text `edge`")]
    [InlineData("cluster: {name: edge}", "3:10: cluster.etcd: is required: a mapping with `endpoints`")]
    [InlineData("cluster: {name: Edge, etcd: {endpoints: ['https://e:1']}}", "3:17: cluster.name: must be a name: lower-case letters, digits and `-`, beginning and ending with a letter or digit, at most 63 characters; not `Edge`")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: []}}", "3:41: cluster.etcd.endpoints: needs at least one endpoint of etcd")]
    [InlineData("cluster: {name: edge, etcd: {endpoint: ['https://e:1']}}", "3:30: cluster.etcd.endpoint: unknown field; did you mean `endpoints`?")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: ['https://e']}}", "3:42: cluster.etcd.endpoints[0]: must be `https://HOST:PORT` of a member of etcd, such as `https://192.0.2.11:2379`, not `https://e`")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: ['e:2379']}}", "3:42: cluster.etcd.endpoints[0]: must be `https://HOST:PORT` of a member of etcd, such as `https://192.0.2.11:2379`, not `e:2379`")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: ['https://e:1/v3']}}", "3:42: cluster.etcd.endpoints[0]: must be `https://HOST:PORT` of a member of etcd, such as `https://192.0.2.11:2379`, not `https://e:1/v3`")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: ['https://e:1'], certFile: /c}}", "3:68: cluster.etcd.certFile: needs `keyFile` beside it")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: ['https://e:1'], passwordFile: /c}}", "3:72: cluster.etcd.passwordFile: needs `username` beside it")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: ['https://e:1'], caFile: ca.pem}}", "3:66: cluster.etcd.caFile: must be the absolute path of a file, not `ca.pem`")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: ['https://e:1']}, priority: 0}", "3:69: cluster.priority: must be a whole number, 1 to 10000, not `0`")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: ['https://e:1']}, preempt: 1}", "3:68: cluster.preempt: must be `true` or `false`, not the number `1`")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: ['https://e:1']}, prio: 1}", "3:59: cluster.prio: unknown field; allowed here: etcd, heartbeat, name, node, preempt, priority")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: ['https://e:1']}, heartbeat: {}}", "3:70: cluster.heartbeat.address: is required: this node's address, to which the others send heartbeats")]
    [InlineData("cluster: {name: edge, etcd: {endpoints: ['https://e:1']}, heartbeat: {address: 0.0.0.0}}", "3:80: cluster.heartbeat.address: must be an IP address of this node, such as `192.0.2.1`, not `0.0.0.0`")]
    [InlineData("--- {}", "3:5: the file must hold one document, not several")]
    [InlineData("flowRecords: {namespace: ../x}", "3:26: flowRecords.namespace: must be the name of a journal namespace, such as `egress-flows`: up to 64 letters, digits, `-`, `_` and `.`, and a letter or digit first; not `../x`")]
    [InlineData("flowLog: 'all", "3:10: the quote opened here is not closed")]
    public void Parse_invalidSetting_isReportedAtItsPlace(string line, string expected)
    {
        AgentConfigurationFile file = Parse($"{Head}{line}\n");

        Assert.Equal([$"agentd.yaml:{expected}"], file.Diagnostics.Select(diagnostic => diagnostic.ToString()));
        Assert.Null(file.Configuration);
    }

    [Theory]
    [InlineData("kind: Agent\n", "agentd.yaml:1:1: apiVersion: is required: `agent.egressagent.org/v1`", "agentd.yaml:1:7: kind: must be `AgentConfiguration`, not `Agent`")]
    [InlineData("[]\n", "agentd.yaml:1:1: must be a mapping, not a list")]
    public void Parse_otherDocument_isRefused(string content, params string[] expected)
    {
        AgentConfigurationFile file = Parse(content);

        Assert.Equal(expected, file.Diagnostics.Select(diagnostic => diagnostic.ToString()));
        Assert.Null(file.Configuration);
    }

    private static AgentConfigurationFile Parse(string content) => AgentConfigurationParser.Parse("agentd.yaml", Encoding.UTF8.GetBytes(content));
}
