using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Tests.Validation;

public class ValidFileTests
{
    [Fact]
    public void Example_asPackaged_isTheDocumentedRouter()
    {
        const string path = "etc/egress-router/egress-router-redirect.yaml.example";
        RouterFile file = RouterFileParser.Parse(path, RepositoryFiles.Read(path));

        Assert.Empty(file.AllDiagnostics);
        EgressRouterResource router = Assert.Single(file.Documents).Router!;
        Assert.Equal(new RouterKey("default", "egress-router-redirect"), router.Key);
        Assert.Equal("egress-router-cni", router.Labels["app"]);
        Assert.Equal(
            new EgressRouterSpec
            {
                Addresses = [new AddressSpec(new InterfaceAddress(IPAddress.Parse("192.168.12.99"), 24), IPAddress.Parse("192.168.12.1"))],
                Rules =
                [
                    new RedirectRuleSpec(TransportProtocol.UDP, 80, IPAddress.Parse("10.0.0.99"), 80),
                    new RedirectRuleSpec(TransportProtocol.TCP, 8080, IPAddress.Parse("203.0.113.26"), 80),
                    new RedirectRuleSpec(TransportProtocol.TCP, 8443, IPAddress.Parse("203.0.113.27"), 443),
                ],
                PinnedInsideAddresses = [IPAddress.Parse("198.18.0.2")],
            },
            router.Spec);
    }

    [Fact]
    public void Document_dualStackWithEverything_isRead()
    {
        EgressRouterResource router = Routers.ParseValid("""
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata:
              name: partner.web-1
              namespace: shop
              labels: {tier: edge, example.com/cost-centre: "4711", empty: ""}
              annotations:
                egressagent.org/datapath: relay
                egressagent.org/clients: "10.0.0.0/8, node, 192.0.2.7 , fd00::/8"
                egressagent.org/mac-address: 02:00:5E:10:00:01
                egressagent.org/failover: manual
                egressagent.org/flow-log: closed
                egressagent.org/local-processes: deny
                egressagent.org/inside-address: "198.18.0.9 , fd96:e9e5:a::9"
                example.com/ticket: "4711"
                Example.COM/owner: somebody
            spec:
              networkInterface: {macvlan: {mode: VEPA, master: eth1.100}}
              addresses:
              - {ip: 192.168.12.99/24, gateway: 192.168.12.1}
              - {ip: 2001:db8::99/64, gateway: fe80::1}
              - {ip: 192.168.13.7, gateway: 192.168.12.254}
              - {ip: 192.168.14.0/31}
              - {ip: 2001:db8:1::/127}
              - {ip: 203.0.113.10/29, gateway: 192.168.12.1}
              - {ip: 2001:db8:2::9/64, gateway: 2001:db8:ffff::1}
              mode: Redirect
              redirect:
                redirectRules:
                - {destinationIP: 203.0.113.26, port: 80, protocol: TCP, targetPort: 8080}
                - {destinationIP: 2001:db8:ffff::1, port: 80, protocol: UDP}
                - {destinationIP: 203.0.113.27, port: 80, protocol: SCTP}
                fallbackIP: 2001:db8:ffff::2
            """);

        Assert.Equal(new RouterKey("shop", "partner.web-1"), router.Key);
        Assert.Equal(["app=egress-router-cni", "empty=", "example.com/cost-centre=4711", "tier=edge"], router.Labels.Select(label => $"{label.Key}={label.Value}"));
        Assert.Equal(MacvlanMode.VEPA, router.Spec.MacvlanMode);
        Assert.Equal("eth1.100", router.Spec.Master);
        Assert.Equal(
            ["192.168.12.99/24 192.168.12.1", "2001:db8::99/64 fe80::1", "192.168.13.7/32 192.168.12.254", "192.168.14.0/31 ", "2001:db8:1::/127 ",
                "203.0.113.10/29 192.168.12.1", "2001:db8:2::9/64 2001:db8:ffff::1"],
            router.Spec.Addresses.Select(address => $"{address.Address} {address.Gateway}"));
        Assert.Equal(
            ["TCP 80 203.0.113.26 8080", "UDP 80 2001:db8:ffff::1 80", "SCTP 80 203.0.113.27 80"],
            router.Spec.Rules.Select(rule => $"{rule.Protocol} {rule.Port} {rule.Destination} {rule.TargetPort}"));
        Assert.Equal(IPAddress.Parse("2001:db8:ffff::2"), router.Spec.FallbackIP);
        Assert.Equal(DatapathKind.Relay, router.Spec.Datapath);
        Assert.Equal("node, 10.0.0.0/8, 192.0.2.7/32, fd00::/8", router.Spec.Clients!.ToString());
        Assert.Equal("02:00:5e:10:00:01", router.Spec.MacAddress!.ToColonString());
        Assert.Equal(FailoverMode.Manual, router.Spec.Failover);
        Assert.Equal(FlowLogMode.Closed, router.Spec.FlowLog);
        Assert.Equal(LocalProcesses.Deny, router.Spec.LocalProcesses);
        Assert.Equal(["198.18.0.9", "fd96:e9e5:a::9"], router.Spec.PinnedInsideAddresses.Select(address => address.ToString()));
    }

