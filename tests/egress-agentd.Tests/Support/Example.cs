using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Tests.Support;

/// <summary>Routers of the documented example's shape.</summary>
internal static class Example
{
    /// <summary>A router file with one document.</summary>
    public static string Document(string name = "web", string address = "192.168.12.99/24", int port = 8080) => $$"""
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata: { name: {{name}} }
        spec:
          addresses: [{ ip: {{address}} }]
          redirect:
            redirectRules: [{ destinationIP: 203.0.113.26, port: {{port}}, protocol: TCP, targetPort: 80 }]

        """;

    public static EgressRouterResource Router(string name = "web", string address = "192.168.12.99/24", ushort port = 8080) => new(
        new RouterKey(RouterKey.DefaultNamespace, name),
        new SourceLocation($"/etc/egress-router/{name}.yaml", 1, 1),
        ImmutableSortedDictionary<string, string>.Empty.Add("app", "egress-router-cni"),
        new EgressRouterSpec
        {
            Addresses = [new AddressSpec(Cidr(address), null)],
            Rules = [new RedirectRuleSpec(TransportProtocol.TCP, port, IPAddress.Parse("203.0.113.26"), 80)],
        });

    public static RouterRecord Record(EgressRouterResource router, long generation = 1, params string[] inside) => new(
        router,
        generation,
        new RouterAllocation([.. inside.Select(Cidr)], PhysicalAddress.Parse("02-00-5E-10-00-01")));

    /// <summary>The file that holds a router alone.</summary>
    public static RouterFile File(EgressRouterResource router) => new(
        router.Source.File, [new RouterDocument { Source = router.Source, Key = router.Key, Resource = router }], [], IsComplete: true);

    public static InterfaceAddress Cidr(string text) =>
        InterfaceAddress.TryParse(text, out InterfaceAddress? address) ? address : throw new FormatException(text);
}
