using EgressAgent.Linux.Bus;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>What the agent says of a packet is what the packet does: every question to every router, and then the packet.</summary>
public abstract class ExplainTests : DataPathTest, IClassFixture<ExplainTests.ClassBus>
{
    private const string Addresses = """
        addresses: [
          { ip: 192.168.12.99/24, gateway: 192.168.12.1 },
          { ip: "2001:db8:12::99/64", gateway: "2001:db8:12::1" } ]
        """;

    private const string Rules = """
        redirectRules: [
          { destinationIP: 203.0.113.26, port: 80, protocol: TCP },
          { destinationIP: 203.0.113.27, port: 80, protocol: UDP },
          { destinationIP: 203.0.113.27, port: 8080, targetPort: 80, protocol: TCP },
          { destinationIP: "2001:db8:ff::26", port: 8086, targetPort: 80, protocol: TCP },
          { destinationIP: "2001:db8:ff::27", port: 8086, targetPort: 80, protocol: UDP } ]
        """;

    private const string Cluster = "198.19.0.9";
    private const string Cluster6 = "fd96:e9e5:b::9";
    private const string External = "192.168.12.97";
    private const string External6 = "2001:db8:12::97";

    private static readonly int[] TcpPorts = [80, 81, 8080, 8086, 8443];
    private static readonly int[] UdpPorts = [80, 8080, 8086];

    private readonly ExplainQuestions _questions;

    protected ExplainTests(Fixture fixture, ClassBus bus)
        : base(fixture)
    {
        _questions = new ExplainQuestions(bus.Client);
        if (!Lab.IsAgentRunning)
        {
            Lab.Files.Bus = bus.Daemon.Address;
        }
    }