    [Fact]
    public void Document_asOpenShiftGivesItBack_isRead()
    {
        EgressRouterResource router = Routers.ParseValid("""
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata:
              annotations:
                kubectl.kubernetes.io/last-applied-configuration: |
                  {"apiVersion":"network.operator.openshift.io/v1","kind":"EgressRouter"}
              creationTimestamp: "2026-03-01T10:00:00Z"
              generation: 1
              managedFields:
              - {apiVersion: network.operator.openshift.io/v1, fieldsV1: {"f:spec": {}}, manager: kubectl}
              name: web
              namespace: shop
              ownerReferences: []
              resourceVersion: "123456"
              uid: 6f2a4a0e-1d1b-4a52-9d5e-2f5a5f0f6b7a
            spec:
              addresses: [{gateway: null, ip: 192.168.12.99/24}]
              mode: Redirect
              networkInterface: {macvlan: {master: ~, mode: Bridge}}
              redirect: {fallbackIP: 10.0.0.99, redirectRules: null}
            status:
              conditions:
              - {type: Available, status: "True"}
            """);

        Assert.Equal(new RouterKey("shop", "web"), router.Key);
        Assert.Null(router.Spec.Addresses[0].Gateway);
        Assert.Null(router.Spec.Master);
    }

    [Theory]
    [InlineData("''", null)]
    [InlineData("an-alternative-name-of-more-than-15-bytes", "an-alternative-name-of-more-than-15-bytes")]
    public void Master_asKubernetesOrTheKernelTakeIt_isRead(string written, string? expected)
    {
        EgressRouterResource router = Routers.ParseValid(Routers.Header
            + $"spec: {{networkInterface: {{macvlan: {{master: {written}}}}}, addresses: [{{ip: 192.168.12.99/24}}], redirect: {{fallbackIP: 10.0.0.1}}}}\n");

        Assert.Equal(expected, router.Spec.Master);
    }

    [Fact]
    public void Annotation_withThePrefixInOtherCase_isTheAgents()
    {
        EgressRouterResource router = Routers.ParseValid(
            Routers.Header.Replace("{name: web}", "{name: web, annotations: {EgressAgent.ORG/clients: node}}", StringComparison.Ordinal)
            + "spec: {addresses: [{ip: 192.168.12.99/24}], redirect: {fallbackIP: 10.0.0.1}}\n");

        Assert.Equal("node", router.Spec.Clients!.ToString());
    }

    [Fact]
    public void AppLabel_ofItsOwn_stays()
    {
        EgressRouterResource router = Routers.ParseValid(
            Routers.Header.Replace("{name: web}", "{name: web, labels: {app: shop}}", StringComparison.Ordinal)
            + "spec: {addresses: [{ip: 192.168.12.99/24}], redirect: {fallbackIP: 10.0.0.1}}\n");

        Assert.Equal("shop", router.Labels["app"]);
    }

    [Theory]
    [InlineData("\t")]
    [InlineData("  \t ")]
    [InlineData("\t\r")]
    [InlineData("\t# a comment")]
    public void Line_ofTabsAlone_isAnEmptyOne(string line)
    {
        string document = Routers.Header.Replace("{name: web}", "{name: web, annotations: {example.com/text: \"a\"}}", StringComparison.Ordinal);
        Routers.ParseValid($"{line}\n{document}{line}\nspec:\n{line}\n  addresses:\n{line}\n  - ip: 192.168.12.99/24\n  redirect:\n    fallbackIP: 10.0.0.1\n{line}\n");
    }

