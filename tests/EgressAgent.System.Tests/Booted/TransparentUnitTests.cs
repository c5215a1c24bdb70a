using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Booted;

/// <summary>A unit and a container in a router's netns, by the example that the package brings.</summary>
public sealed class TransparentUnitTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>, IDisposable
{
    private const string Netns = "egress.default.egress-router-redirect";
    private const string Example = "/usr/share/doc/egress-agentd/examples/units/reserved-address.conf";
    private const string Unit = "partner-client.service";
    private const string UnitFile = $"/etc/systemd/system/{Unit}";
    private const string Output = "/run/partner-client";

    // Exit code 225 of systemd.exec(5): EXIT_NETWORK.
    private const string NoNetwork = "225";

    // Says of each destination whom it saw, or why it was not reached.
    private const string Program = """
        use IO::Socket::INET;
        for (@ARGV) {
            my ($protocol, $to) = split "/";
            my $socket = IO::Socket::INET->new(Proto => $protocol, PeerAddr => $to, Timeout => 5);
            my $seen = "";
            if ($socket) {
                $socket->send("who am I") if $protocol eq "udp";
                local $SIG{ALRM} = sub { die };
                eval { alarm 5; $socket->recv($seen, 256); alarm 0 };
                chomp $seen;
            }
            $seen =~ s/:[0-9]+ -> / /;
            print "$to ", $seen || "refused", "\n";
        }
        """;

    private static readonly string[] Destinations = ["tcp/203.0.113.26:80", "tcp/203.0.113.27:443", "udp/10.0.0.99:80"];

    private static string Reached => string.Concat(Destinations.Select(destination => destination.Split('/')[1]).Select(to => $"{to} {EgressLab.ReservedAddress} {to}\n"));

    private static string Refused => string.Concat(Destinations.Select(destination => $"{destination.Split('/')[1]} refused\n"));

    public void Dispose() =>
        Node.Check("sh", "-c", $"systemctl stop --quiet {Unit} lasting.service; rm -rf {UnitFile} {UnitFile}.d /etc/resolv.conf; systemctl daemon-reload; systemctl reset-failed");

