using System.Collections.Immutable;
using EgressAgent.Testing;

namespace EgressAgent.System.Tests;

/// <summary>The text of a router document.</summary>
public sealed record RouterDocument(string Name, string Address = "192.168.12.99/24")
{
    /// <summary>The documented example, as it is installed.</summary>
    public static string DocumentedExample => File.ReadAllText(Repository.PathOf("etc/egress-router/egress-router-redirect.yaml.example"));

    public string? FallbackIP { get; init; }

    /// <summary>The annotation; null leaves the choice to the agent's settings.</summary>
    public string? Datapath { get; init; }

    /// <inheritdoc cref="Datapath"/>
    public string? FlowLog { get; init; }

    /// <inheritdoc cref="Datapath"/>
    public string? Clients { get; init; }

    /// <summary>The annotation; null for a router that is on one node alone.</summary>
    public string? Failover { get; init; }

    private string Annotations => string.Join(
        ", ", new[] { ("datapath", Datapath), ("flow-log", FlowLog), ("clients", Clients), ("failover", Failover) }.Where(own => own.Item2 is not null).Select(own => $"egressagent.org/{own.Item1}: {own.Item2}"));

    private ImmutableArray<string> Rules { get; init; } = [];

    /// <summary>A router with one rule: 8080/TCP leads to 203.0.113.26:80.</summary>
    public static RouterDocument Web(string name, string address = "192.168.12.99/24") =>
        new RouterDocument(name, address).Tcp(8080, "203.0.113.26", 80);

    /// <summary>The same with one more TCP rule.</summary>
    public RouterDocument Tcp(int port, string destination, int targetPort) => Rule(port, destination, targetPort, "TCP");

    /// <summary>The same with one more rule.</summary>
    public RouterDocument Rule(int port, string destination, int targetPort, string protocol) => this with
    {
        Rules = Rules.Add($$"""{ destinationIP: "{{destination}}", port: {{port}}, targetPort: {{targetPort}}, protocol: {{protocol}} }"""),
    };

    // The tests know the lines: the mode is on line 7, all rules are on line 9.
    public override string ToString() =>
        $$"""
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata:
          name: {{Name}}{{(Annotations == "" ? "" : $"\n  annotations: {{ {Annotations} }}")}}
        spec:
          addresses: [ { ip: "{{Address}}", gateway: "192.168.12.1" } ]
          mode: Redirect
          redirect:
            redirectRules: [ {{string.Join(", ", Rules)}} ]
        {{(FallbackIP is null ? "" : $"    fallbackIP: {FallbackIP}\n")}}
        """;
}
