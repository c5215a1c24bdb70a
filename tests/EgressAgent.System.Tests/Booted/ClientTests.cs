using System.Net;
using System.Text.Json;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Booted;

/// <summary>Who on the node a flow's client is, by units that a real systemd runs, as the journal and <c>egressctl who</c> tell it.</summary>
public sealed class ClientTests : BootedAgentTest, IClassFixture<BootedAgentTest.Fixture>
{
    private const string Settings = "/etc/egress-agentd/agentd.yaml";
    private const string Inside6 = "fd96:e9e5:a::2";
    private const string Service = "198.19.0.7";
    private const string ContainerAddress = "10.89.0.2";
    private const string ContainerId = "4f1d2c3b4a5968778695a4b3c2d1e0f04f1d2c3b4a5968778695a4b3c2d1e0f0";

    // Connects, from a port if one is given, says what the destination saw, and stays.
    private const string Client = """
        use strict; use Socket;
        my ($protocol, $address, $port, $from) = @ARGV;
        my ($ip, $is6) = $address =~ /:/ ? (Socket::inet_pton(AF_INET6, $address), 1) : (inet_aton($address), 0);
        socket(my $socket, $is6 ? AF_INET6 : AF_INET, $protocol eq "tcp" ? SOCK_STREAM : SOCK_DGRAM, 0) or die;
        setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
        setsockopt($socket, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)) if $protocol eq "tcp";
        bind($socket, sockaddr_in($from, INADDR_ANY)) or die "bind: $!" if $from;
        connect($socket, $is6 ? Socket::pack_sockaddr_in6($port, $ip) : sockaddr_in($port, $ip)) or die "connect: $!";
        syswrite($socket, "x") if $protocol eq "udp";
        sysread($socket, my $line, 200) or die "read: $!";
        $| = 1;
        print((split / /, $line)[0], "\n");
        sleep 600;
        """;

    private static readonly string WithoutRules = Router6("kernel", "[]");

    private readonly List<string> _units = [];

    public ClientTests(Fixture fixture)
        : base(fixture)
    {
        if (!File.ReadAllText(Node.PathOf(Settings)).Contains("\nflowLog: closed"))
        {
            Lab.UseIPv6();
            File.AppendAllText(Node.PathOf(Settings), "\nflowLog: closed\n");
            File.WriteAllText(Node.PathOf("/usr/local/bin/client"), Client);
            Node.Check("systemctl", "restart", "egress-agentd");
        }
    }

    [Theory]
    [InlineData("kernel")]
    [InlineData("relay")]
    public void Unit_of_the_client_is_recorded(string datapath)
    {
        Run(datapath);

        Started[] clients =
        [
            Start($"tcp4-{datapath}", "tcp", EgressLab.InsideAddress, 8080),
            Start($"udp4-{datapath}", "udp", EgressLab.InsideAddress, 80),
            Start($"tcp6-{datapath}", "tcp", Inside6, 8081),
            Start($"udp6-{datapath}", "udp", Inside6, 53),
            Start($@"by\x2dservice-{datapath}", "tcp", Service, 9000),
        ];
        string lan = LanClient();
        End(clients);

        Assert.All(clients, client => Assert.Equal((client.Unit, "", ""), WhoseRecord(client.Seen)));
        Assert.Equal(("", "", ""), WhoseRecord(lan));
        using JsonDocument found = JsonDocument.Parse(Who(clients[0].Seen, "--json"));
        Assert.Equal(clients[0].Unit, Assert.Single(found.RootElement.GetProperty("flows").EnumerateArray()).GetProperty("unit").GetString());
        Assert.Contains($"  {clients[0].Unit}  ", Who(clients[0].Seen));
    }

    [Theory]
    [InlineData("kernel")]
    [InlineData("relay")]
    public void Container_that_the_node_masquerades_is_recorded_with_the_node_s_word_for_it(string datapath)
    {
        Run(datapath);
        RunContainerNetwork();

        Started tcp = StartInContainer($"docker-{ContainerId}.scope", "tcp", EgressLab.InsideAddress, 8080);
        Started byService = StartInContainer($"docker-{ContainerId.Replace('4', '5')}.scope", "tcp", Service, 9000);
        Started unnamed = StartInContainer($"plain-{datapath}.scope", "udp", EgressLab.InsideAddress, 80);
        End(tcp, byService, unnamed);

        Assert.Equal(("", "billing", ContainerAddress), WhoseRecord(tcp.Seen));
        Assert.Equal(("", ContainerId.Replace('4', '5')[..12], ContainerAddress), WhoseRecord(byService.Seen));
        Assert.Equal((unnamed.Unit, "", ContainerAddress), WhoseRecord(unnamed.Seen));
        Assert.Contains("  the node, on behalf of billing (10.89.0.2:", Who(tcp.Seen));
    }

