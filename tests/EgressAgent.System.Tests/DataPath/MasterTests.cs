using System.Net;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>What a router does while its master comes, goes, and loses its link: it says so, and comes back by itself.</summary>
public abstract class MasterTests(DataPathTest.Fixture fixture) : DataPathTest(fixture)
{
    private const string Reserved = "192.168.13.99";
    private const string Reserved6 = "2001:db8:13::99";

    private const string Spec = """
        networkInterface: { macvlan: { master: eth1 } },
        addresses: [ { ip: 192.168.13.99/24, gateway: 192.168.13.1 }, { ip: "2001:db8:13::99/64", gateway: "2001:db8:13::1" } ],
        redirect: { redirectRules: [
          { destinationIP: 203.0.113.26, port: 80, protocol: TCP }, { destinationIP: "2001:db8:ff::26", port: 86, targetPort: 80, protocol: TCP } ] }
        """;

    /// <summary>How a client sees that there is no way out.</summary>
    protected abstract ProbeOutcome WithoutMaster { get; }

    [Theory]
    [InlineData("eth1 down")]
    [InlineData("carrier")]
    public void Outage_is_named_and_outlived_and_the_addresses_are_announced_after_it(string what)
    {
        LabSegment lan = Lab.OtherLan;
        ObservedRouter router = Lab.Apply("web", Spec);
        string index = IndexOf(router);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);
        transfer.WaitForBlocks(10);
        using PacketCapture capture = lan.Capture(Lab.Gateway);

        SetLink(false);
        try
        {
            string problem = what == "carrier" ? "the master eth1 has no carrier" : "the master eth1 is down, set it up";
            WaitForStatus($"1 router degraded: default/web: {problem}");
            capture.Clear();
        }
        finally
        {
            SetLink(true);
        }

        WaitForAnnouncements(capture);
        transfer.WaitForBlocks(10);
        WaitForStatus("1 router active");
        AssertServes();
        Assert.Equal(index, IndexOf(router));

