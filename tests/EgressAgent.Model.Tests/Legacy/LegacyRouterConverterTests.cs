using System.Text;
using EgressAgent.Model.Legacy;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Tests.Legacy;

public class LegacyRouterConverterTests
{
    private const string Pod = """
        apiVersion: v1
        kind: Pod
        metadata:
          name: egress-1
          labels: {name: egress-1, app: partners}
          annotations: {pod.network.openshift.io/assign-macvlan: "true"}
        spec:
          initContainers:
          - name: egress-router
            image: registry.redhat.io/openshift4/ose-egress-router
            securityContext: {privileged: true}
            env:
            - {name: EGRESS_SOURCE, value: 192.168.12.99/24}
            - {name: EGRESS_GATEWAY, value: 192.168.12.1}
            - name: EGRESS_DESTINATION
              value: |
                # what the partners offer
                80   tcp 203.0.113.25

                8080 tcp 203.0.113.26 80
                8443	udp 203.0.113.26 443
                203.0.113.27
            - {name: EGRESS_ROUTER_MODE, value: init}
          containers:
          - {name: egress-router-wait, image: registry.redhat.io/openshift4/ose-pod}

        """;

    [Fact]
    public void Convert_pod_saysTheSame()
    {
        EgressRouterResource router = Converted(Pod);

        Assert.Equal(new RouterKey("default", "egress-1"), router.Key);
        Assert.Equal(["app=partners", "name=egress-1"], router.Labels.Select(label => $"{label.Key}={label.Value}"));
        Assert.Equal(MacvlanMode.Private, router.Spec.MacvlanMode);
        Assert.Null(router.Spec.Master);
        Assert.Equal(["192.168.12.99/24 192.168.12.1"], router.Spec.Addresses.Select(address => $"{address.Address} {address.Gateway}"));
        Assert.Equal(
            ["TCP 80 203.0.113.25 80", "TCP 8080 203.0.113.26 80", "UDP 8443 203.0.113.26 443"],
            router.Spec.Rules.Select(rule => $"{rule.Protocol} {rule.Port} {rule.Destination} {rule.TargetPort}"));
        Assert.Equal("203.0.113.27", router.Spec.FallbackIP?.ToString());
    }

    [Theory]
    [InlineData("203.0.113.25", "203.0.113.25")]
    [InlineData("203.0.113.25\\n", "203.0.113.25")]
    [InlineData("80 tcp 10.4.5.6", "TCP 80 10.4.5.6 80")]
    [InlineData("8080 tcp 10.7.8.9 80", "TCP 8080 10.7.8.9 80")]
    [InlineData("80 tcp 10.4.5.6\\n8080 udp 10.7.8.9 80\\n10.1.2.3\\n# nothing follows\\n", "TCP 80 10.4.5.6 80", "UDP 8080 10.7.8.9 80", "10.1.2.3")]
    [InlineData("  53 udp 10.4.5.6  \\n53 tcp 10.4.5.6", "UDP 53 10.4.5.6 53", "TCP 53 10.4.5.6 53")]
    public void Convert_destination_inEachOldForm(string destination, params string[] expected)
    {
        EgressRouterResource router = Converted(WithDestination(destination));

        Assert.Equal(
            expected,
            router.Spec.Rules.Select(rule => $"{rule.Protocol} {rule.Port} {rule.Destination} {rule.TargetPort}")
                .Concat(router.Spec.FallbackIP is { } fallback ? [fallback.ToString()] : []));
    }

    [Fact]
    public void Convert_sourceWithoutPrefix_isASingleHost() =>
        Assert.Equal("192.168.12.99/32", Converted(Pod.Replace("99/24", "99", StringComparison.Ordinal)).Spec.Addresses[0].Address.ToString());

    [Fact]
    public void Convert_namedInterface_isTheMaster() =>
        Assert.Equal("eth1", Converted(Pod.Replace("assign-macvlan: \"true\"", "assign-macvlan: eth1", StringComparison.Ordinal)).Spec.Master);

