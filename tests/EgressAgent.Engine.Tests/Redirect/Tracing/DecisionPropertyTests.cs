using System.Net;
using CsCheck;
using EgressAgent.Model.Resources;
using EgressAgent.Testing.Tracing;

namespace EgressAgent.Engine.Tests.Redirect.Tracing;

/// <summary>What holds for every router and every packet.</summary>
public sealed class DecisionPropertyTests
{
    private static readonly IPAddress[] Inside = [IPAddress.Parse("198.18.0.2"), IPAddress.Parse("fd96:e9e5:a::2")];
    private static readonly IPAddress[] Node = [IPAddress.Parse("192.168.12.10"), IPAddress.Parse("2001:db8:12::10")];

    [Fact]
    public void First_packet_of_a_client_goes_where_its_rule_says_or_the_fallback_or_is_rejected() => Gen
        .Select(TracerGen.Spec, TracerGen.FirstPacket.Where(packet => packet.In == "eth0"))
        .Sample((spec, packet) => Assert.Equal(Expected(spec, packet), Short(new TracedRouter(spec).Trace().Send(packet))), iter: 1000);

    [Fact]
    public void Nothing_leaves_with_another_source_than_a_reserved_address_or_to_where_no_rule_leads() => Conversation((spec, sent, packet, outcome) =>
    {
        if (outcome.Link != "net1")
        {
            return;
        }

        Assert.Contains(spec.Addresses, address => address.Address.Address.Equals(outcome.Source!.Address));
        if (packet.In == "eth0" && outcome.Fate == Fate.Left)
        {
            Assert.True(Leads(spec, outcome.Destination!) || IsReply(sent, packet), $"{packet} went to {outcome.Destination}");
        }
    });

    [Fact]
    public void Nothing_of_a_process_leaves_with_a_reserved_address_where_processes_are_denied() => Conversation((spec, _, packet, outcome) => Assert.False(
        spec.LocalProcesses == LocalProcesses.Deny && packet is { In: null, Maker: PacketMaker.Process } && outcome is { Fate: Fate.Left, Link: not "lo" }
            && spec.Addresses.Any(address => address.Address.Address.Equals(outcome.Source!.Address)),
        $"{packet}: {outcome}"));

    [Fact]
    public void Nothing_comes_in_from_the_LAN_but_replies() => Conversation((_, sent, packet, outcome) =>
        Assert.True(
            packet.In != "net1" || outcome.Link != "eth0" || (outcome.Fate == Fate.Left && IsReply(sent, packet)),
            $"{packet}: {outcome}"));

    [Fact]
    public void Nothing_goes_through_but_what_was_redirected() => Conversation((_, sent, packet, outcome) => Assert.True(
        packet.In is null || outcome.Fate != Fate.Left || IsReply(sent, packet) || Inside.Contains(packet.Destination.Address),
        $"{packet}: {outcome}"));

    // A router and a number of packets, some of which answer those that left.
    private static void Conversation(Action<EgressRouterSpec, List<FlowTuple>, Packet, Outcome> check) => Gen
        .Select(TracerGen.Spec, Gen.Select(TracerGen.Packet, Gen.Int[-4, 3]).Array[1, 12])
        .Sample((spec, steps) =>
        {
            PacketTracer tracer = new TracedRouter(spec).Trace();
            List<(string Link, FlowTuple Tuple)> left = [];
            foreach ((Packet random, int answered) in steps)
            {
                Packet packet = answered >= 0 && answered < left.Count ? Answer(left[^(answered + 1)].Link, left[^(answered + 1)].Tuple) : random;
                Outcome outcome = tracer.Send(packet);
                check(spec, [.. left.Select(sent => sent.Tuple)], packet, outcome);
                if (outcome.Fate == Fate.Left)
                {
                    left.Add((outcome.Link!, new FlowTuple(packet.Protocol, outcome.Source!, outcome.Destination!)));
                }
            }
        }, iter: 500);

    private static Packet Answer(string link, FlowTuple tuple) => new(
        link,
        null,
        tuple.Protocol,
        tuple.Protocol switch { "tcp" => "syn,ack", "icmp" or "icmpv6" => "echo-reply", "sctp" => "init-ack", _ => "" },
        tuple.Destination,
        tuple.Source);

    private static bool IsReply(List<FlowTuple> sent, Packet packet) =>
        sent.Contains(new FlowTuple(packet.Protocol, packet.Destination, packet.Source));

    private static bool Leads(EgressRouterSpec spec, IPEndPoint to) =>
        to.Address.Equals(spec.FallbackIP) || spec.Rules.Any(rule => rule.Destination.Equals(to.Address) && rule.TargetPort == to.Port);

    // What the documentation says, in the words of Short.
    private static string Expected(EgressRouterSpec spec, Packet packet)
    {
        IPAddress source = packet.Source.Address;
        IPAddress[] reserved =
            [.. spec.Addresses.Select(address => address.Address.Address).Where(address => address.AddressFamily == source.AddressFamily)];
        if (reserved.Length == 0 || reserved.Contains(source) || Inside.Contains(source))
        {
            return "dropped";
        }

        bool isServed = Inside.Contains(packet.Destination.Address)
            && (spec.Clients is null || spec.Clients.Networks.Any(network => network.Contains(source)));
        bool hasSctp = spec.Rules.Any(rule => rule.Protocol == TransportProtocol.SCTP);
        if (isServed && spec.Datapath == DatapathKind.Relay && (packet.Protocol is "tcp" or "udp" || (packet.Protocol == "sctp" && hasSctp)))
        {
            return "local";
        }

        RedirectRuleSpec? rule = spec.Rules.FirstOrDefault(rule => rule.Port == packet.Destination.Port
            && rule.Protocol.ToString().Equals(packet.Protocol, StringComparison.OrdinalIgnoreCase)
            && rule.Destination.AddressFamily == source.AddressFamily);
        IPEndPoint? to = rule is not null ? new IPEndPoint(rule.Destination, rule.TargetPort)
            : spec.FallbackIP?.AddressFamily == source.AddressFamily ? new IPEndPoint(spec.FallbackIP, packet.Destination.Port)
            : null;
        bool isForwarded = !Inside.Concat(reserved).Contains(packet.Destination.Address);
        return isForwarded ? "eth0 prohibited"
            : isServed && spec.Datapath == DatapathKind.Kernel && to is not null
            ? $"{(Node.Contains(to.Address) ? "eth0" : "net1")} {new IPEndPoint(reserved[0], packet.Source.Port)} {to}"
            : $"eth0 {(packet.Protocol == "tcp" ? "tcp-reset" : "port-unreachable")}";
    }

    private static string Short(Outcome outcome) => outcome.Fate switch
    {
        Fate.Left => $"{outcome.Link} {outcome.Source} {outcome.Destination}",
        Fate.Answered => $"{outcome.Link} {outcome.Reason}",
        Fate.Local => "local",
        _ => "dropped",
    };
}
