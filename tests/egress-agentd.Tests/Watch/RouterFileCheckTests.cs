using System.Net;
using EgressAgent.Daemon.Commands;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Daemon.Watch;
using EgressAgent.Model;
using EgressAgent.Model.Validation;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Watch;

public sealed class RouterFileCheckTests : IDisposable
{
    private const string SettingsHead = "apiVersion: agent.egressagent.org/v1\nkind: AgentConfiguration\n";

    private readonly TemporaryDirectory _directory = new();

    public RouterFileCheckTests() => Requires.Root();

    [Fact]
    public void Run_directory_takesItsRouterFiles()
    {
        File.WriteAllText(_directory["good.yaml"], Example.Document());
        File.WriteAllText(_directory["bad.yml"], "kind: [");

        RouterFileCheck check = Run(_directory.Path);

        Assert.False(check.IsValid);
        Assert.Equal((2, 1), (check.Files, check.Routers));
        Assert.All(check.Findings, finding => Assert.Equal(_directory["bad.yml"], finding.Location.File));
    }

    [Fact]
    public void Run_directory_namesWhatIsNotReadAndWhy()
    {
        File.WriteAllText(_directory["web.conf"], "");
        File.WriteAllText(_directory["web.YAML"], "");
        Directory.CreateDirectory(_directory["more"]);
        File.CreateSymbolicLink(_directory["web.yaml"], "/nowhere/web.yaml");
        foreach (string leftover in (string[])[".web.yaml.swp", "web.yaml~", "web.yaml.bak", "web.yaml.dpkg-new", "web.yaml.rpmsave", ".hidden"])
        {
            File.WriteAllText(_directory[leftover], "");
        }

        RouterFileCheck check = Run(_directory.Path);

        Assert.True(check.IsValid);
        Assert.Equal(0, check.Files);
        Assert.Equal(
            [
                $"{_directory["more"]}: warning: is a directory, and is not read: router files lie in one directory",
                $"{_directory["web.YAML"]}: warning: is not read: its name does not end in .yaml or .yml",
                $"{_directory["web.conf"]}: warning: is not read: its name does not end in .yaml or .yml",
                $"{_directory["web.yaml"]}: warning: is a link to /nowhere/web.yaml, which is not there, and is not read",
            ],
            check.Findings.Select(finding => finding.ToString()));
    }

    [Fact]
    public void Run_file_isTakenWhateverItsName()
    {
        File.WriteAllText(_directory["web.yaml.new"], Example.Document(port: 0));

        Assert.Contains("port", Assert.Single(Run(_directory["web.yaml.new"]).Findings).Field);
    }

    [Fact]
    public void Run_fileElsewhere_isNotAskedForItsOwner()
    {
        File.WriteAllText(_directory["web.yaml"], Example.Document());
        Command.Check("chown", "65534", _directory["web.yaml"]);

        Assert.Empty(Run(_directory["web.yaml"]).Findings);
        Assert.Equal(
            $"{_directory["web.yaml"]}: the file belongs to user 65534 and is not read; it must belong to root (chown root)",
            Assert.Single(RouterFileCheck.Run([_directory["web.yaml"]], Agent with { RoutersDirectory = _directory.Path }).Findings).ToString());
    }

    [Fact]
    public void Run_filesInConflict_saysSoAtTheSecond()
    {
        File.WriteAllText(_directory["a.yaml"], Example.Document());
        File.WriteAllText(_directory["b.yaml"], Example.Document("other"));

        RouterFileCheck check = Run(_directory["b.yaml"], _directory["a.yaml"]);

        Assert.Equal(_directory["b.yaml"], Assert.Single(check.Findings).Location.File);
        Assert.Equal((2, 1), (check.Files, check.Routers));
    }

    [Fact]
    public void Run_filesInConflict_asTheAgentHasThem()
    {
        File.WriteAllText(_directory["a.yaml"], Example.Document());
        File.WriteAllText(_directory["b.yaml"], Example.Document());

        RouterFileCheck check = RouterFileCheck.Run(
            [_directory.Path], Agent with { RunningFiles = new Dictionary<RouterKey, string> { [new RouterKey("default", "web")] = _directory["b.yaml"] } });

        Assert.Equal(_directory["a.yaml"], Assert.Single(check.Findings).Location.File);
    }

