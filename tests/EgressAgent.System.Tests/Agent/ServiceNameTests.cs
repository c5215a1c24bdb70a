using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>Clients reach a Service by its name, which Debian's dnsmasq serves from the agent's hosts file.</summary>
public sealed class ServiceNameTests : AgentTest
{
    private const string Partner = "partner.example.com";

    [Fact]
    public void Name_is_served_when_its_Service_is_saved_and_gone_when_it_is_deleted()
    {
        Files.WriteNone();
        AgentProcess agent = Scenario.StartAgent();
        var names = NameServer.Start(Lab.Node, Files);

        Files.Write("service.yaml", """
            apiVersion: v1
            kind: Service
            metadata: { name: partner, annotations: { egressagent.org/hostnames: www.partner.example } }
            spec: { clusterIP: 198.19.0.9, selector: { app: egress-router-cni }, ports: [ { port: 80 } ] }
            """);
        TimeSpan served = Eventually.True(
            "the names", () => names.Resolve("partner.default.svc") == "198.19.0.9" && names.Resolve("www.partner.example") == "198.19.0.9");

        agent.Stop();
        Assert.Equal("198.19.0.9", names.Resolve("partner"));
        Scenario.StartAgent();
        Assert.Equal("198.19.0.9", names.Resolve("partner"));

        Files.Delete("service.yaml");
        TimeSpan gone = Eventually.True("no name", () => names.Resolve("www.partner.example") == "" && names.Resolve("partner") == "");
        TestContext.Current.TestOutputHelper?.WriteLine($"served {served.TotalMilliseconds:0} ms after the save, gone {gone.TotalMilliseconds:0} ms after the deletion");
    }

    [Fact]
    public void Node_itself_has_the_names_in_its_hosts_file_until_cleanup()
    {
        // A copy of /etc in the place of /etc, for the agent alone.
        string etc = Path.Combine(Files.Runtime, "etc");
        Command.Check("cp", "--archive", "/etc", etc);
        string[] launcher =
        [
            "unshare", "--mount", "--propagation", "unchanged", "sh", "-c", "mount --make-private / && { mount --make-private /etc || true; } 2>&- && mount --bind \"$0\" /etc && exec \"$@\"", etc,
        ];
        string hosts = Path.Combine(etc, "hosts");
        string before = File.ReadAllText(hosts);
        Files.Configure("etcHosts: true");
        Files.Write("service.yaml", $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: partner, annotations: { egressagent.org/hostnames: {{Partner}} } }
            spec: { clusterIP: 198.19.0.9, selector: { app: egress-router-cni }, ports: [ { port: 80 } ] }
            """);
        AgentProcess agent = Scenario.StartAgent(launcher);

        // Who writes it holds up nobody.
        Eventually.Holds(() =>
            Assert.StartsWith("198.19.0.9 ", Command.Run("nsenter", $"--target={agent.Pid}", "--mount", "getent", "hosts", Partner).Output, StringComparison.Ordinal));
        Assert.EndsWith(before, File.ReadAllText(hosts), StringComparison.Ordinal);
        Assert.DoesNotContain(Partner, File.ReadAllText("/etc/hosts"), StringComparison.Ordinal);

        File.WriteAllText(hosts, before);
        Eventually.Holds(() => Assert.Contains(Partner, File.ReadAllText(hosts), StringComparison.Ordinal));
        agent.Stop();
        Assert.Contains(Partner, File.ReadAllText(hosts), StringComparison.Ordinal);

        Lab.Node.Check([.. launcher, Repository.AgentBinary, "cleanup", "--state", Files.State]);
        Assert.Equal(before, File.ReadAllText(hosts));
    }

    [Fact]
    public void Certificate_of_the_partner_verifies_by_the_partners_own_name()
    {
        TlsServer server = Lab.Mainframe.ServeTls("10.0.0.99", 443, Partner);
        string trusted = Path.Combine(Files.Runtime, "partner.pem");
        File.WriteAllText(trusted, server.Certificate);
        Files.Write("web.yaml", $"{new RouterDocument("web").Tcp(8443, "10.0.0.99", 443)}");
        Files.Write("service.yaml", $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: partner, annotations: { egressagent.org/hostnames: {{Partner}} } }
            spec: { selector: { app: egress-router-cni }, ports: [ { port: 443, targetPort: 8443 } ] }
            """);
        Scenario.StartAgent();
        var names = NameServer.Start(Lab.Node, Files);
        string[] curl = ["curl", "--silent", "--show-error", "--max-time", "10", "--cacert", trusted];

        Eventually.Holds(() =>
        {
            CommandResult page = names.Run([.. curl, $"https://{Partner}/"]);
            Assert.Equal((0, EgressLab.ReservedAddress, ""), (page.ExitCode, page.Output, page.Errors));
        });

        // The same place by another name is not whom the certificate names (60: CURLE_PEER_FAILED_VERIFICATION).
        Assert.Equal(60, names.Run([.. curl, "https://partner.default.svc/"]).ExitCode);
    }
}
