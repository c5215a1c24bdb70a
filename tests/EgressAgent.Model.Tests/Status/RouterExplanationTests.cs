using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Model.Tests.Planning;

namespace EgressAgent.Model.Tests.Status;

/// <summary>What is said of a packet. That packets do what is said is tested on real routers.</summary>
public sealed class RouterExplanationTests
{
    [Fact]
    public void Rule_takes_what_is_sent_over_its_own_family()
    {
        IReadOnlyList<PacketExplanation> answers = Explain(Example.DualDesired, "tcp/8080");

        Assert.Equal([PacketFate.Forwarded, PacketFate.Refused], answers.Select(answer => answer.Fate));
        Assert.Equal(
            ("8080/TCP", "192.168.12.99", "203.0.113.26:80"), (answers[0].Rule, $"{answers[0].Source}", $"{answers[0].Destination}"));
        Assert.Equal("the rule 8080/TCP leads to an IPv4 destination, and takes nothing that is sent over IPv6", answers[1].Why[^1]);
    }

    [Fact]
    public void Client_of_a_family_is_answered_for_that_family() => Assert.Equal(
        ["fd96:e9e5:a::2"], Explain(Example.DualDesired, "tcp/8081", "fd00::1").Select(answer => $"{answer.Inside}"));

    [Fact]
    public void Client_of_another_family_cannot_reach_the_router() => Assert.Equal(
        PacketFate.Unreachable, Assert.Single(Explain(Example.Desired, "tcp/8080", "fd00::1")).Fate);

    [Theory]
    [InlineData("10.0.0.1", PacketFate.Forwarded)]
    [InlineData("10.1.0.1", PacketFate.Refused)]
    [InlineData("192.168.12.99", PacketFate.Dropped)]
    [InlineData("198.18.0.2", PacketFate.Dropped)]
    [InlineData(null, PacketFate.Refused)]
    public void Clients_are_asked_first(string? client, PacketFate expected)
    {
        DesiredRouter desired = Plan(Example.Spec with { Clients = ClientsSpec.OfWords(["10.0.0.0/16"]) });

        Assert.Equal(expected, Assert.Single(Explain(desired, "tcp/8080", client)).Fate);
    }

    [Fact]
    public void Node_is_a_client_by_its_word()
    {
        PacketExplanation answer = Assert.Single(Explain(Plan(Example.Spec with { Clients = ClientsSpec.OfWords(["node"]) }), "tcp/8080"));

        Assert.Equal((PacketFate.Forwarded, "198.18.0.1"), (answer.Fate, $"{answer.Client}"));
    }

    [Theory]
    [InlineData("tcp/81", DatapathKind.Kernel, PacketFate.Forwarded)]
    [InlineData("sctp/81", DatapathKind.Kernel, PacketFate.Forwarded)]
    [InlineData("icmp", DatapathKind.Kernel, PacketFate.Forwarded)]
    [InlineData("udp/81", DatapathKind.Relay, PacketFate.Forwarded)]
    [InlineData("sctp/81", DatapathKind.Relay, PacketFate.Refused)]
    [InlineData("icmp", DatapathKind.Relay, PacketFate.Refused)]
    public void Fallback_takes_what_its_datapath_can(string packet, DatapathKind datapath, PacketFate expected)
    {
        DesiredRouter desired = Plan(Example.Spec with { FallbackIP = Example.Ip("203.0.113.9"), Datapath = datapath });

        Assert.Equal(expected, Assert.Single(Explain(desired, packet)).Fate);
    }

    [Fact]
    public void Destination_without_a_route_is_unreachable()
    {
        DesiredRouter desired = Example.Plan(Example.Spec with { Addresses = [Example.Reserved("192.168.12.99/24")] }, Example.Of([Example.Ens3], [])).Desired!;

        PacketExplanation answer = Assert.Single(Explain(desired, "tcp/8080"));

        Assert.Equal((PacketFate.Unreachable, "there is no route to 203.0.113.26"), (answer.Fate, answer.Why[^1]));
    }

    [Fact]
    public void Router_that_is_not_in_force_says_why()
    {
        RouterStatus status = Status(null) with { State = RouterState.Pending };

        PacketExplanation answer = Assert.Single(RouterExplanation.Explain(status, Packet("tcp/8080")));

        Assert.Equal((PacketFate.Unreachable, "the router is pending: available"), (answer.Fate, Assert.Single(answer.Why)));
    }

    [Fact]
    public void Rule_that_the_datapath_does_not_serve_is_refused()
    {
        DesiredRouter desired = Plan(Example.Spec with { Datapath = DatapathKind.Relay, Rules = [Example.Rule(80, "203.0.113.26", protocol: TransportProtocol.SCTP)] });
        RouterStatus status = Status(desired) with
        {
            Troubles = [new Trouble(TroubleKind.Shortcoming, PlanReasons.NotSupportedByDatapath, "80/SCTP is not served: the kernel has no SCTP sockets")],
        };

        PacketExplanation answer = Assert.Single(RouterExplanation.Explain(status, Packet("sctp/80")));

        Assert.Equal((PacketFate.Refused, "but 80/SCTP is not served: the kernel has no SCTP sockets"), (answer.Fate, answer.Why[^1]));
    }

