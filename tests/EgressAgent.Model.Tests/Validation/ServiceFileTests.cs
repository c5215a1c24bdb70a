using System.Net;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using EgressAgent.Testing;

namespace EgressAgent.Model.Tests.Validation;

public class ServiceFileTests
{
    [Fact]
    public void Service_of_the_egress_router_plugin_is_read_as_documented()
    {
        ServiceResource service = ParseValid(ServiceDocument.OfThePlugin);

        Assert.Equal(new ResourceKey(ResourceKind.Service, "default", "egress-1"), service.Id);
        Assert.Equal([new ServicePortSpec("web-app", TransportProtocol.TCP, 8080, 8080)], service.Spec.Ports);
        Assert.True(service.Spec.Selects(Routers.ParseValid(Routers.Document("web", "192.168.12.99/24")).Labels));
    }

    [Fact]
    public void Service_of_three_ports_is_read_as_documented()
    {
        ServiceResource service = ParseValid(ServiceDocument.OfThreePorts);

        Assert.Equal(
            [
                new ServicePortSpec("tcp-8080", TransportProtocol.TCP, 8080, 8080),
                new ServicePortSpec("tcp-8443", TransportProtocol.TCP, 8443, 8443),
                new ServicePortSpec("udp-80", TransportProtocol.UDP, 80, 80),
            ],
            service.Spec.Ports);
    }

    [Fact]
    public void Service_of_the_oldest_generation_is_read_as_documented()
    {
        ServiceResource service = ParseValid(ServiceDocument.OfTheOldest);

        Assert.Equal(
            [new ServicePortSpec("http", TransportProtocol.TCP, 80, 80), new ServicePortSpec("https", TransportProtocol.TCP, 443, 443)], service.Spec.Ports);
        Assert.Equal("egress-1", service.Spec.Selector["name"]);
        Assert.False(service.Spec.Selects(Routers.ParseValid(Routers.Document("web", "192.168.12.99/24")).Labels));
    }

    [Fact]
    public void Service_as_a_cluster_prints_it_is_read()
    {
        ServiceResource service = ParseValid("""
            apiVersion: v1
            kind: Service
            metadata:
              name: partner
              namespace: shop
              uid: 1b2c
              annotations: {egressagent.org/hostnames: "partner.example.com, www.partner.example.com", example.com/ticket: "1"}
            spec:
              clusterIP: 198.19.0.9
              clusterIPs: [198.19.0.9, "fd96:e9e5:b::9"]
              internalTrafficPolicy: Cluster
              ipFamilies: [IPv4, IPv6]
              ipFamilyPolicy: RequireDualStack
              ports: [{port: 443, protocol: TCP, targetPort: 8443, appProtocol: https}]
              selector: {app: egress-router-cni, tier: ""}
              sessionAffinity: ClientIP
              sessionAffinityConfig: {clientIP: {timeoutSeconds: 600}}
              type: ClusterIP
            status: {loadBalancer: {}}
            """);

        Assert.Equal([IPAddress.Parse("198.19.0.9"), IPAddress.Parse("fd96:e9e5:b::9")], service.Spec.PinnedAddresses);
        Assert.Equal([AddressFamily.InterNetwork, AddressFamily.InterNetworkV6], service.Spec.Families);
        Assert.Equal(TimeSpan.FromSeconds(600), service.Spec.ClientAffinity);
        Assert.Equal(["partner.example.com", "www.partner.example.com"], service.Spec.HostNames);
        Assert.Equal([new ServicePortSpec("", TransportProtocol.TCP, 443, 8443)], service.Spec.Ports);
    }

    [Fact]
    public void List_holds_routers_and_Services()
    {
        RouterFile file = Routers.Parse("""
            apiVersion: v1
            kind: List
            items:
            - {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: x}, ports: [{port: 80}]}}
            - {apiVersion: network.operator.openshift.io/v1, kind: EgressRouter, metadata: {name: web}, spec: {addresses: [{ip: 192.0.2.9}], redirect: {fallbackIP: 192.0.2.1}}}
            """);

        Assert.Empty(file.AllDiagnostics);
        Assert.Equal(["Service/default/web", "EgressRouter/default/web"], file.Documents.Select(document => document.Key.ToString()));
    }

    [Theory]
    [InlineData("", "IPv4")]
    [InlineData("ipFamilies: [IPv6],", "IPv6")]
    [InlineData("ipFamilyPolicy: PreferDualStack,", "IPv4 IPv6")]
    [InlineData("ipFamilyPolicy: RequireDualStack, ipFamilies: [IPv6],", "IPv6 IPv4")]
    [InlineData("clusterIP: 'fd96:e9e5:b::9',", "IPv6")]
    public void Families_are_those_that_were_asked_for_else_the_first_that_has_a_network(string fields, string expected)
    {
        ServiceSpec spec = ParseValid(Document(fields)).Spec;

        Assert.Equal(
            expected,
            string.Join(' ', spec.FamiliesOf([AddressFamily.InterNetwork, AddressFamily.InterNetworkV6]).Select(ServiceChoices.Families.NameOf)));
    }

