using EgressAgent.System.Tests.DataPath;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.SecondKernel;

/// <summary>Routers on interfaces that are more than a NIC carry traffic as they do on one.</summary>
public sealed class MasterKindTests : DataPathTest
{
    private const string Reserved = "192.168.14.99";
    private const string Reserved6 = "2001:db8:14::99";

    private const string Rules = """
        redirect: { redirectRules: [
          { destinationIP: 203.0.113.26, port: 80, protocol: TCP }, { destinationIP: 203.0.113.27, port: 80, protocol: UDP },
          { destinationIP: "2001:db8:ff::26", port: 86, targetPort: 80, protocol: TCP } ] }
        """;

    private const string Addresses = """
        addresses: [ { ip: 192.168.14.99/24, gateway: 192.168.14.1 }, { ip: "2001:db8:14::99/64", gateway: "2001:db8:14::1" } ]
        """;

    public MasterKindTests(DataPathTest.Fixture fixture)
        : base(fixture) => Requires.OwnKernel();

    public static TheoryData<string> Kinds => ["VLAN", "bond (active-backup)", "bond (balance-alb)", "bridge", "dummy", "VRF"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Router_carries_traffic_and_outlives_an_outage_on(string kind)
    {
        using MasterLan lan = MasterLan.Build(Lab, kind);
        foreach (string datapath in (string[])["kernel", "relay"])
        {
            // The subnet tells the master.
            Lab.Apply("web", $"{Addresses}, {Rules}", $"egressagent.org/datapath: {datapath}");
            using LanAudit audit = new(Lab, Lab.Gateway.Capture(lan.GatewayLink));

            foreach (LabHost client in (LabHost[])[Lab.Client, Lab.Node])
            {
                AssertReached(client.ProbeTcp(DataPathLab.Inside, 80), Reserved, "203.0.113.26:80");
                AssertReached(client.ProbeUdp(DataPathLab.Inside, 80), Reserved, "203.0.113.27:80");
                AssertReached(client.ProbeTcp(DataPathLab.Inside6, 86), Reserved6, "[2001:db8:ff::26]:80");
                Assert.Equal(ProbeOutcome.Refused, client.ProbeTcp(DataPathLab.Inside, 81).Outcome);
            }

            using (EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80))
            {
                transfer.WaitForBlocks(100);
            }

            Assert.Equal(ProbeOutcome.Refused, Lab.Gateway.ProbeTcp(Reserved, 80).Outcome);
            WaitForStatus("1 router active");
            Assert.NotEmpty(audit.Packets);
            audit.AssertRoutersSentOnly([Reserved, Reserved6], [DataPathLab.Web, DataPathLab.OtherWeb, DataPathLab.Web6, "192.168.14.1"]);
        }

        lan.SetLink(false);
        WaitForStatus($"1 router degraded: default/web: the master {lan.Master} {(kind == "dummy" ? "is down" : "has no carrier")}");
        lan.SetLink(true);

        WaitForStatus("1 router active");
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), Reserved, "203.0.113.26:80");
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 86), Reserved6, "[2001:db8:ff::26]:80");
    }

    [Theory]
    [InlineData("active-backup")]
    [InlineData("balance-alb")]
    public void Flows_outlive_either_cable_of_a_bond(string mode)
    {
        using MasterLan lan = MasterLan.Build(Lab, $"bond ({mode})");
        Lab.Apply("web", $"{Addresses}, {Rules}");
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);
        foreach (int port in (int[])[1, 2])
        {
            lan.SetCarrier(port, on: false);
            transfer.WaitForBlocks(20);
            AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), Reserved, "203.0.113.26:80");
            lan.SetCarrier(port, on: true);
            Eventually.True($"cable {port}", () => Lab.Node.Run("cat", "/proc/net/bonding/team0").Output.Split("MII Status: up").Length == 4);
        }

        WaitForStatus("1 router active");
    }

    private void WaitForStatus(string status) =>
        Eventually.True($"the status '{status}'", () => Lab.Agent.Status.Contains(status), otherwise: () => $"{Lab.Agent.Status}\n{Lab.Agent.Log}");
}
