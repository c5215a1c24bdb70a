using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>The Services that OpenShift's documentation has put in front of egress routers, each as it is and in front of the router of its time.</summary>
public sealed class DocumentedServiceTests : AgentTest
{
    [Fact]
    public void Service_of_the_egress_router_plugin_leads_to_its_router()
    {
        Start(RouterDocument.DocumentedExample, ServiceDocument.OfThePlugin);

        AssertLeads("egress-1", (8080, "203.0.113.26:80"));
    }

    [Fact]
    public void Service_of_three_ports_leads_to_its_router()
    {
        Start(RouterDocument.DocumentedExample, ServiceDocument.OfThreePorts);

        string address = AssertLeads("egress-router-redirect", (8080, "203.0.113.26:80"), (8443, "203.0.113.27:443"));
        ProbeResult datagram = Lab.Client.ProbeUdp(address, 80);
        Assert.Equal((EgressLab.ReservedAddress, "10.0.0.99:80"), (datagram.SeenSource, datagram.SeenTarget));
    }

    [Fact]
    public void Service_of_the_oldest_generation_leads_to_what_convert_makes_of_its_Pod()
    {
        string pod = Path.Combine(Files.Runtime, "pod.yaml");
        File.WriteAllText(pod, """
            apiVersion: v1
            kind: Pod
            metadata:
              name: egress-1
              labels:
                name: egress-1
              annotations:
                pod.network.openshift.io/assign-macvlan: "true"
            spec:
              initContainers:
              - name: egress-router
                image: registry.redhat.io/openshift3/ose-egress-router
                securityContext:
                  privileged: true
                env:
                - name: EGRESS_SOURCE
                  value: 192.168.12.99/24
                - name: EGRESS_GATEWAY
                  value: 192.168.12.1
                - name: EGRESS_DESTINATION
                  value: |
                    80   tcp 203.0.113.26
                    203.0.113.27
                - name: EGRESS_ROUTER_MODE
                  value: init
              containers:
              - name: egress-router-wait
                image: registry.redhat.io/openshift3/ose-pod
            """);
        CommandResult converted = Scenario.RunAgent("convert", pod);
        Assert.Equal((0, ""), (converted.ExitCode, converted.Errors));
        Start(converted.Output, ServiceDocument.OfTheOldest);

        AssertLeads("egress-1", (80, "203.0.113.26:80"), (443, "203.0.113.27:443"));
    }

    private void Start(string router, string service)
    {
        Files.Write("router.yaml", router);
        Files.Write("service.yaml", service);
        Scenario.StartAgent();
    }

    // Returns its address.
    private string AssertLeads(string name, params (int Port, string Target)[] ports)
    {
        var names = NameServer.Start(Lab.Node, Files);

        // As a program asks that knows nothing of DNS.
        string address = names.Run("getent", "ahostsv4", name).Output.Split(' ')[0];
        Assert.Equal(names.Resolve($"{name}.default.svc.cluster.local"), address);
        foreach (LabHost client in (LabHost[])[Lab.Node, Lab.Client])
        {
            foreach ((int port, string target) in ports)
            {
                WaitForTcp(client, address, port, target);
                Assert.Equal(EgressLab.ReservedAddress, client.ProbeTcp(address, port).SeenSource);
            }

            Assert.Equal(ProbeOutcome.Refused, client.ProbeTcp(address, 9999).Outcome);
        }

        return address;
    }
}