    [Fact]
    public void Headless_Service_needs_no_port() => Assert.True(ParseValid(
        "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: None, selector: {app: x}}}").Spec.IsHeadless);

    [Fact]
    public void External_addresses_are_read() => Assert.Equal(
        ["192.0.2.1", "2001:db8::1"], ParseValid(Document("externalIPs: [192.0.2.1, '2001:db8::1'],")).Spec.ExternalAddresses.Select(address => address.ToString()));

    [Fact]
    public void External_address_is_shared_by_Services_whose_ports_differ_alone()
    {
        RouterFile first = Parse("a.yaml", Document("externalIPs: [192.0.2.1, 192.0.2.2],"));
        RouterFile other = Parse("b.yaml", Document("externalIPs: [192.0.2.2],", "other"));

        ResourceCatalog catalog = ResourceCatalog.Merge([first, other], new Dictionary<ResourceKey, IResource>());

        Assert.Contains(
            "spec.externalIPs[0]: 80/TCP at 192.0.2.2 already belongs to the Service default/web in a.yaml, line 1; two Services can share an external address if their ports differ",
            Assert.Single(catalog.Conflicts).ToString(), StringComparison.Ordinal);
        RouterFile another = Parse("b.yaml", Document("externalIPs: [192.0.2.2],", "other").Replace("port: 80", "port: 81"));
        Assert.Empty(ResourceCatalog.Merge([first, another], new Dictionary<ResourceKey, IResource>()).Conflicts);
    }

    [Theory]
    [InlineData("", "every machine that reaches 192.0.2.1 may use default/web, which does not say who may: set egressagent.org/clients there, or clients in agentd.yaml")]
    [InlineData("egressagent.org/clients: node", null)]
    public void External_address_of_a_router_that_everybody_may_use_is_warned_of(string annotation, string? expected)
    {
        string router = Routers.Document("web", "192.168.12.99/24").Replace("name: web", $"name: web, labels: {{app: x}}, annotations: {{{annotation}}}");
        RouterFile[] files = [Parse("a.yaml", router), Parse("b.yaml", Document("externalIPs: [192.0.2.1],"))];

        IEnumerable<Diagnostic> warnings = ServiceSelections.Find(
            files, ResourceCatalog.Merge(files, new Dictionary<ResourceKey, IResource>()), AgentConfiguration.Default).Where(warning => warning.Field.Contains("externalIPs"));

        Assert.Equal(expected is null ? [] : [expected], warnings.Select(warning => warning.Message));
    }

    [Theory]
    [InlineData("clusterIP: 198.18.0.9,", "spec.clusterIP: 198.18.0.9 must be in 198.19.0.0/16, from which the agent gives the addresses of Services (`serviceNetworks`)")]
    [InlineData("clusterIP: 198.19.0.1,", "spec.clusterIP: must be the address of one host; 198.19.0.1 is the node's own in 198.19.0.0/16")]
    public void Pinned_address_that_no_Service_can_have_is_refused(string fields, string expected) =>
        Assert.Equal([$"web.yaml:1:74: {expected}"], Conflicts(Document(fields)));

    [Fact]
    public void Address_that_two_Services_want_the_first_one_has() => Assert.Equal(
        ["web.yaml:3:76: spec.clusterIP: 198.19.0.9 is already the address of the Service default/web in web.yaml, line 1"],
        Conflicts($"{Document("clusterIP: 198.19.0.9,")}---\n{Document("clusterIP: 198.19.0.9,", "other")}"));

    [Fact]
    public void Name_of_a_partner_leads_to_one_Service()
    {
        string named = "{apiVersion: v1, kind: Service, metadata: {name: NAME, annotations: {egressagent.org/hostnames: p.example}}, spec: {ports: [{port: 80}]}}";

        Assert.Equal(
            ["web.yaml:3:94: metadata.annotations[egressagent.org/hostnames]: p.example already leads to the Service default/a in web.yaml, line 1"],
            Conflicts($"{named.Replace("NAME", "a", StringComparison.Ordinal)}\n---\n{named.Replace("NAME", "b", StringComparison.Ordinal)}\n"));
    }

    private static string Document(string fields, string name = "web") =>
        $"{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{{fields} selector: {{app: x}}, ports: [{{port: 80}}]}}}}\n";

    private static RouterFile Parse(string path, string yaml) => RouterFileParser.Parse(path, Encoding.UTF8.GetBytes(yaml));

    private static string[] Conflicts(string yaml) =>
        [.. ResourceCatalog.Merge([Routers.Parse(yaml)], new Dictionary<ResourceKey, IResource>(), AgentConfiguration.Default).Conflicts.Select(conflict => conflict.ToString())];

    private static ServiceResource ParseValid(string yaml)
    {
        RouterFile file = Routers.Parse(yaml);
        Assert.Equal([], file.AllDiagnostics.Select(diagnostic => diagnostic.ToString()));
        return Assert.IsType<ServiceResource>(Assert.Single(file.Documents).Resource);
    }
}