    [Fact]
    public void Convert_deploymentInAListWithItsConfigMap_isRead()
    {
        EgressRouterResource router = Converted("""
            apiVersion: v1
            kind: List
            items:
            - apiVersion: v1
              kind: ConfigMap
              metadata: {name: egress-routes}
              data:
                destination: |
                  80 tcp 203.0.113.25
                  203.0.113.27
            - apiVersion: apps/v1
              kind: Deployment
              metadata: {name: egress, namespace: shop, labels: {of: deployment}}
              spec:
                replicas: 1
                template:
                  metadata: {labels: {name: egress}}
                  spec:
                    containers:
                    - name: egress-router
                      env:
                      - {name: EGRESS_SOURCE, value: 192.168.12.99}
                      - {name: EGRESS_GATEWAY, value: 192.168.12.1}
                      - {name: EGRESS_DESTINATION, valueFrom: {configMapKeyRef: {name: egress-routes, key: destination}}}
            """);

        Assert.Equal(new RouterKey("shop", "egress"), router.Key);
        Assert.Equal(["app=egress-router-cni", "name=egress"], router.Labels.Select(label => $"{label.Key}={label.Value}"));
        Assert.Equal("203.0.113.25", Assert.Single(router.Spec.Rules).Destination.ToString());
        Assert.Equal("203.0.113.27", router.Spec.FallbackIP!.ToString());
    }

    [Fact]
    public void Convert_severalPods_givesADocumentForEach()
    {
        LegacyConversion conversion = Convert(Pod + "---\n" + Pod.Replace("egress-1", "egress-2", StringComparison.Ordinal).Replace(".99/", ".98/", StringComparison.Ordinal));

        Assert.Empty(conversion.Diagnostics);
        Assert.Equal(["egress-1", "egress-2"], Routers.Parse(conversion.Text).Documents.Select(document => document.Router!.Key.Name));
    }

    [Theory]
    [InlineData("value: init", "value: http-proxy", "pod.yaml:23:41: spec.initContainers[0].env[3].value: the mode `http-proxy` is not served: an EgressRouter redirects, and is no proxy")]
    [InlineData("value: init", "value: dns-proxy", "pod.yaml:23:41: spec.initContainers[0].env[3].value: the mode `dns-proxy` is not served: an EgressRouter redirects, and is no proxy")]
    [InlineData("value: init", "value: other", "pod.yaml:23:41: spec.initContainers[0].env[3].value: must be `init` or `legacy`, not `other`")]
    [InlineData("EGRESS_GATEWAY", "GATEWAY", "pod.yaml:1:1: EGRESS_GATEWAY is not among the variables of its containers")]
    [InlineData("192.168.12.99/24", "web", "pod.yaml:13:36: spec.initContainers[0].env[0].value: must be an IP address with its prefix length, such as `192.168.12.99/24`, not the host name `web`: names are not resolved")]
    [InlineData("192.168.12.1}", "192.168.12.99}", "pod.yaml:14:7: spec.addresses[0].gateway of the EgressRouter: must not be the reserved address 192.168.12.99 itself")]
    [InlineData("80   tcp", "80   icmp", "pod.yaml:16:14: spec.initContainers[0].env[2].value: the protocol must be `tcp` or `udp`, not `icmp` (`80   icmp 203.0.113.25`)")]
    [InlineData("80   tcp", "0    tcp", "pod.yaml:16:14: spec.initContainers[0].env[2].value: a port must be a whole number, 1 to 65535 (`0    tcp 203.0.113.25`)")]
    [InlineData("80   tcp 203.0.113.25", "80   tcp partner", "pod.yaml:16:14: spec.initContainers[0].env[2].value: must be an IP address, not the host name `partner`: names are not resolved (`80   tcp partner`)")]
    [InlineData("80   tcp 203.0.113.25", "203.0.113.25", "pod.yaml:16:14: spec.initContainers[0].env[2].value: `8080 tcp 203.0.113.26 80` stands behind 203.0.113.25, to which all else goes; an address alone must be the last line")]
    [InlineData("80   tcp 203.0.113.25", "8080 tcp 203.0.113.25", "pod.yaml:15:7: spec.redirect.redirectRules[1].port of the EgressRouter: TCP port 8080 is taken by the rule in line 20")]
    [InlineData("80   tcp 203.0.113.25", "80 203.0.113.25", "pod.yaml:16:14: spec.initContainers[0].env[2].value: `80 203.0.113.25` is no line `PORT PROTOCOL ADDRESS [PORT]` and no address alone")]
    [InlineData("name: egress-1\n  labels", "name: Egress_1\n  labels", "pod.yaml:4:9: metadata.name of the EgressRouter: must be lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit, at most 253 characters, not `Egress_1`")]
    [InlineData("192.168.12.99/24", "\"${SOURCE}\"", "pod.yaml:13:36: spec.initContainers[0].env[0].value: `${SOURCE}` is a parameter of a template; process the template first (oc process, envsubst, helm template)")]
    public void Convert_podThatCannotBeSaid_isReportedAtItsPlace(string old, string replacement, string expected)
    {
        LegacyConversion conversion = Convert(Pod.Replace(old, replacement, StringComparison.Ordinal));

        Assert.Contains(expected, conversion.Diagnostics.Select(finding => finding.ToString()));
        Assert.Empty(conversion.Text);
    }