    [Fact]
    public void Run_insideAddressThatFollowsFromTwoNames_isWarnedOf()
    {
        File.WriteAllText(_directory["agentd.yaml"], SettingsHead + "insideNetworks: [10.7.0.0/29]\n");
        for (int i = 0; i < 6; i++)
        {
            File.WriteAllText(_directory[$"r{i}.yaml"], Example.Document($"r{i}", $"192.168.12.{i + 1}/24"));
        }

        // Five addresses are left for six routers.
        RouterFileCheck check = RouterFileCheck.Run([_directory.Path], Agent with { ConfigurationPath = _directory["agentd.yaml"] });

        Assert.Contains(check.Findings, finding => finding.Severity == DiagnosticSeverity.Warning
            && finding.Message.StartsWith("is not given, and the inside address 10.7.0.", StringComparison.Ordinal)
            && finding.Field == "metadata.annotations[egressagent.org/inside-address]");
    }

    [Theory]
    [InlineData("", "", "egress-agentd is running, but does not have default/web")]
    [InlineData("web.yaml", "active", "egress-agentd is running and has them in force")]
    [InlineData("web.yaml", "degraded", "egress-agentd is running, but default/web is degraded")]
    [InlineData("other.yaml", "active", "egress-agentd is running, and has default/web from FILE")]
    public void Compare_withTheRunningAgent_saysWhatDiffers(string file, string state, string expected)
    {
        File.WriteAllText(_directory["web.yaml"], Example.Document());
        Dictionary<RouterKey, RunningRouter> running = [];
        if (file.Length > 0)
        {
            running.Add(new RouterKey("default", "web"), new RunningRouter(state, _directory[file]));
        }

        Assert.Equal(expected.Replace("FILE", _directory[file], StringComparison.Ordinal), AgentInquiry.Compare(Run(_directory["web.yaml"]), running));
    }

    [Fact]
    public void Run_missingPath_isListed()
    {
        RouterFileCheck check = Run(_directory["none.yaml"]);

        Assert.Equal([_directory["none.yaml"]], check.Missing);
        Assert.Empty(check.Findings);
    }

    [Fact]
    public void Run_linkIntoNowhere_isAFault()
    {
        File.CreateSymbolicLink(_directory["web.yaml"], "/nowhere/web.yaml");

        Assert.Equal(
            $"{_directory["web.yaml"]}: is a link to /nowhere/web.yaml, which is not there", Assert.Single(Run(_directory["web.yaml"]).Findings).ToString());
    }

    [Fact]
    public void Run_settings_areKnownByTheirKind()
    {
        File.WriteAllText(_directory["settings.yaml"], SettingsHead + "datapath: ebpf\n");

        Assert.Equal(
            $"{_directory["settings.yaml"]}:3:11: datapath: must be `kernel` or `relay`, not `ebpf`",
            Assert.Single(Run(_directory["settings.yaml"]).Findings).ToString());
    }

    [Fact]
    public void Run_withSettings_knowsTheInsideNetworks()
    {
        File.WriteAllText(_directory["agentd.yaml"], SettingsHead + "insideNetworks: [10.7.0.0/16]\n");
        File.WriteAllText(
            _directory["web.yaml"], Example.Document().Replace("name: web", "name: web, annotations: {egressagent.org/inside-address: 198.18.0.9}", StringComparison.Ordinal));

        Assert.Empty(Run(_directory["web.yaml"]).Findings);
        foreach (RouterFileCheck check in (RouterFileCheck[])
            [
                Run(_directory["web.yaml"], _directory["agentd.yaml"]),
                RouterFileCheck.Run([_directory["web.yaml"]], Agent with { ConfigurationPath = _directory["agentd.yaml"] }),
            ])
        {
            Assert.Contains("198.18.0.9 must be in 10.7.0.0/16", Assert.Single(check.Findings).Message);
        }
    }

    [Theory]
    [InlineData("", "", true)]
    [InlineData(", annotations: {egressagent.org/clients: node}", "", false)]
    [InlineData("", "clients: [node]\n", false)]
    public void Run_onANodeThatForwards_asksForClients(string annotations, string settings, bool isWarned)
    {
        File.WriteAllText(_directory["web.yaml"], Example.Document().Replace("name: web", $"name: web{annotations}", StringComparison.Ordinal));
        File.WriteAllText(_directory["agentd.yaml"], SettingsHead + settings);

        RouterFileCheck check = RouterFileCheck.Run(
            [_directory["web.yaml"], _directory["agentd.yaml"]], Agent with { ForwardingSwitch = "net.ipv4.ip_forward" });

        Assert.True(check.IsValid);
        Assert.Equal(
            isWarned
                ? [$"{_directory["web.yaml"]}:1:1: metadata.annotations[egressagent.org/clients]: warning: is not given, and this node forwards "
                    + "(net.ipv4.ip_forward = 1): any host with a route by way of the node may use the router. "
                    + "Say who may: networks, or `node` for this node and what it masquerades"]
                : Array.Empty<string>(),
            check.Findings.Select(finding => finding.ToString()));
    }