    // With the node's own files as the image: no network is needed. The kernel of a test machine need not have control groups of
    // version 2 alone, which is what the limits that are left out here want.
    [Theory]
    [InlineData("kernel")]
    [InlineData("relay")]
    public void Container_of_podman_is_recorded_by_its_name(string datapath)
    {
        Run(datapath);
        string output = $"/run/client-{Guid.NewGuid():N}";
        Node.Check("sh", "-c", $"""
            set -e
            mkdir -p /etc/containers /var/image
            printf '[storage]\ndriver="vfs"\nrunroot="/run/containers/storage"\ngraphroot="/var/lib/containers/storage"\n' >/etc/containers/storage.conf
            mountpoint -q /var/image || mount --bind / /var/image
            podman network exists shop || podman network create --disable-dns --subnet 10.90.0.0/24 shop
            podman run --detach --network shop --name shop-{datapath} --privileged --pids-limit=0 --ulimit host --volume /run:/out --rootfs /var/image \
                sh -c 'exec perl /usr/local/bin/client tcp {EgressLab.InsideAddress} 8080 >/out{output["/run".Length..]} 2>&1'
            """);
        string seen = WaitForSource(output);
        End();
        string address = Node.Check("podman", "inspect", "--format", "{{.NetworkSettings.Networks.shop.IPAddress}}", $"shop-{datapath}").Trim();
        Node.Check("podman", "rm", "--force", "--time=0", $"shop-{datapath}");

        Assert.Equal(("", $"shop-{datapath}", address), WhoseRecord(seen));
    }

    [Fact]
    public void Later_client_of_the_same_port_is_not_taken_for_the_one_before_nor_the_one_before_for_it()
    {
        Run("kernel");
        Started first = Start("first", "tcp", EgressLab.InsideAddress, 8080, from: 31_000);
        Stop(first);
        Flush();
        Started second = Start("second", "tcp", EgressLab.InsideAddress, 8080, from: 31_000);
        Node.Check("systemctl", "kill", "--signal=STOP", "egress-agentd");
        Stop(second);
        Flush();

        // This one is not seen to begin before it is over.
        Started third = Start("third", "tcp", EgressLab.InsideAddress, 8080, from: 31_000);
        Stop(third);
        Flush();
        Started fourth = Start("fourth", "tcp", EgressLab.InsideAddress, 8080, from: 31_000);
        Node.Check("systemctl", "kill", "--signal=CONT", "egress-agentd");
        End(fourth);

        Eventually.Holds(() => Assert.Equal(
            ["first.service", "second.service", "", "fourth.service"],
            Records("EGRESS_CLIENT_PORT=31000").OrderBy(record => Text(record, "EGRESS_START")).Select(record => Text(record, "EGRESS_UNIT"))));
    }

    [Theory]
    [InlineData("kernel")]
    [InlineData("relay")]
    public void Beginning_is_recorded_with_it_too_and_told_while_the_flow_lives(string datapath)
    {
        Run(datapath, "all");
        Started client = Start($"begun-{datapath}", "tcp", EgressLab.InsideAddress, 8080);

        JsonElement start = default;
        Eventually.Holds(() => start = Assert.Single(RecordsOf("start", $"EGRESS_SOURCE_PORT={IPEndPoint.Parse(client.Seen).Port}", "EGRESS_PROTOCOL=tcp")));
        Assert.Equal(client.Unit, Text(start, "EGRESS_UNIT"));
        Assert.Contains($"  {client.Unit}  ", Node.Check("egressctl", "who", client.Seen + "/tcp"));
        End(client);
    }

    [Fact]
    public void Connection_from_before_a_restart_of_the_agent_is_told_too()
    {
        Run("kernel");
        Started client = Start("steady", "tcp", EgressLab.InsideAddress, 8080);

        Node.Check("systemctl", "restart", "egress-agentd");
        End(client);

        Assert.Equal(("steady.service", "", ""), WhoseRecord(client.Seen));
    }

    // The route out of the node is the way of other machines' packets too.
    private string LanClient() => IPEndPoint.Parse(Lab.Client.ProbeTcp(EgressLab.InsideAddress, 8080).Answer!.Split(" -> ")[0]).ToString();

