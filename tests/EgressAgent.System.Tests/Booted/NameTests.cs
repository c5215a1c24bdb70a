using System.Globalization;
using System.Text.Json.Nodes;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Booted;

/// <summary>A Service on an installed system, and its names with the node itself.</summary>
public sealed class NameTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>, IDisposable
{
    private const string Settings = "/etc/egress-agentd/agentd.yaml";
    private const string ServiceFile = "/etc/egress-router/service.yaml";
    private const string Hosts = "/etc/hosts";
    private const string HostsFile = "/run/egress-agentd/hosts.d/egress-agentd";
    private const string Records = "/run/systemd/resolve/static.d/egress-agentd.rr";
    private const string Address = "198.19.0.9";
    private const string Partner = "partner.example.com";

    public void Dispose()
    {
        Node.Check("sh", "-c", $"rm --force {ServiceFile} {Hosts}; [ ! -f {Settings} ] || sed --in-place /^etcHosts/d {Settings}");
        Agent.InstallPackage();
    }

    [Fact]
    public void Service_has_its_names_before_the_first_router_at_boot_and_keeps_them_over_a_stop()
    {
        StartWithNames();
        Node.Check("systemctl", "stop", "egress-agentd");
        Assert.Equal(Address, Resolve());
        Assert.Contains($" {Partner}\n", Node.Check("cat", HostsFile), StringComparison.Ordinal);

        // What a boot leaves: nothing in the kernel and nothing in /run.
        Node.Check("sh", "-c", "ip -all netns delete; rm -r /run/egress-agentd; journalctl --rotate --vacuum-time=1s --quiet");
        Node.Check("systemctl", "start", "egress-agentd");
        double named = double.Parse(Node.Check("stat", "--format=%.9Y", HostsFile), CultureInfo.InvariantCulture);
        string made = Agent.Journal("--unit=egress-agentd", "--output=short-unix", "--grep=create network namespace egress").Split('\n')[0];
        Assert.True(named < double.Parse(made.Split(' ')[0], CultureInfo.InvariantCulture), made);
        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(Address, 80).SeenSource));
    }

    [Fact]
    public void Purge_takes_the_names()
    {
        // As in a small Debian.
        File.Delete(Node.PathOf(Hosts));
        StartWithNames();

        Node.Check("apt-get", "--yes", "--quiet", "purge", "egress-agentd");

        Assert.False(File.Exists(Node.PathOf(Hosts)));
        Assert.False(File.Exists(Node.PathOf(Records)));
        Assert.False(File.Exists(Node.PathOf(HostsFile)));
    }

    [Fact]
    public void Purge_takes_the_names_that_removal_had_to_leave()
    {
        const string Before = "127.0.0.1 localhost\n";
        File.WriteAllText(Node.PathOf(Hosts), Before);
        StartWithNames();
        string left = Node.Check("cat", Hosts);
        string records = Node.Check("cat", Records);

        Node.Check("apt-get", "--yes", "--quiet", "remove", "egress-agentd");
        Assert.Equal(Before, Node.Check("cat", Hosts));
        File.WriteAllText(Node.PathOf(Hosts), left);
        File.WriteAllText(Node.PathOf(Records), records);
        Node.Check("apt-get", "--yes", "--quiet", "purge", "egress-agentd");

        Assert.Equal(Before, Node.Check("cat", Hosts));
        Assert.False(File.Exists(Node.PathOf(Records)));
    }

    private void StartWithNames()
    {
        // As systemd-resolved has it: a user's.
        Node.Check("install", "--directory", "--owner=nobody", "--mode=755", "/run/systemd/resolve");
        File.AppendAllText(Node.PathOf(Settings), "etcHosts: true\n");
        File.WriteAllText(Node.PathOf(ServiceFile), $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: partner, annotations: { egressagent.org/hostnames: {{Partner}} } }
            spec: { clusterIP: {{Address}}, selector: { app: egress-router-cni }, ports: [ { port: 80, targetPort: 8080 } ] }
            """);
        Node.Check("systemctl", "restart", "egress-agentd");
        Eventually.Holds(() => Assert.Equal(Address, Resolve()));
        Assert.Contains(
            $$"""{"key":{"name":"{{Partner}}","type":1},"address":[198,19,0,9]}""", JsonNode.Parse(Node.Check("cat", Records))!.AsArray().Select(record => record!.ToJsonString()));
        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(Address, 80).SeenSource));
    }

    private string Resolve() => Node.Run("getent", "ahostsv4", Partner).Output.Split(' ')[0];
}
