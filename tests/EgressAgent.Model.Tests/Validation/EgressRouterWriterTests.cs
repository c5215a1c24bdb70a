using System.Net;
using CsCheck;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Tests.Validation;

public class EgressRouterWriterTests
{
    [Fact]
    public void Write_anyRouter_parsesBackToTheSame() =>
        RouterGen.Resource.Sample(router => Assert.Equal(router, Assert.Single(Routers.Parse(EgressRouterWriter.Write(router)).Documents).Router));

    [Fact]
    public void Write_router_isCanonical()
    {
        EgressRouterResource router = new(
            new RouterKey("default", "web"),
            new SourceLocation(Routers.Path, 7, 1),
            RouterLabels.Default,
            new EgressRouterSpec
            {
                Addresses = [new AddressSpec(new InterfaceAddress(IPAddress.Parse("192.168.12.99"), 24), IPAddress.Parse("192.168.12.1"))],
                Rules = [new RedirectRuleSpec(TransportProtocol.UDP, 80, IPAddress.Parse("10.0.0.99"), 80)],
                Clients = new ClientsSpec(IncludesNode: true, [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("fd00::/8")]),
            });

        Assert.Equal(
            """
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata:
              name: web
              namespace: default
              labels:
                app: egress-router-cni
              annotations:
                egressagent.org/clients: "node, 10.0.0.0/8, fd00::/8"
            spec:
              networkInterface:
                macvlan:
                  mode: Bridge
              addresses:
              - ip: "192.168.12.99/24"
                gateway: "192.168.12.1"
              mode: Redirect
              redirect:
                redirectRules:
                - destinationIP: "10.0.0.99"
                  port: 80
                  targetPort: 80
                  protocol: UDP

            """,
            EgressRouterWriter.Write(router));
    }

    [Fact]
    public void Write_routerThatRejectsEverything_saysSo()
    {
        EgressRouterResource router = new(
            new RouterKey("default", "web"),
            new SourceLocation(Routers.Path, 1, 1),
            RouterLabels.Default,
            new EgressRouterSpec { Addresses = [new AddressSpec(new InterfaceAddress(IPAddress.Parse("192.168.12.99"), 32), null)] });

        string text = EgressRouterWriter.Write(router);

        Assert.Contains("\n  redirect: {}\n", text);
        Assert.Equal(router, Assert.Single(Routers.Parse(text).Documents).Router);
    }
}
