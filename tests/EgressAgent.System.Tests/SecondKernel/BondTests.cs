using System.Net.NetworkInformation;
using EgressAgent.System.Tests.DataPath;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.SecondKernel;

/// <summary>Who else has the reserved address, where the node is on the LAN by two cables and the switch floods what comes by one to the other.</summary>
public sealed class BondTests : DataPathTest
{
    private const string Reserved = "192.168.14.99";
    private const string Reserved6 = "2001:db8:14::99";
    private const string Gateway = "192.168.14.1";
    private const string Gateway6 = "2001:db8:14::1";
    private const string Mac = "02:00:5e:00:53:99";
    private const string IsCopy = "which has this router's own MAC: a copy of this node";

    private const string Spec = """
        addresses: [ { ip: 192.168.14.99/24, gateway: 192.168.14.1 }, { ip: "2001:db8:14::99/64", gateway: "2001:db8:14::1" } ],
        redirect: { redirectRules: [ { destinationIP: 203.0.113.26, port: 80, protocol: TCP }, { destinationIP: "2001:db8:ff::26", port: 86, targetPort: 80, protocol: TCP } ] }
        """;

    private static readonly PhysicalAddress OwnMac = PhysicalAddress.Parse(Mac.Replace(':', '-').ToUpperInvariant());

    public BondTests(DataPathTest.Fixture fixture)
        : base(fixture) => Requires.OwnKernel();

    [Theory]
    [InlineData("active-backup")]
    [InlineData("balance-alb")]
    [InlineData("balance-rr")]
    public void Own_voice_that_comes_back_by_the_other_cable_is_no_other_host(string mode)
    {
        using MasterLan lan = MasterLan.Build(Lab, $"bond ({mode})");
        using PacketCapture first = Lab.Node.Capture("low0");
        using PacketCapture second = Lab.Node.Capture("low1");
        using PacketCapture heard = Lab.Node.CaptureIncoming("team0");
        int before = Lab.CountInLog(IsCopy);
        Apply();
        ObservedRouter router = new("web");
        foreach (int port in (int[])[1, 2])
        {
            // Both have been the bond's voice then.
            lan.SetCarrier(port, on: false);
            router.Ip("neighbour flush dev net1");
            Lab.Client.ProbeTcp(DataPathLab.Inside, 80);
            Lab.Client.ProbeTcp(DataPathLab.Inside6, 86);
            lan.SetCarrier(port, on: true);
            Eventually.True($"cable {port}", () => Lab.Node.Run("cat", "/proc/net/bonding/team0").Output.Split("MII Status: up").Length == 4);
            router.Ip("neighbour flush dev net1");
            AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside, 80), Reserved, "203.0.113.26:80");
            AssertReached(Lab.Client.ProbeTcp(DataPathLab.Inside6, 86), Reserved6, "[2001:db8:ff::26]:80");
        }

        first.Clear();
        second.Clear();
        heard.Clear();
        router.Ip("neighbour flush dev net1");
        Lab.Client.ProbeTcp(DataPathLab.Inside, 80);
        Eventually.True("a question that went out by one cable to come in by the other", () => HasAsked(first) && HasAsked(second));
        if (mode == "balance-rr")
        {
            // The others let only one cable have what is broadcast.
            Eventually.True("it to be delivered by the bond", () => HasAsked(heard));
        }

        Thread.Sleep(1000);
        Assert.Equal(before, Lab.CountInLog(IsCopy));
        WaitFor("1 router active", () => Lab.Agent.Status);
    }

    [Theory]
    [InlineData("balance-alb")]
    [InlineData("balance-rr")]
    public void Copy_of_this_node_beyond_a_bond_keeps_its_address_and_is_told(string mode)
    {
        using MasterLan lan = MasterLan.Build(Lab, $"bond ({mode})");
        LabHost copy = AddCopy(lan, $"held-{mode}");
        foreach ((string address, string gateway) in (ReadOnlySpan<(string, string)>)[(Reserved + "/24", Gateway), (Reserved6 + "/64", Gateway6)])
        {
            string words = $"ERR default/web: {address.Split('/')[0]} is in use by another host ({Mac}), {IsCopy}";
            int before = Lab.CountInLog(words);
            copy.AddAddress("eth0", address);

            Lab.Write("web", $$"""addresses: [ { ip: "{{address}}", gateway: "{{gateway}}" } ], redirect: {}""", $"egressagent.org/mac-address: \"{Mac}\"");

            Eventually.True($"'{words}'", () => Lab.CountInLog(words) > before, otherwise: () => Lab.Agent.Log);
            copy.Ip($"address del {address} dev eth0");
            WaitFor("1 router active", () => Lab.Agent.Status);
            Lab.Remove("web");
        }
    }

    [Theory]
    [InlineData("balance-alb")]
    [InlineData("balance-rr")]
    public void Copy_of_this_node_that_comes_later_beyond_a_bond_is_told_until_it_goes(string mode)
    {
        using MasterLan lan = MasterLan.Build(Lab, $"bond ({mode})");
        Apply();
        LabHost copy = AddCopy(lan, $"later-{mode}");
        // What is looked for with one address may be found with the other.
        int before = Lab.CountInLog(Words(Reserved)), before6 = Lab.CountInLog(Words(Reserved6));
        copy.AddAddress("eth0", Reserved + "/24");
        copy.AddAddress("eth0", Reserved6 + "/64");
        AwaitWarning(Reserved, Gateway, before);
        AwaitWarning(Reserved6, Gateway6, before6);

        int ends = Lab.CountInLog("INF default/web: no other host uses");
        copy.Ip("link set eth0 down");

        Eventually.True("the end of both", () => Lab.CountInLog("INF default/web: no other host uses") == ends + 2, otherwise: () => Lab.Agent.Log);
        WaitFor("1 router active", () => Lab.Agent.Status);

        void AwaitWarning(string address, string gateway, int before) =>
            Eventually.True(
                $"'{Words(address)}'",
                () =>
                {
                    // Where the router's own voice comes back, only some of what has its MAC is looked at.
                    copy.Run("ip", "neighbour", "flush", "dev", "eth0");
                    copy.ProbeUdp(gateway, 9, Silence, from: address);
                    return Lab.CountInLog(Words(address)) > before;
                },
                // A copy that takes longer to answer than a LAN does, as on a machine that emulates another, is looked at again after 20 s.
                TimeSpan.FromSeconds(90),
                () => Lab.Agent.Log);

        static string Words(string address) => $"WRN default/web: {address} is also used by another host ({Mac}), {IsCopy}";
    }

    private void Apply() => Lab.Apply("web", Spec, $"egressagent.org/mac-address: \"{Mac}\"");

    private LabHost AddCopy(MasterLan lan, string name)
    {
        LabHost copy = Lab.AddHost(name);
        lan.Attach(copy, "eth0");
        copy.Ip("link set eth0 down");
        copy.Ip($"link set eth0 address {Mac}");
        copy.BringUp("eth0");
        return copy;
    }

    private static bool HasAsked(PacketCapture capture) =>
        capture.Packets.Any(packet => packet is { Protocol: PacketProtocol.Arp, Kind: 1 } && packet.SourceMac.Equals(OwnMac));

    private void WaitFor(string words, Func<string> where) => Eventually.True($"'{words}'", () => where().Contains(words), otherwise: () => $"{Lab.Agent.Status}\n{Lab.Agent.Log}");
}
