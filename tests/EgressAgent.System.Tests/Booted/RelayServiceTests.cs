using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Booted;

/// <summary>The relay datapath under the unit as it is packaged, and systemd's file descriptor store.</summary>
public sealed class RelayServiceTests(BootedAgentTest.Fixture fixture) : BootedAgentTest(fixture), IClassFixture<BootedAgentTest.Fixture>
{
    [Fact]
    public void Restart_refuses_and_resets_no_client_and_stop_refuses_all()
    {
        Agent.WriteRouter(Agent.ReadExample().Replace(
            "  annotations:\n    ", "  annotations:\n    egressagent.org/datapath: relay\n    "));

        // A listener, the socket of the rule for UDP, and what steers.
        Eventually.True("the descriptors to be kept", () => KeptDescriptors == 3, otherwise: () => Agent.Journal());
        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource));
        using (ConnectLoop clients = ConnectLoop.Start(Lab.Node, EgressLab.InsideAddress, 8080, threads: 2))
        {
            clients.WaitForConnections(20);
            Node.Check("systemctl", "restart", "egress-agentd");
            clients.WaitForConnections(20);
            Node.Check("systemctl", "restart", "egress-agentd");
            clients.WaitForConnections(20);
        }

        Eventually.Holds(() => Assert.Equal(3, KeptDescriptors));
        Assert.DoesNotContain("not keep", Agent.Journal());

        Node.Check("systemctl", "stop", "egress-agentd");

        Eventually.Holds(() => Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).Outcome));
    }

    private int KeptDescriptors => int.Parse(Agent.Show("NFileDescriptorStore"));
}