    [Fact]
    public void Document_inJson_isRead()
    {
        EgressRouterResource router = Routers.ParseValid("""
            {
                "apiVersion": "network.operator.openshift.io/v1", "kind": "EgressRouter", "metadata": {"name": "web"},
                "spec": {
                    "addresses": [{"ip": "192.168.12.99/24"}],
                    "redirect": {"redirectRules": [{"destinationIP": "203.0.113.26", "port": 8080, "targetPort": 80, "protocol": "TCP"}]}
                }
            }
            """);

        Assert.Equal(new RedirectRuleSpec(TransportProtocol.TCP, 8080, IPAddress.Parse("203.0.113.26"), 80), Assert.Single(router.Spec.Rules));
    }

    [Fact]
    public void Document_withAnchorsAndMergeKeys_isRead()
    {
        EgressRouterResource router = Routers.ParseValid(Routers.Header + """
            spec:
              addresses: &addresses [{ip: &own 192.168.12.99/24}]
              redirect:
                redirectRules:
                - &web
                  destinationIP: 203.0.113.26
                  port: 80
                  protocol: TCP
                - {<<: *web, port: 443}
                - {<<: [{port: 53, protocol: UDP}, *web]}
            """);

        Assert.Equal(["TCP 80", "TCP 443", "UDP 53"], router.Spec.Rules.Select(rule => $"{rule.Protocol} {rule.Port}"));
    }

    [Theory]
    [InlineData("8080")]
    [InlineData("+8080")]
    [InlineData("0x1F90")]
    [InlineData("0o17620")]
    [InlineData("0b1111110010000")]
    [InlineData("8_080")]
    [InlineData("8080.0")]
    [InlineData("8.08e3")]
    [InlineData("!!int 8080")]
    [InlineData("!!int \"8080\"")]
    public void Port_inAnyNotationThatKubernetesTakes_isRead(string port)
    {
        EgressRouterResource router = Routers.ParseValid(
            $"{Routers.Header}spec:\n  addresses: [{{ip: 192.168.12.99/24}}]\n  redirect:\n    redirectRules: [{{destinationIP: 10.0.0.1, port: {port}, protocol: TCP}}]\n");

        Assert.Equal(8080, router.Spec.Rules[0].Port);
    }

    [Theory]
    [InlineData("!!str 123")]
    [InlineData("'123'")]
    [InlineData("\"yes\"")]
    [InlineData("! 1")]
    public void Name_quotedOrTagged_isAText(string name) =>
        Assert.NotEmpty(Routers.ParseValid(Routers.Header.Replace("web", name, StringComparison.Ordinal)
            + "spec: {addresses: [{ip: 192.168.12.99/24}], redirect: {fallbackIP: 10.0.0.1}}\n").Key.Name);

    [Theory]
    [InlineData("apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}", true)]
    [InlineData("apiVersion: network.operator.openshift.io/v1\nkind: EgressRouterList", false)]
    public void List_ofRouters_givesEachWithItsPlace(string head, bool itemsHaveKinds)
    {
        string kind = itemsHaveKinds ? "  apiVersion: network.operator.openshift.io/v1\n  kind: EgressRouter\n" : "  status: {}\n";
        string item = kind + "  metadata: {name: NAME}\n  spec: {addresses: [{ip: 192.168.12.99/24}], redirect: {fallbackIP: 10.0.0.1}}\n";
        RouterFile file = Routers.Parse($"{head}\nitems:\n-{item[1..].Replace("NAME", "a", StringComparison.Ordinal)}-{item[1..].Replace("NAME", "b", StringComparison.Ordinal)}");

        Assert.Empty(file.AllDiagnostics);
        Assert.Equal(["a", "b"], file.Documents.Select(document => document.Router!.Key.Name));
        Assert.True(file.Documents[1].Source.Line > file.Documents[0].Source.Line);
    }

    [Fact]
    public void List_withoutItems_isComplete()
    {
        RouterFile file = Routers.Parse("apiVersion: v1\nkind: List\nitems: []\n");

        Assert.Empty(file.AllDiagnostics);
        Assert.Empty(file.Documents);
        Assert.True(file.IsComplete);
    }

    [Fact]
    public void Documents_withMarkersDirectivesAndComments_areAllRead()
    {
        RouterFile file = Routers.Parse(
            "# first\n%YAML 1.2\n--- # a\n" + Routers.Document("a", "192.168.12.1/24") + "...\n# second\n" + Routers.Document("b", "192.168.12.2/24")
            + "---\n---\n" + Routers.Document("c", "192.168.12.3/24") + "--- {apiVersion: v1, kind: List, items: []}\n");

        Assert.Empty(file.AllDiagnostics);
        Assert.Equal(["a 4", "b 14", "c 24"], file.Documents.Select(document => $"{document.Key!.Value.Name} {document.Source.Line}"));
    }
}