    [Fact]
    public void Service_without_a_router_refuses_and_says_why_each_is_passed_over()
    {
        PacketExplanation answer = ExplainTo(
            "tcp/80", Partner,
            new ServiceRouter(Example.Key, RouterState.Active, false) { CutOff = [AddressFamily.InterNetwork] },
            new ServiceRouter(new RouterKey("default", "late"), RouterState.Pending, false),
            new ServiceRouter(new RouterKey("default", "six"), RouterState.Active, true) { Targets = [Example.Ip("fd96:e9e5:a::3")] });

        Assert.Equal(PacketFate.Refused, answer.Fate);
        Assert.Equal(
            [
                "the Service default/partner has no router that is available",
                $"passed over: {Example.Key} (its gateway does not answer, or is the node), default/late (pending), default/six (it takes nothing of IPv4 now)",
            ],
            answer.Why);
    }

    [Theory]
    [InlineData("10.88.0.2")]
    [InlineData("10.88.0.3")]
    [InlineData("10.88.0.4")]
    public void Client_that_is_kept_at_one_router_is_told_at_which(string client)
    {
        IPAddress own = Example.Desired.Redirect.Families[0].Inside;
        ServiceStatus kept = Service(
            new ServiceRouter(Example.Key, RouterState.Active, true) { Targets = [own] },
            new ServiceRouter(new RouterKey("default", "other"), RouterState.Active, true) { Targets = [Example.Ip("198.18.0.200")] }) with
        {
            IsByClient = true,
        };
        bool isHere = ServiceSlots.OwnerOf(ServiceSlots.SlotOf(Example.Ip(client), ServiceSlots.SeedOf(kept.Id)), [own, Example.Ip("198.18.0.200")]).Equals(own);

        PacketExplanation answer = RouterExplanation.Explain(Status(Example.Desired), Packet("tcp/80", client), Partner, [kept]);

        Assert.Equal(isHere ? PacketFate.Forwarded : PacketFate.Unreachable, answer.Fate);
        Assert.Contains(answer.Why, why => why.Contains($"{client} at {(isHere ? "this one" : "another one, default/other")}"));
    }

    // As the kernel does, of what comes in IPv4 and in IPv6 (nft: jhash ip saddr mod 64 seed 0x1234).
    [Theory]
    [InlineData("10.88.0.2", 39)]
    [InlineData("fd88::2", 34)]
    public void Slot_of_a_client_is_the_kernel_s(string client, int slot) => Assert.Equal(slot, ServiceSlots.SlotOf(Example.Ip(client), 0x1234));

    [Theory]
    [InlineData("tcp/8080", "8080/TCP")]
    [InlineData("8080/Udp", "8080/UDP")]
    [InlineData("ICMP", "ICMP")]
    public void Packet_is_written_in_either_order(string text, string expected) => Assert.Equal(expected, Packet(text).ToString());

    [Theory]
    [InlineData("tcp")]
    [InlineData("tcp/0")]
    [InlineData("tcp/65536")]
    [InlineData("gre/1")]
    [InlineData("0/80")]
    [InlineData("80/tcp/1")]
    [InlineData("tcp/+80")]
    public void What_is_no_packet_is_not_taken(string text) => Assert.False(ClientPacket.TryParse(text, null, out _));

    private static readonly IPAddress Partner = IPAddress.Parse("198.19.0.9");

    private static PacketExplanation ExplainTo(string packet, IPAddress address, params ServiceRouter[] routers) =>
        RouterExplanation.Explain(Status(Example.Desired), Packet(packet), address, [Service(routers)]);

    private static ServiceStatus Service(params ServiceRouter[] routers) => new()
    {
        Id = new ResourceKey(ResourceKind.Service, "default", "partner"),
        File = "partner.yaml",
        ClusterAddresses = [Partner],
        Ports = [new ServicePortSpec("", TransportProtocol.TCP, 80, 8080)],
        Routers = [.. routers],
        Conditions = [],
    };

    private static DesiredRouter Plan(EgressRouterSpec spec) => Example.Plan(spec).Desired!;

    private static IReadOnlyList<PacketExplanation> Explain(DesiredRouter desired, string packet, string? client = null) =>
        RouterExplanation.Explain(Status(desired), Packet(packet, client));

    private static ClientPacket Packet(string text, string? client = null) =>
        ClientPacket.TryParse(text, client is null ? null : IPAddress.Parse(client), out ClientPacket? packet) ? packet : throw new FormatException(text);

    private static RouterStatus Status(DesiredRouter? desired) => new()
    {
        Key = Example.Key,
        State = RouterState.Active,
        File = "web.yaml",
        Desired = desired,
        Conditions =
        [
            .. Enum.GetValues<ConditionType>().Select(type => new Condition(
                type, type == ConditionType.Available, "Reason", type.ToString().ToLowerInvariant(), DateTimeOffset.UnixEpoch)),
        ],
    };
}