        void SetLink(bool up)
        {
            if (what == "carrier")
            {
                lan.SetCarrier(Lab.Node, up);
            }
            else
            {
                // An IPv6 address of the node does not outlive it.
                Lab.Node.Ip($"link set eth1 {(up ? "up" : "down")}");
            }
        }
    }

    // The kernel tells macvlans of a link that went away and came back only once it looks, and then it is there.
    [Theory]
    [InlineData("eth1 down")]
    [InlineData("carrier")]
    public void Shortest_outage_is_followed_by_announcements(string what)
    {
        LabSegment lan = Lab.OtherLan;
        Lab.Apply("web", Spec);
        using PacketCapture capture = lan.Capture(Lab.Gateway);
        for (int i = 0; i < 3; i++)
        {
            capture.Clear();
            if (what == "carrier")
            {
                lan.InterruptCarrier(Lab.Node);
            }
            else
            {
                Lab.Node.IpBatch("link set eth1 down", "link set eth1 up");
            }

            WaitForAnnouncements(capture);
        }
    }

    [Fact]
    public void Agent_that_starts_announces_what_it_adopts_after_an_outage_meanwhile()
    {
        LabSegment lan = Lab.OtherLan;
        using PacketCapture capture = lan.Capture(Lab.Gateway);
        Lab.Apply("web", Spec);
        Eventually.True("it is announced twice, and need not be again", () => CountAnnouncements(capture) >= 2);

        Lab.EndAgent(isKilled: false);
        capture.Clear();
        lan.InterruptCarrier(Lab.Node);
        _ = Lab.Agent;

        WaitForAnnouncements(capture);
    }

    [Fact]
    public void Missing_master_is_named_and_served_through_once_it_appears()
    {
        LabSegment lan = Lab.AttachOtherLan("later", "eth7", 14);
        Lab.Node.Ip("link del eth7");
        Lab.ApplyUntil("web", "waiting for it", Spec.Replace("eth1", "eth7").Replace(".13.", ".14.").Replace(":13:", ":14:"));
        WaitForStatus("default/web: the node has no interface eth7 (spec.networkInterface.macvlan.master); waiting for it");

        lan.Attach(Lab.Node, "eth7", "192.168.14.10/24");

        WaitForStatus("1 router active");
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), "192.168.14.99", "203.0.113.26:80");
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 86), "2001:db8:14::99", "[2001:db8:ff::26]:80");
    }

    [Fact]
    public void Master_that_goes_away_is_named_and_served_through_once_it_is_back()
    {
        LabSegment lan = Lab.OtherLan;
        Lab.Apply("web", Spec);
        AssertServes();
        using PacketCapture capture = lan.Capture(Lab.Gateway);
        using LanAudit first = new(Lab);

        Lab.Node.Ip("link del eth1");
        try
        {
            WaitForStatus("default/web: the node has no interface eth1 (spec.networkInterface.macvlan.master); waiting for it");
            Assert.Equal(WithoutMaster, Lab.Client.ProbeTcp(DataPathLab.Inside, 80).Outcome);
            Assert.Equal(WithoutMaster, Lab.Client.ProbeTcp(DataPathLab.Inside6, 86).Outcome);
            AtOnce.AssertRefusesTcp(Lab.Client, DataPathLab.Inside, 9);
            first.AssertRoutersSentOnly([], []);
            capture.Clear();
        }
        finally
        {
            lan.Attach(Lab.Node, "eth1", "192.168.13.10/24", "2001:db8:13::10/64");
        }

        WaitForAnnouncements(capture);
        WaitForStatus("1 router active");
        AssertServes();
    }

    [Fact]
    public void Mtu_follows_the_masters_while_flows_live_on()
    {
        LabSegment lan = Lab.OtherLan;
        ObservedRouter router = Lab.Apply("web", Spec);
        string index = IndexOf(router);
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside, 80);
        using EchoedTransfer transfer6 = EchoedTransfer.Start(Lab.Client, DataPathLab.Inside6, 86);
        foreach (int mtu in (int[])[1400, 1300, 1500])
        {
            lan.SetMtu(Lab.Node, mtu);
            Lab.Node.Ip($"link set eth1 mtu {mtu}");

            string expected = $" mtu {mtu} ";
            Eventually.True($"the MTU {mtu} inside", () => router.Ip("link show dev net1").Contains(expected) && router.Ip("link show dev eth0").Contains(expected));
            Eventually.True("the node's end", () => Lab.Node.Ip("link show dev egress.default.web").Contains(expected));
            transfer.WaitForBlocks(10);
            transfer6.WaitForBlocks(10);
        }

        WaitForStatus("1 router active");
        Assert.Equal(index, IndexOf(router));
    }

    private void AssertServes()
    {
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), Reserved, "203.0.113.26:80");
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 86), Reserved6, "[2001:db8:ff::26]:80");
    }

    private void WaitForStatus(string status) =>
        Eventually.True($"the status '{status}'", () => Lab.Agent.Status.Contains(status), otherwise: () => $"{Lab.Agent.Status}\n{Lab.Agent.Log}");

    // RFC 5227, 2.3 and RFC 4861, 7.2.6. One of the two may be lost: the kernel drops what is sent before a link that came up is ready.
    private static int CountAnnouncements(PacketCapture capture) => capture.Packets.Count(packet => packet is { Protocol: PacketProtocol.Arp, Kind: 1 }
        && $"{packet.Source}" == Reserved && $"{packet.Destination}" == Reserved);

    private void WaitForAnnouncements(PacketCapture capture) => Eventually.True(
        "the announcements",
        () => capture.Packets.Any(packet => packet is { Protocol: PacketProtocol.Arp, Kind: 1 }
                && $"{packet.Source}" == Reserved && $"{packet.Destination}" == Reserved)
            && capture.Packets.Any(packet => packet is { Protocol: PacketProtocol.IcmpV6, Kind: 136 << 8 }
                && $"{packet.Source}" == Reserved6 && packet.Destination!.Equals(IPAddress.Parse("ff02::1"))),
        otherwise: () => $"{string.Join('\n', capture.Packets)}\n{Lab.Agent.Log}");

    private static string IndexOf(ObservedRouter router) => router.Ip("-oneline link show dev net1").Split(':')[0];
}