    [Theory]
    [InlineData("198.18.3.4", "198.18.3.4 is in the inside network 198.18.0.0/16, where routers are and no partner is")]
    [InlineData("198.19.3.4", "198.19.3.4 is in the network of Services 198.19.0.0/16, which lead to routers and to no partner")]
    public void Run_destinationThatIsARouterAgain_isWarnedOf(string destination, string expected)
    {
        File.WriteAllText(_directory["web.yaml"], Example.Document().Replace("203.0.113.26", destination, StringComparison.Ordinal) + $"    fallbackIP: {destination}\n");

        RouterFileCheck check = Run(_directory["web.yaml"]);

        Assert.True(check.IsValid);
        Assert.Equal(
            [
                $"{_directory["web.yaml"]}:7:38: spec.redirect.redirectRules[0].destinationIP: warning: {expected}",
                $"{_directory["web.yaml"]}:8:17: spec.redirect.fallbackIP: warning: {expected}",
            ],
            check.Findings.Select(finding => finding.ToString()));
    }

    [Fact]
    public void Run_addressOfTheNode_isWarnedOf()
    {
        File.WriteAllText(_directory["web.yaml"], Example.Document(address: "192.168.12.99/24, gateway: 192.168.12.1"));
        HashSet<IPAddress> node = [IPAddress.Parse("192.168.12.99"), IPAddress.Parse("192.168.12.1")];

        RouterFileCheck check = RouterFileCheck.Run([_directory["web.yaml"]], Agent with { NodeAddresses = node });

        Assert.True(check.IsValid);
        Assert.Equal(
            [
                $"{_directory["web.yaml"]}:5:21: spec.addresses[0].ip: warning: 192.168.12.99 is an address of this node, and a reserved address belongs to one router alone: "
                    + "the router waits until it is taken off the node",
                $"{_directory["web.yaml"]}:5:48: spec.addresses[0].gateway: warning: 192.168.12.1 is an address of this node, which a macvlan cannot reach: "
                    + "only destinations in the same subnet can be reached. Name the router of that network",
            ],
            check.Findings.Select(finding => finding.ToString()));
    }

    // Of IPv4 there is room for the nine that they need, of IPv6 there is not for three.
    [Fact]
    public void Run_tableOfTheNodeThatIsSmallForItsRouters_isWarnedOf()
    {
        File.WriteAllText(_directory["web.yaml"], Example.Document(address: "192.168.12.99/24 }, { ip: \"2001:db8::99/64\""));
        File.WriteAllText(_directory["two.yaml"], Example.Document("two", "192.168.12.92/24"));
        File.WriteAllText(_directory["three.yaml"], Example.Document("three", "192.168.12.93/24"));

        RouterFileCheck check = RouterFileCheck.Run([_directory.Path], Agent with { Tables = new NodeTables(12, 3, 65536) });

        Assert.True(check.IsValid);
        Assert.Equal(
            [
                "net.ipv6.neigh.default.gc_thresh3: warning: 1 router needs about 3 entries of the table of ND neighbours, which all network namespaces share, and it takes 3; "
                    + "when it is full, hosts of the LAN, gateways among them, can be out of reach, for the node itself too: "
                    + "sysctl -w net.ipv6.neigh.default.gc_thresh2=4 net.ipv6.neigh.default.gc_thresh3=8",
                "net.netfilter.nf_conntrack_max: warning: the node itself tracks more than three quarters of the 65536 connections that it can, and those that it forwards to its "
                    + "routers are among them; when it is full, new ones are dropped: sysctl -w net.netfilter.nf_conntrack_max=262144",
            ],
            check.Findings.Select(finding => finding.ToString()));
    }

    public void Dispose() => _directory.Dispose();

    private static CheckedAgent Agent => new("/nowhere/routers", "/nowhere/agentd.yaml") { ForwardingSwitch = null, NodeAddresses = new HashSet<IPAddress>(), Tables = NodeTables.Unknown };

    private static RouterFileCheck Run(params string[] targets) => RouterFileCheck.Run(targets, Agent);
}
