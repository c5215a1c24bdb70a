using System.Net.NetworkInformation;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>One address, one host: before it is claimed, while it is asked for, and after.</summary>
public sealed class AddressHygieneTests(DataPathTest.Fixture fixture) : DataPathTest(fixture)
{
    private const string Reserved = "192.168.12.99";
    private const string Reserved6 = "2001:db8:12::99";

    private const string Unknown = "192.168.12.3";

    private const string InForce = "default/web: in force";

    // An attempt comes after 0.5, 1, 2, 4 and 8 s.
    private static readonly TimeSpan Retries = TimeSpan.FromSeconds(40);

    [Theory]
    [InlineData(Reserved + "/24", DataPathLab.Inside, DataPathLab.Web)]
    [InlineData(Reserved6 + "/64", DataPathLab.Inside6, DataPathLab.Web6)]
    public void Address_that_another_host_holds_is_left_to_it_until_it_goes(string reserved, string inside, string web)
    {
        string address = reserved.Split('/')[0];
        string holder = ColonString(Lab.Neighbour.MacOf("eth0"));
        int before = Lab.CountInLog(InForce);
        Lab.Neighbour.AddAddress("eth0", reserved);
        ObservedRouter router;
        try
        {
            using LanAudit lan = new(Lab);

            router = Lab.ApplyUntil("web", $"{address} is in use by another host ({holder})", Spec(reserved, web));

            Eventually.True("the holder in the status", () => Lab.Agent.Status.Contains($"1 router degraded: default/web: {address} is in use by another host ({holder})"),
                otherwise: () => Lab.Agent.Status);
            Assert.DoesNotContain(address, router.Ip("address show dev net1"));
            AssertReached(Lab.Neighbour.ProbeTcp(web, 80, from: address), address, Target(web));
            lan.AssertRoutersSentOnly([], []);
        }
        finally
        {
            Lab.Neighbour.Ip($"address del {reserved} dev eth0");
        }

        Eventually.True("the router to be in force", () => Lab.CountInLog(InForce) > before, Retries, () => Lab.Agent.Log);
        Assert.Contains(address, router.Ip("address show dev net1"));
        AssertReached(Lab.Client.ProbeTcp(inside, 80), address, Target(web));
    }

    [Fact]
    public void Router_is_in_force_only_when_its_IPv6_address_can_be_used()
    {
        int before = Lab.CountInLog(InForce);
        ObservedRouter router = Lab.ApplyUntil("web", $"announce {Reserved6}", Spec(Reserved6 + "/64", DataPathLab.Web6));
        Eventually.True("web to be in force", () => Lab.CountInLog(InForce) > before, otherwise: () => Lab.Agent.Log);

        Assert.DoesNotContain(Reserved6, router.Ip("-6 address show dev net1 tentative"));
        const int Syn = 0x02;
        const int SynAck = 0x12;
        using PacketCapture client = Lab.Client.Capture("eth0");
        AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 80), Reserved6, Target(DataPathLab.Web6));

        // Nobody answers for an address that cannot be used yet, and the client has to ask again.
        Assert.Equal(
            client.Packets.Count(packet => packet is { Protocol: PacketProtocol.Tcp, Kind: Syn }),
            client.Packets.Count(packet => packet is { Protocol: PacketProtocol.Tcp, Kind: SynAck }));
    }

    [Fact]
    public void Host_that_begins_to_use_the_address_is_named_and_answered_until_it_stops()
    {
        Lab.Apply("web", Spec(Reserved + "/24", DataPathLab.Web));
        PhysicalAddress own = Lab.Node.MacOf("eth0");
        PhysicalAddress other = Lab.Neighbour.MacOf("eth0");
        string contested = $"{Reserved} is also used by another host ({ColonString(other)})";
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);

        // It has never spoken with this address of the gateway's. Its question for it says that it has the reserved one, and the
        // gateway believes it.
        Lab.Gateway.Ip($"address add {Unknown}/32 dev lan");
        Lab.Neighbour.Ip($"address add {Reserved}/32 dev eth0");
        try
        {
            Lab.Neighbour.ProbeUdp(Unknown, 9, Silence, from: Reserved);

            Lab.Agent.WaitForLog(contested);
            Eventually.True("the contest in the status", () => Lab.Agent.Status.Contains(contested), otherwise: () => Lab.Agent.Status);
            Eventually.True("the defence", () => capture.Packets.Any(packet =>
                packet is { Protocol: PacketProtocol.Arp, Kind: 1 } && $"{packet.Source}" == Reserved && $"{packet.Destination}" == Reserved
                && !packet.SourceMac.Equals(other) && !packet.SourceMac.Equals(own)));
            AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), Reserved, Target(DataPathLab.Web));
        }
        finally
        {
            Lab.Neighbour.Ip($"address del {Reserved}/32 dev eth0");
            Lab.Gateway.Ip($"address del {Unknown}/32 dev lan");
        }

        Lab.Agent.WaitForLog($"no other host uses {Reserved} any more", Retries);
        Eventually.True("the status", () => Lab.Agent.Status.StartsWith("1 router active at ", StringComparison.Ordinal), otherwise: () => Lab.Agent.Status);
        Assert.Equal(1, Lab.CountInLog(contested));
    }

    // A host without duplicate detection, or one that came from a part of the network that was cut off.
    [Fact]
    public void Host_that_begins_to_use_the_IPv6_address_is_named_and_answered_until_it_stops()
    {
        Lab.Apply("web", Spec(Reserved6 + "/64", DataPathLab.Web6));
        PhysicalAddress own = Lab.Node.MacOf("eth0");
        PhysicalAddress other = Lab.Neighbour.MacOf("eth0");
        string contested = $"{Reserved6} is also used by another host ({ColonString(other)})";
        int before = Lab.CountInLog(contested);
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        Lab.Neighbour.AddAddress("eth0", Reserved6 + "/128");
        try
        {
            Lab.Neighbour.Ip("neighbour flush dev eth0");
            Lab.Neighbour.ProbeUdp("2001:db8:12::1", 9, Silence, from: Reserved6);

            Lab.Agent.WaitForLog(contested);
            Eventually.True("the contest in the status", () => Lab.Agent.Status.Contains(contested), otherwise: () => Lab.Agent.Status);
            Eventually.True("the defence", () => capture.Packets.Any(packet => packet is { Protocol: PacketProtocol.IcmpV6, Kind: 136 << 8 }
                && $"{packet.Source}" == Reserved6 && $"{packet.Destination}" == "ff02::1" && !packet.SourceMac.Equals(other) && !packet.SourceMac.Equals(own)));
            AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 80), Reserved6, Target(DataPathLab.Web6));
        }
        finally
        {
            Lab.Neighbour.Ip($"address del {Reserved6}/128 dev eth0");
        }

        Lab.Agent.WaitForLog($"no other host uses {Reserved6} any more", Retries);
        Eventually.True("the status", () => Lab.Agent.Status.StartsWith("1 router active at ", StringComparison.Ordinal), otherwise: () => Lab.Agent.Status);
        Assert.Equal(before + 1, Lab.CountInLog(contested));
    }

    private static string Spec(string reserved, string web) =>
        $$"""addresses: [ { ip: "{{reserved}}" } ], redirect: { redirectRules: [ { destinationIP: "{{web}}", port: 80, protocol: TCP } ] }""";

    private static string Target(string web) => web.Contains(':') ? $"[{web}]:80" : $"{web}:80";

    private static string ColonString(PhysicalAddress mac) => string.Join(':', mac.GetAddressBytes().Select(part => $"{part:x2}"));
}
