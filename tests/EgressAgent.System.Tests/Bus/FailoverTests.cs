using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Bus;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Bus;

/// <summary>A router that is claimed and released, with the kernel datapath.</summary>
public sealed class KernelFailoverTests() : FailoverTests("kernel");

/// <summary>A router that is claimed and released, with the relay.</summary>
public sealed class RelayFailoverTests() : FailoverTests("relay");

/// <inheritdoc cref="KernelFailoverTests"/>
public abstract class FailoverTests(string datapath) : BusTest(datapath)
{
    private const string Reserved6 = "2001:db8:12::99";
    private const string NotHeld = "Call failed: default/web is degraded";

    private static readonly RouterDocument Web = RouterDocument.Web("web") with { Failover = "manual" };
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(300);

    private readonly ObservedRouter _router = new("web");

    private bool IsUp => _router.Ip("link show dev net1").Contains("UP");

    [Fact]
    public void Standby_is_built_and_the_LAN_sees_nothing_of_it()
    {
        Lab.UseIPv6();
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        string inside = StartStandby($"{Web}".Replace("gateway: \"192.168.12.1\" }", $"gateway: \"192.168.12.1\" }}, {{ ip: '{Reserved6}/64', gateway: '{EgressLab.Web6}' }}"));

        Assert.Equal((true, false), (IsRedirected(inside, 8080), IsRedirected(inside, 8443)));
        Assert.NotEqual(ProbeOutcome.Answered, Lab.Neighbour.Ping(EgressLab.ReservedAddress, Silence).Outcome);
        Assert.NotEqual(ProbeOutcome.Answered, Lab.Node.ProbeTcp(inside, 8080).Outcome);

        Files.Write("web.yaml", $"{Web.Tcp(8443, "203.0.113.27", 443)}");
        Eventually.True("the edit in force", () => Property("web", "Generation") == "t 2" && IsRedirected(inside, 8443));
        _router.Ip("link set net1 address 02:00:5e:00:53:98");
        Eventually.True("its MAC address again", () => !_router.Ip("link show dev net1").Contains("02:00:5e:00:53:98"));
        _router.LoseNetns(StartedAgent);
        WaitForState("web", "standby");
        Lab.Node.IpBatch("link set eth0 down", "link set eth0 up", $"route add default via {EgressLab.GatewayAddress}");
        Lab.Neighbour.Ping(EgressLab.ReservedAddress, Silence);

        AssertSilent(capture);
        Assert.Equal(("s \"standby\"", "s \"running\""), (Property("web", "Failover"), ManagerProperty("State")));
        Assert.Contains("1 router standby", StartedAgent.Status);
        Assert.Contains("egressctl claim default/web", Busctl.Check("call", Service, Manager, ManagerInterface, "Explain", "ssss", "default", "web", "tcp/8080", ""));
    }

    [Fact]
    public void Claim_returns_when_the_address_is_announced_and_clients_are_seen_as_it()
    {
        string inside = StartStandby();
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);

        Call("Claim");