    [Theory]
    [InlineData("configMapKeyRef: {name: routes, key: destination}", "EGRESS_DESTINATION comes from the key `destination` of the ConfigMap `routes`; put that ConfigMap into the same file")]
    [InlineData("secretKeyRef: {name: routes, key: destination}", "EGRESS_DESTINATION has no value")]
    public void Convert_valueFromElsewhere_isNamed(string reference, string expected)
    {
        LegacyConversion conversion = Convert(
            WithDestination("x").Replace("value: \"x\"", $"valueFrom: {{{reference}}}", StringComparison.Ordinal));

        Assert.Equal($"pod.yaml:15:7: spec.initContainers[0].env[2]: {expected}", Assert.Single(conversion.Diagnostics).ToString());
    }

    [Fact]
    public void Convert_fileWithoutSuchAPod_saysSo()
    {
        LegacyConversion conversion = Convert("apiVersion: v1\nkind: Service\nmetadata: {name: egress-1}\n");

        Assert.Equal(
            ["pod.yaml:1:1: warning: an object `Service` is no egress router, and is left out", "pod.yaml:1:1: there is no Pod with EGRESS_SOURCE in the file"],
            conversion.Diagnostics.Select(finding => finding.ToString()));
    }

    [Fact]
    public void RouterFile_withSuchAPod_namesTheWayOut()
    {
        RouterFile file = Routers.Parse(Pod, "/etc/egress-router/egress.yaml");

        Assert.Equal(
            "/etc/egress-router/egress.yaml:2:7: kind: an egress router that is a Pod is not served; "
            + "`egress-agentd convert /etc/egress-router/egress.yaml` prints the EgressRouter that does the same",
            Assert.Single(file.AllDiagnostics).ToString());
    }

    private static string WithDestination(string destination)
    {
        int start = Pod.IndexOf("value: |", StringComparison.Ordinal);
        int end = Pod.IndexOf("    - {name: EGRESS_ROUTER_MODE", StringComparison.Ordinal);
        return $"{Pod[..start]}value: \"{destination}\"\n{Pod[end..]}";
    }

    private static EgressRouterResource Converted(string yaml)
    {
        LegacyConversion conversion = Convert(yaml);
        Assert.Equal([], conversion.Diagnostics.Select(finding => finding.ToString()));
        return Routers.ParseValid(conversion.Text);
    }

    private static LegacyConversion Convert(string yaml) => LegacyRouterConverter.Convert("pod.yaml", Encoding.UTF8.GetBytes(yaml));
}