    private void Run(string datapath, string flowLog = "closed")
    {
        Agent.WriteRouter(Router6($"{datapath}\n    egressagent.org/flow-log: {flowLog}", """
            [
              {destinationIP: 10.0.0.99, port: 80, protocol: UDP},
              {destinationIP: 203.0.113.26, port: 8080, targetPort: 80, protocol: TCP},
              {destinationIP: "2001:db8:12::26", port: 8081, targetPort: 80, protocol: TCP},
              {destinationIP: "2001:db8:12::26", port: 53, protocol: UDP}
            ]
            """));
        Eventually.Holds(() => Assert.Equal("2001:db8:12::99", Lab.Node.ProbeTcp(Inside6, 8081).SeenSource));
        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(Service, 9000).SeenSource));
        Eventually.Holds(() => Assert.Contains($"{datapath}", Node.Check("egressctl", "show", "egress-router-redirect")));
    }

    private static string Router6(string datapath, string rules) => $$"""
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata:
          name: egress-router-redirect
          annotations:
            egressagent.org/inside-address: "198.18.0.2, {{Inside6}}"
            egressagent.org/datapath: {{datapath}}
        spec:
          addresses: [{ip: 192.168.12.99/24, gateway: 192.168.12.1}, {ip: "2001:db8:12::99/64", gateway: "2001:db8:12::1"}]
          redirect: {redirectRules: {{rules.Replace("\n", "\n    ")}}}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: partner}
        spec:
          clusterIP: {{Service}}
          selector: {app: egress-router-cni}
          ports: [{port: 9000, targetPort: 8080}]

        """;

    private Started Start(string name, string protocol, string address, int port, int from = 0)
    {
        string output = $"/run/client-{_units.Count}-{Guid.NewGuid():N}";
        string unit = $"{name}.service";
        _units.Add(unit);
        Node.Check(
            "systemd-run", "--quiet", "--collect", $"--unit={unit}", $"--property=StandardOutput=file:{output}", $"--property=StandardError=file:{output}",
            "perl", "/usr/local/bin/client", protocol, address, $"{port}", $"{from}");
        return new Started(unit, WaitForSource(output));
    }

    // In a namespace as engines mount it, in a control group as they name it.
    private Started StartInContainer(string scope, string protocol, string address, int port)
    {
        string output = $"/run/client-{Guid.NewGuid():N}";
        _units.Add(scope);
        Node.Start(
            "systemd-run", "--quiet", "--collect", "--scope", $"--unit={scope}", "nsenter", "--net=/run/netns/netns-billing", "--",
            "sh", "-c", $"exec perl /usr/local/bin/client {protocol} {address} {port} >{output} 2>&1");
        return new Started(scope, WaitForSource(output));
    }

    private void RunContainerNetwork()
    {
        if (File.Exists(Node.PathOf("/var/lib/containers/storage/overlay-containers/containers.json")))
        {
            return;
        }

        Node.Check("sh", "-c", $$"""
            set -e
            ip netns add netns-billing
            ip link add br-c type bridge
            ip address add 10.89.0.1/24 dev br-c
            ip link set br-c up
            ip link add c0 type veth peer name eth0 netns netns-billing
            ip link set c0 master br-c up
            ip -n netns-billing address add {{ContainerAddress}}/24 dev eth0
            ip -n netns-billing link set eth0 up
            ip -n netns-billing route add default via 10.89.0.1
            nft 'table ip engine { chain out { type nat hook postrouting priority srcnat; ip saddr 10.89.0.0/24 oifname != "br-c" masquerade; }; }'
            mkdir -p /var/lib/containers/storage/overlay-containers
            echo '[{"id":"{{ContainerId}}","names":["billing"],"image":"","layer":""}]' >/var/lib/containers/storage/overlay-containers/containers.json
            """);
    }

    private string WaitForSource(string output)
    {
        string path = Node.PathOf(output);
        Eventually.True(
            "the client's answer",
            () => File.Exists(path) && IPEndPoint.TryParse(File.ReadAllText(path).Trim(), out _),
            otherwise: () => (File.Exists(path) ? File.ReadAllText(path) : "") + Agent.Journal());
        return File.ReadAllText(path).Trim();
    }

    private void Stop(Started client) => Node.Check("systemctl", "stop", client.Unit);

    private void Flush() => Command.Check("nsenter", $"--net={Node.PathOf("/run/netns/egress.default.egress-router-redirect")}", "--", "conntrack", "--flush");

    // Without the rules, none of their flows goes on.
    private void End(params Started[] clients)
    {
        Agent.WriteRouter(WithoutRules);
        Eventually.Holds(() => Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).Outcome));
        Array.ForEach(clients, Stop);
    }

    private (string Unit, string Container, string Masqueraded) WhoseRecord(string seen)
    {
        JsonElement record = RecordOf(seen);
        return (Text(record, "EGRESS_UNIT"), Text(record, "EGRESS_CONTAINER"), Text(record, "EGRESS_MASQUERADED_ADDRESS"));
    }

    private JsonElement RecordOf(string seen)
    {
        var source = IPEndPoint.Parse(seen);
        JsonElement record = default;
        Eventually.Holds(() => record = Assert.Single(Records($"EGRESS_SOURCE_ADDRESS={source.Address}", $"EGRESS_SOURCE_PORT={source.Port}")));
        return record;
    }

    private JsonElement[] Records(params IReadOnlyList<string> matches) => RecordsOf("end", matches);

    private JsonElement[] RecordsOf(string what, params IReadOnlyList<string> matches) =>
    [
        .. Node.Run(["journalctl", "--namespace=egress-flows", "--quiet", "--no-pager", "--output=json", $"EGRESS_EVENT={what}", .. matches]).Output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement),
    ];

    private string Who(string seen, params IReadOnlyList<string> options)
    {
        DateTimeOffset start = DateTimeOffset.UnixEpoch.AddMicroseconds(long.Parse(Text(RecordOf(seen), "EGRESS_START")));
        return Node.Check(["egressctl", "who", seen + "/tcp", "--at", $"{start:yyyy-MM-dd'T'HH:mm:ss'Z'}", .. options]);
    }

    private static string Text(JsonElement record, string field) => record.TryGetProperty(field, out JsonElement value) ? value.GetString()! : "";

    private sealed record Started(string Unit, string Seen);
}