    [Theory]
    [InlineData("kernel")]
    [InlineData("relay")]
    public void Unit_reaches_three_destinations_as_the_reserved_address_and_none_when_that_is_denied(string datapath)
    {
        InstallUnit();
        Write(datapath, "allow");

        Assert.Equal((0, Reached), Start());

        Write(datapath, "deny");

        Assert.Equal((0, Refused), Start());
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource);
    }

    [Fact]
    public void Unit_does_not_start_while_the_router_is_away_and_one_that_runs_reaches_nobody()
    {
        InstallUnit();
        Write("kernel", "allow");
        Node.Check("systemd-run", "--quiet", "--unit=lasting.service", $"--property=NetworkNamespacePath=/run/netns/{Netns}", "sleep", "infinity");
        string lasting = Node.Check("systemctl", "show", "--property=MainPID", "--value", "lasting.service").Trim();
        Assert.Equal(Reached, Reach("nsenter", $"--net=/proc/{lasting}/ns/net"));

        Node.Check("rm", InstalledAgentFile);
        Eventually.True("the router to be gone", () => !Node.Check("ip", "netns").Contains(Netns));

        (int exitCode, string output) = Start();
        Assert.NotEqual(0, exitCode);
        Assert.Equal("", output);
        Assert.Equal(NoNetwork, Node.Check("systemctl", "show", "--property=ExecMainStatus", "--value", Unit).Trim());
        Assert.Equal(Refused, Reach("nsenter", $"--net=/proc/{lasting}/ns/net"));
        Assert.False(Directory.Exists(Node.PathOf("/run/egress-agentd/netns/default.egress-router-redirect")));

        Agent.WriteRouter(Agent.ReadExample());
        Eventually.Holds(() => Assert.Equal((0, Reached), Start()));
    }

    [Fact]
    public void Unit_has_the_name_servers_of_the_node_but_for_those_on_it_and_follows_them()
    {
        File.WriteAllText(Node.PathOf("/etc/resolv.conf"), "nameserver 127.0.0.53\nnameserver 10.0.0.99\nsearch example.com\n");
        InstallUnit("sleep infinity", type: "exec");
        Eventually.Holds(() => Assert.Contains("10.0.0.99", Node.Check("cat", "/run/egress-agentd/netns/default.egress-router-redirect/resolv.conf")));
        Node.Check("systemctl", "start", Unit);
        string process = Node.Check("systemctl", "show", "--property=MainPID", "--value", Unit).Trim();
        Assert.Equal("nameserver 10.0.0.99\nsearch example.com\n", Servers(process));

        File.WriteAllText(Node.PathOf("/etc/resolv.conf"), "nameserver 203.0.113.53\n");

        Eventually.Holds(() => Assert.Equal("nameserver 203.0.113.53\n", Servers(process)));
        Assert.NotEqual(0, Node.Run("nsenter", "--target", process, "--mount", "--", "sh", "-c", ": >>/etc/resolv.conf").ExitCode);
    }

    [Fact]
    public void Container_of_podman_reaches_three_destinations_as_the_reserved_address_and_does_not_start_without_the_router()
    {
        Node.Check("sh", "-c", """
            set -e
            mkdir -p /etc/containers /var/image
            printf '[storage]\ndriver="vfs"\nrunroot="/run/containers/storage"\ngraphroot="/var/lib/containers/storage"\n' >/etc/containers/storage.conf
            mountpoint -q /var/image || mount --bind / /var/image
            """);
        InstallUnit();
        File.WriteAllText(Node.PathOf("/etc/resolv.conf"), "nameserver 127.0.0.53\nnameserver 10.0.0.99\n");
        Eventually.Holds(() => Assert.Contains("10.0.0.99", Node.Check("cat", "/run/egress-agentd/netns/default.egress-router-redirect/resolv.conf")));
        string[] podman =
        [
            "podman", "run", "--rm", "--network", $"ns:/run/netns/{Netns}", "--volume", "/run/egress-agentd/netns/default.egress-router-redirect/resolv.conf:/etc/resolv.conf:ro",
            "--privileged", "--pids-limit=0", "--ulimit", "host", "--rootfs", "/var/image",
        ];

        Assert.Equal(Reached, Reach(podman));
        Assert.Contains("nameserver 10.0.0.99\n", Node.Check([.. podman, "cat", "/etc/resolv.conf"]));

        Node.Check("rm", InstalledAgentFile);
        Eventually.True("the router to be gone", () => !Node.Check("ip", "netns").Contains(Netns));
        Assert.NotEqual(0, Node.Run([.. podman, "true"]).ExitCode);
    }

    private static string InstalledAgentFile => EgressAgent.Testing.Booted.InstalledAgent.RouterFile;

    private void InstallUnit(string? command = null, string type = "oneshot")
    {
        File.WriteAllText(Node.PathOf("/usr/local/bin/reach"), Program);
        File.WriteAllText(Node.PathOf(UnitFile), $"""
            [Service]
            Type={type}
            StandardOutput=truncate:{Output}
            ExecStart={command ?? $"perl /usr/local/bin/reach {string.Join(' ', Destinations)}"}

            """);
        Node.Check("mkdir", "--parents", $"{UnitFile}.d");

        // Whoever starts it wants to know at once, here.
        File.WriteAllText(
            Node.PathOf($"{UnitFile}.d/reserved-address.conf"),
            File.ReadAllText(Node.PathOf(Example)).Replace("default.web", "default.egress-router-redirect").Replace("Restart=on-failure", "Restart=no"));
        Node.Check("systemctl", "daemon-reload");
    }

    private (int ExitCode, string Output) Start()
    {
        File.WriteAllText(Node.PathOf(Output), "");
        return (Node.Run("systemctl", "start", Unit).ExitCode, File.ReadAllText(Node.PathOf(Output)));
    }

    private string Reach(params string[] launcher) => Node.Check([.. launcher, "perl", "/usr/local/bin/reach", .. Destinations]);

    private string Servers(string process) => string.Concat(
        Node.Check("nsenter", "--target", process, "--mount", "--", "cat", "/etc/resolv.conf").Split('\n').Where(line => line is not ("" or ['#', ..])).Select(line => line + "\n"));

    private void Write(string datapath, string processes)
    {
        const string Pin = "    egressagent.org/inside-address: \"198.18.0.2\"\n";
        Agent.WriteRouter(Agent.ReadExample().Replace(Pin, $"{Pin}    egressagent.org/datapath: {datapath}\n    egressagent.org/local-processes: {processes}\n"));
        Eventually.Holds(() =>
        {
            string ruleset = Node.Check("ip", "netns", "exec", Netns, "nft", "list", "table", "inet", "egress_agent");
            Assert.Equal((datapath == "kernel", processes == "deny"), (ruleset.Contains("chain to_destination"), ruleset.Contains("chain processes")));
        });
        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource));
    }
}