    public static TheoryData<string, string, string> Routers => new()
    {
        { "rules", $"{Addresses}, redirect: {{ {Rules} }}", "" },
        { "fallback4", $"{Addresses}, redirect: {{ {Rules}, fallbackIP: {DataPathLab.OtherWeb} }}", "" },
        { "fallback6", $"{Addresses}, redirect: {{ {Rules}, fallbackIP: \"{DataPathLab.OtherWeb6}\" }}", "" },
        { "nothing", $"{Addresses}, redirect: {{}}", "" },
        { "containers", $"{Addresses}, redirect: {{ {Rules}, fallbackIP: {DataPathLab.OtherWeb} }}", "egressagent.org/clients: \"10.88.0.0/24, fd88::/64\"" },
        { "node", $"{Addresses}, redirect: {{ {Rules} }}", "egressagent.org/clients: node" },
        { "ipv4", $"addresses: [ {{ ip: 192.168.12.99/24, gateway: 192.168.12.1 }} ], redirect: {{ {Rules.Split(",\n  { destinationIP: \"2001")[0]} ] }}", "" },
    };

    /// <summary>What a client meets where the router has no way to the destination.</summary>
    protected abstract ProbeOutcome[] NoWay { get; }

    [Theory]
    [MemberData(nameof(Routers))]
    public void Explanation_agrees_with_packets(string name, string spec, string annotations)
    {
        Lab.Apply(name, spec, annotations);
        foreach ((LabHost client, string from4, string from6) in ((LabHost, string, string)[])
            [(Lab.Node, "", ""), (Lab.Client, "10.88.0.2", "fd88::2"), (Lab.Overlapping, "10.89.0.2", "fd89::2")])
        {
            foreach ((string inside, string from) in ((string, string)[])[(DataPathLab.Inside, from4), (DataPathLab.Inside6, from6)])
            {
                foreach (int port in TcpPorts)
                {
                    _questions.Compare(_questions.Ask(name, $"tcp/{port}", from, inside), [80, 8443], () => client.ProbeTcp(inside, port));
                }

                foreach (int port in UdpPorts)
                {
                    _questions.Compare(_questions.Ask(name, $"{port}/udp", from, inside), [80], () => client.ProbeUdp(inside, port));
                }
            }

            _questions.Compare(_questions.Ask(name, "icmp", from4, DataPathLab.Inside), [0], () => client.Ping(DataPathLab.Inside));
            _questions.Compare(_questions.Ask(name, "icmp", from6, DataPathLab.Inside6), [0], () => client.Ping(DataPathLab.Inside6));
        }

        Assert.Equal((name != "nothing", true), (_questions.Forwarded > 0, _questions.Refused > 0));
    }

    [Theory]
    [InlineData("")]
    [InlineData("egressagent.org/clients: \"10.88.0.0/24, fd88::/64, 192.168.12.20/32\"")]
    public void Explanation_of_a_Service_agrees_with_packets(string annotations)
    {
        Lab.Apply("web", $"{Addresses}, redirect: {{ {Rules}, fallbackIP: {DataPathLab.OtherWeb} }}", annotations);
        Lab.WriteUntil("service.yaml", $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: partner }
            spec:
              clusterIPs: [ "{{Cluster}}", "{{Cluster6}}" ]
              ipFamilyPolicy: RequireDualStack
              externalIPs: [ "{{External}}", "{{External6}}" ]
              selector: { app: egress-router-cni }
              ports:
              - { name: rule, port: 81, targetPort: 80 }
              - { name: translated, port: 82, targetPort: 8080 }
              - { name: other, port: 86, targetPort: 8086 }
              - { name: fallback, port: 8443, targetPort: 8443 }
              - { name: datagrams, port: 80, protocol: UDP, targetPort: 80 }
              - { name: datagrams-other, port: 86, protocol: UDP, targetPort: 8086 }
            """, $"{External6} is at default/web");
        Eventually.True("the Service", () => Lab.Client.ProbeTcp(Cluster, 81).Outcome == ProbeOutcome.Answered && Lab.Client.ProbeTcp(Cluster6, 86).Outcome == ProbeOutcome.Answered);
        foreach ((LabHost client, string from, string to) in ((LabHost, string, string)[])
            [
                (Lab.Node, "", Cluster), (Lab.Node, "", Cluster6),
                (Lab.Client, "10.88.0.2", Cluster), (Lab.Client, "fd88::2", Cluster6),
                (Lab.Overlapping, "10.89.0.2", Cluster), (Lab.Overlapping, "fd89::2", Cluster6),
                (Lab.Neighbour, "192.168.12.20", External), (Lab.Neighbour, "2001:db8:12::20", External6),
                (Lab.Gateway, "192.168.12.1", External),
            ])
        {
            foreach (int port in (int[])[80, 81, 82, 86, 8080, 8443])
            {
                _questions.Compare(_questions.Ask("web", $"tcp/{port}", from, to, isAsked: true), [80, 8443], () => client.ProbeTcp(to, port));
            }

            foreach (int port in (int[])[80, 81, 86])
            {
                _questions.Compare(_questions.Ask("web", $"udp/{port}", from, to, isAsked: true), [80], () => client.ProbeUdp(to, port));
            }

            _questions.Compare(_questions.Ask("web", "icmp", from, to, isAsked: true), [], () => client.Ping(to));
        }

        Assert.Equal((true, true, 3), (_questions.Forwarded >= 10, _questions.Refused >= 10, _questions.Answered));
        Assert.Equal("unreachable", _questions.Ask("web", "tcp/80", "", "198.19.0.77", isAsked: true).Answer?.Fate);
    }

    [Theory]
    [InlineData("None")]
    [InlineData("ClientIP")]
    public void Explanation_of_several_routers_behind_a_Service_agrees_with_packets(string affinity)
    {
        const string Nobody = "198.19.0.10";
        foreach ((string name, int last, string gateway) in ((string, int, string)[])[("a", 99, "192.168.12.1"), ("b", 98, "192.168.12.1"), ("deaf", 96, "192.168.12.7")])
        {
            Lab.Apply(name, $$"""
                addresses: [ { ip: 192.168.12.{{last}}/24, gateway: {{gateway}} }, { ip: "2001:db8:12::{{last}}/64", gateway: "2001:db8:12::1" } ],
                redirect: { {{Rules}} }
                """);
        }

        Lab.ApplyUntil("late", "eth9", $"networkInterface: {{ macvlan: {{ master: eth9 }} }}, addresses: [ {{ ip: 192.168.12.95/24 }}, {{ ip: \"2001:db8:12::95/64\" }} ], redirect: {{ {Rules} }}");
        Lab.Files.Write("service.yaml", $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: partner }
            spec:
              clusterIPs: [ "{{Cluster}}", "{{Cluster6}}" ]
              ipFamilyPolicy: RequireDualStack
              sessionAffinity: {{affinity}}
              selector: { app: egress-router-cni }
              ports: [ { name: rule, port: 81, targetPort: 80 }, { name: other, port: 86, targetPort: 8086 } ]
            ---
            apiVersion: v1
            kind: Service
            metadata: { name: nobody }
            spec: { clusterIP: {{Nobody}}, selector: { app: nobody }, ports: [ { port: 81 } ] }
            """);
        const string PassedOver = "passed over: default/deaf (its gateway does not answer, or is the node), default/late (pending)";
        Eventually.True("the routers that are passed over", () => _questions.Ask("a", "tcp/81", "", Cluster, isAsked: true).Question.Contains(PassedOver, StringComparison.Ordinal));
        string[] more = [.. Enumerable.Range(10, 8).SelectMany(last => (string[])[$"10.88.0.{last}", $"fd88::{last}"])];
        using Undo addresses = new(() => Array.ForEach(more, address => Lab.Client.Ip($"address del {address}/{PrefixOf(address)} dev eth0")));
        Array.ForEach(more, address => Lab.Client.Ip($"address add {address}/{PrefixOf(address)} dev eth0{(address.Contains(':') ? " nodad" : "")}"));
        HashSet<string> used = [];
        foreach ((LabHost client, string from, string to, int port) in ((LabHost, string, string, int)[])
            [
                (Lab.Node, "", Cluster, 81), (Lab.Node, "", Cluster6, 86),
                (Lab.Overlapping, "10.89.0.2", Cluster, 81), (Lab.Overlapping, "fd89::2", Cluster6, 86),
                .. more.Select(from => (Lab.Client, from, from.Contains(':') ? Cluster6 : Cluster, from.Contains(':') ? 86 : 81)),
            ])
        {
            (string Question, ExplainAnswer? Answer)[] asked = [.. ((string[])["a", "b", "deaf", "late"]).Select(name => _questions.Ask(name, $"tcp/{port}", from, to, isAsked: true))];
            string[] explained =
            [
                .. asked.Select(one => one.Answer!).Where(answer => answer.Fate == "forwarded")
                    .Select(answer => answer.Source).Order(),
            ];
            string questions = string.Concat(asked.Select(one => one.Question));
            Assert.Equal((questions, affinity == "ClientIP" ? 1 : to == Cluster ? 2 : 3), (questions, explained.Length));
            Assert.Equal((questions, string.Join(' ', explained)), (questions, string.Join(' ', Sources(client, from, to, port))));
            used.UnionWith(explained);
        }

        // Who is passed over for IPv4 is not for IPv6.
        Assert.Equal(["192.168.12.98", "192.168.12.99", "2001:db8:12::96", "2001:db8:12::98", "2001:db8:12::99"], used.Order());
        _questions.Compare(_questions.Ask("a", "tcp/81", "", Nobody, isAsked: true), [], () => Lab.Node.ProbeTcp(Nobody, 81));
        Assert.Equal(1, _questions.Refused);

        // What the destination sees of some connections, enough that each router has its turn.
        static IEnumerable<string> Sources(LabHost client, string from, string to, int port) => Enumerable.Range(0, 9)
            .Select(_ => client.ProbeTcp(to, port, from: from.Length == 0 ? null : from)).Select(result => result.SeenSource ?? $"{result.Outcome}").Distinct().Order();

        static int PrefixOf(string address) => address.Contains(':') ? 64 : 24;
    }

    [Fact]
    public void Destination_without_a_route_is_unreachable()
    {
        _ = Lab.OtherLan;
        Lab.ApplyUntil("lonely", "no gateway is known", """
            networkInterface: { macvlan: { master: eth1 } }, addresses: [ { ip: 192.168.13.99/24 } ],
            redirect: { redirectRules: [ { destinationIP: 203.0.113.26, port: 80, protocol: TCP }, { destinationIP: 192.168.13.1, port: 81, protocol: TCP } ] }
            """);

        Assert.Equal("unreachable", _questions.Ask("lonely", "tcp/80", "", DataPathLab.Inside).Answer?.Fate);
        Assert.Contains(Lab.Node.ProbeTcp(DataPathLab.Inside, 80).Outcome, NoWay);
        Assert.Equal("forwarded", _questions.Ask("lonely", "tcp/81", "", DataPathLab.Inside).Answer?.Fate);
    }

    public sealed class ClassBus : IDisposable
    {
        public ClassBus() => Client = BusClient.OpenAsync(Daemon.Address, "org.egressagent.Agent1").GetAwaiter().GetResult();

        public PrivateBus Daemon { get; } = PrivateBus.Start();

        public BusClient Client { get; }

        public void Dispose()
        {
            Client.Dispose();
            Daemon.Dispose();
        }
    }
}

public sealed class KernelExplainTests(DataPathTest.Fixture fixture, ExplainTests.ClassBus bus) : ExplainTests(fixture, bus)
{
    protected override ProbeOutcome[] NoWay => [ProbeOutcome.Unreachable];
}

public sealed class RelayExplainTests(DataPathTest.RelayFixture fixture, ExplainTests.ClassBus bus)
    : ExplainTests(fixture, bus), IClassFixture<DataPathTest.RelayFixture>
{
    protected override ProbeOutcome[] NoWay => [ProbeOutcome.Reset, ProbeOutcome.Closed];
}