        PhysicalAddress mac = Mac();
        Assert.Contains(capture.Packets, packet => packet is { Protocol: PacketProtocol.Arp, Kind: 1 } && packet.SourceMac.Equals(mac)
            && $"{packet.Source}" == EgressLab.ReservedAddress && $"{packet.Destination}" == EgressLab.ReservedAddress);
        ProbeResult seen = Lab.Node.ProbeTcp(inside, 8080);
        Assert.Equal((EgressLab.ReservedAddress, "203.0.113.26:80"), (seen.SeenSource, seen.SeenTarget));
        Assert.Equal(ProbeOutcome.Answered, Lab.Neighbour.Ping(EgressLab.ReservedAddress).Outcome);
        Assert.Equal(("s \"active\"", "s \"holder\""), (Property("web", "State"), Property("web", "Failover")));
        string identity = _router.Identity;
        Call("Claim");
        Assert.Equal(identity, _router.Identity);
        StartedAgent.WaitForLog("INF default/web: claimed on this node");
    }

    [Fact]
    public void Claim_is_announced_five_times_as_request_and_as_reply_and_to_IPv6()
    {
        const int Announcements = 5;
        Lab.UseIPv6();
        StartStandby($"{Web}".Replace("gateway: \"192.168.12.1\" }", $"gateway: \"192.168.12.1\" }}, {{ ip: '{Reserved6}/64', gateway: '{EgressLab.Web6}' }}"));
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);

        Call("Claim");

        Eventually.True("five announcements of each kind", () => Counts() is ( >= Announcements, >= Announcements, >= Announcements), otherwise: () => $"{Counts()}");
        Call("Release");
        (int requests, int replies, int advertisements) = Counts();
        Assert.Equal((Announcements, Announcements), (requests, replies));

        // The kernel may tell of it once by itself, when it has found no duplicate.
        Assert.InRange(advertisements, Announcements, Announcements + 1);

        (int Requests, int Replies, int Advertisements) Counts() => (CountArp(1), CountArp(2), capture.Packets.Count(IsAdvertisement));
        bool IsAdvertisement(CapturedPacket packet) =>
            packet is { Protocol: PacketProtocol.IcmpV6, Kind: 136 << 8 } && $"{packet.Source}" == Reserved6 && $"{packet.Destination}" == "ff02::1";
        int CountArp(int operation) => capture.Packets.Count(packet => packet.Protocol == PacketProtocol.Arp && packet.Kind == operation
            && $"{packet.Source}" == EgressLab.ReservedAddress && $"{packet.Destination}" == EgressLab.ReservedAddress);
    }

    [Fact]
    public void IPv6_address_is_usable_when_the_claim_returns()
    {
        Lab.UseIPv6();
        Files.Write("web.yaml", $$"""
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata: { name: web, annotations: { egressagent.org/failover: manual } }
            spec:
              addresses: [ { ip: "{{Reserved6}}/64", gateway: "{{EgressLab.Web6}}" } ]
              redirect: { redirectRules: [ { destinationIP: "{{EgressLab.Web6}}", port: 8080, targetPort: 80, protocol: TCP } ] }
            """);
        StartAgent();
        WaitForState("web", "standby");

        Call("Claim");

        string inside = Property("web", "InsideAddresses").Split('"')[1];
        Assert.Equal(Reserved6, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
    }

    [Fact]
    public void Release_silences_the_router_at_once_and_resets_its_connections()
    {
        string inside = StartHolder();
        using Socket flow = OpenFlow(inside);
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        capture.Clear();

        Call("Release");

        capture.Clear();
        AssertReset(flow);
        Assert.NotEqual(ProbeOutcome.Answered, Lab.Node.ProbeTcp(inside, 8080).Outcome);
        Lab.Neighbour.Ping(EgressLab.ReservedAddress, Silence);
        AssertSilent(capture);
        Assert.False(IsUp);
        Assert.DoesNotContain("192.168.12", _router.Ip("address show") + _router.Routes);
        Assert.Equal(("s \"standby\"", "s \"standby\""), (Property("web", "State"), Property("web", "Failover")));
        Call("Release");
        Call("Claim");
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Next_agent_goes_on_as_it_finds_the_router(bool isKilled)
    {
        string inside = StartStandby();
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        End(isKilled);
        StartAgent();
        WaitForState("web", "standby");
        AssertSilent(capture);

        Call("Claim");
        using Socket? flow = Datapath == "kernel" ? OpenFlow(inside) : null;
        End(isKilled);
        Assert.True(IsUp);
        StartAgent();
        WaitForState("web", "active");
        Assert.Equal("s \"holder\"", Property("web", "Failover"));
        Assert.DoesNotContain("set net1", StartedAgent.Log);
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
        if (flow is not null)
        {
            flow.Send("still there"u8);
            Assert.NotEqual(0, flow.Receive(new byte[256]));
        }
    }

    [Fact]
    public void Address_that_another_host_has_is_told_by_the_claim_and_taken_when_it_is_free()
    {
        string inside = StartStandby();
        Lab.Neighbour.AddAddress("eth0", EgressLab.ReservedAddress + "/24");

        CommandResult claim = Busctl.Run("call", Service, PathOf("web"), RouterInterface, "Claim");

        string mac = string.Join(':', Lab.Neighbour.MacOf("eth0").GetAddressBytes().Select(octet => $"{octet:x2}"));
        Assert.Equal(1, claim.ExitCode);
        Assert.StartsWith(NotHeld, claim.Errors);
        Assert.Contains($"is in use by another host ({mac})", claim.Errors);
        Lab.Neighbour.Ip($"address delete {EgressLab.ReservedAddress}/24 dev eth0");
        WaitForState("web", "active");
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
    }

    [Fact]
    public void Other_host_that_has_the_address_is_no_trouble_of_a_standby()
    {
        const string Unknown = "192.168.12.3";
        StartHolder();
        Lab.Gateway.Ip($"address add {Unknown}/32 dev lan");
        Lab.Neighbour.AddAddress("eth0", EgressLab.ReservedAddress + "/24");
        Lab.Neighbour.ProbeUdp(Unknown, 9, Silence, from: EgressLab.ReservedAddress);
        WaitForState("web", "degraded");

        Call("Release");

        Assert.Equal(("s \"standby\"", "s \"running\""), (Property("web", "State"), ManagerProperty("State")));
        StartedAgent.WaitForLog($"over, since the router is standby: {EgressLab.ReservedAddress} is also used by another host");
    }

    [Fact]
    public void Macvlan_of_a_standby_that_somebody_sets_up_is_set_down_and_one_of_a_holder_the_other_way()
    {
        StartStandby();
        for (int i = 0; i < 10; i++)
        {
            _router.Ip("link set net1 up");
            Eventually.True("net1 to be down", () => !IsUp);
        }

        Call("Claim");
        _router.Ip("link set net1 down");
        Eventually.True("net1 to be up", () => IsUp);
        WaitForState("web", "active");
    }

    [Fact]
    public void Release_needs_no_agent()
    {
        Egressctl control = new(Daemon.Address);
        string inside = StartHolder();
        using Socket? flow = Datapath == "kernel" ? OpenFlow(inside) : null;
        End(isKilled: true);
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        Assert.True(IsUp);

        CommandResult release = control.Run("release", "web");

        capture.Clear();
        Assert.Equal((0, ""), (release.ExitCode, release.Output));
        Assert.Contains("default/web is silent on this node; egress-agentd is not running", release.Errors);
        Assert.False(IsUp);
        if (flow is not null)
        {
            AssertReset(flow);
        }

        Lab.Neighbour.Ping(EgressLab.ReservedAddress, Silence);
        Assert.Equal(0, control.Run("release", "web").ExitCode);
        Assert.Equal(3, control.Run("claim", "web").ExitCode);
        StartAgent();
        WaitForState("web", "standby");
        AssertSilent(capture);
    }

    [Fact]
    public void Release_does_not_wait_for_an_agent_that_hangs()
    {
        Egressctl control = new(Daemon.Address);
        StartHolder();
        StartedAgent.Suspend();
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        using var release = control.Start("release", "web");
        Eventually.True("net1 to be down", () => !IsUp);
        capture.Clear();

        Lab.Neighbour.Ping(EgressLab.ReservedAddress, Silence);
        release.WaitForExit();
        Assert.Equal(0, release.ExitCode);
        StartedAgent.Resume();

        WaitForState("web", "standby");
        AssertSilent(capture);
    }

    [Fact]
    public void Commands_say_what_was_done()
    {
        Egressctl control = new(Daemon.Address);
        StartStandby();
        Files.Write("alone.yaml", $"{RouterDocument.Web("alone", "192.168.12.98/24")}");
        WaitForState("alone", "active");
        Assert.Contains("default/web    standby ", control.Run("status").Output);

        Assert.Equal((0, "", ""), Results(control.Run("claim", "web")));

        Assert.Contains("default/web    active, holder ", control.Run("status").Output);
        Assert.StartsWith("default/web is active, holder", control.Run("show", "web").Output);
        Assert.Contains("\"failover\": \"holder\"", control.Run("claim", "web", "--json").Output);
        Assert.Contains("egressagent.org/failover: manual", control.Run("get", "web").Output);
        Assert.Equal((0, "", ""), Results(control.Run("release", "web")));
        Assert.Contains("\"failover\": \"standby\"", control.Run("release", "web", "--json").Output);
        Assert.Contains("unreachable", control.Run("explain", "web", "tcp/8080").Output);
        CommandResult refused = control.Run("claim", "alone");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("default/alone has no `egressagent.org/failover: manual` or `cluster` in ", refused.Errors);
        Assert.Equal(2, control.Run("release", "alone").ExitCode);
        Assert.Equal(2, control.Run("claim", "nobody").ExitCode);

        static (int, string, string) Results(CommandResult result) => (result.ExitCode, result.Output, result.Errors);
    }

    [Fact]
    public void Resource_agent_for_Pacemaker_claims_and_releases()
    {
        StartStandby();
        Assert.Equal(7, Pacemaker("monitor"));

        Assert.Equal((0, 0), (Pacemaker("start"), Pacemaker("monitor")));
        Assert.Equal("s \"holder\"", Property("web", "Failover"));
        Assert.Equal((0, 0, 7), (Pacemaker("stop"), Pacemaker("stop"), Pacemaker("monitor")));

        // What is not taken at once is given up: Pacemaker tries another node.
        Lab.Neighbour.AddAddress("eth0", EgressLab.ReservedAddress + "/24");
        Assert.Equal(1, Pacemaker("start"));
        Assert.Equal("s \"standby\"", Property("web", "Failover"));
        Lab.Neighbour.Ip($"address delete {EgressLab.ReservedAddress}/24 dev eth0");
        Assert.Equal(0, Pacemaker("start"));
        End(isKilled: true);
        Assert.Equal((0, 0, 7), (Pacemaker("monitor"), Pacemaker("stop"), Pacemaker("monitor")));

        int Pacemaker(string action)
        {
            Assert.SkipUnless(File.Exists(Repository.ControlBinary), $"needs the native egressctl at {Repository.ControlBinary}: run packaging/build");
            return Command.Run(
                "env", $"DBUS_SYSTEM_BUS_ADDRESS={Daemon.Address}", $"PATH={Path.GetDirectoryName(Repository.ControlBinary)}:{Environment.GetEnvironmentVariable("PATH")}",
                "OCF_RESKEY_router=web", Repository.PathOf("packaging/failover/pacemaker-router"), action).ExitCode;
        }
    }

    [Fact]
    public void Who_is_not_root_neither_claims_nor_releases()
    {
        StartHolder();
        Busctl other = new(Daemon.Address, uid: 65534);

        Assert.Contains("Access denied", other.Run("call", Service, PathOf("web"), RouterInterface, "Claim").Errors);
        Assert.Contains("Access denied", other.Run("call", Service, PathOf("web"), RouterInterface, "Release").Errors);
        CommandResult release = new Egressctl(Daemon.Address, uid: 65534).Run("release", "web");
        Assert.Equal(2, release.ExitCode);
        Assert.True(IsUp);
    }

    [Fact]
    public void External_address_goes_with_the_router()
    {
        const string External = "192.168.12.97";
        Files.Write("partner.yaml", $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: partner }
            spec:
              externalIPs: [{{External}}]
              selector: { app: egress-router-cni }
              ports: [ { port: 80, targetPort: 8080 } ]
            """);
        StartStandby();
        using PacketCapture capture = Lab.Lan.Capture(Lab.Node);
        StartedAgent.WaitForLog("app=egress-router-cni matches default/web (standby)");

        Call("Claim");
        Eventually.Holds(() => Assert.Equal(EgressLab.ReservedAddress, Lab.Neighbour.ProbeTcp(External, 80).SeenSource));

        Call("Release");
        capture.Clear();
        Lab.Neighbour.Ping(External, Silence);
        AssertSilent(capture, External);
    }

    private AgentProcess StartedAgent { get; set; } = null!;

    private string Datapath { get; } = datapath;

    private new void StartAgent() => StartedAgent = base.StartAgent();

    private string StartStandby(string? document = null)
    {
        Files.Write("web.yaml", document ?? $"{Web}");
        StartAgent();
        WaitForState("web", "standby");
        return _router.WaitForInsideAddress(StartedAgent);
    }

    private string StartHolder()
    {
        string inside = StartStandby();
        Call("Claim");
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
        return inside;
    }

    // The relay takes the connection, and resets it when it finds no way on.
    private bool IsRedirected(string inside, int port) => Datapath == "kernel"
        ? _router.Ruleset.Contains($"{port}")
        : Lab.Node.ProbeTcp(inside, port).Outcome != ProbeOutcome.Refused;

    private void Call(string method) => Busctl.Check("call", Service, PathOf("web"), RouterInterface, method);

    private void End(bool isKilled)
    {
        if (isKilled)
        {
            StartedAgent.Kill();
        }
        else
        {
            StartedAgent.Stop();
        }
    }

    private Socket OpenFlow(string inside)
    {
        Socket flow = Lab.Node.OpenTcp(inside, 8080);
        Assert.NotEqual(0, flow.Receive(new byte[256]));
        return flow;
    }

    private static void AssertReset(Socket flow)
    {
        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() =>
        {
            flow.Send("is anybody there"u8);
            flow.Receive(new byte[256]);
        }).SocketErrorCode);
    }

    private PhysicalAddress Mac() => PhysicalAddress.Parse(Property("web", "MacAddress").Split('"')[1].Replace(':', '-').ToUpperInvariant());

    // No frame of any kind: neither with its MAC address, nor one in which another speaks for its addresses.
    private void AssertSilent(PacketCapture capture, params string[] others)
    {
        PhysicalAddress mac = Mac();
        IPAddress[] addresses = [.. others.Append(EgressLab.ReservedAddress).Append(Reserved6).Select(IPAddress.Parse)];
        Assert.DoesNotContain(capture.Packets, packet => packet.SourceMac.Equals(mac) || addresses.Contains(packet.Source));
    }
}
