using System.Net;
using CsCheck;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model.Resources;
using EgressAgent.Testing.Tracing;

namespace EgressAgent.Engine.Tests.Redirect.Tracing;

/// <summary>Random routers, and packets that are likely to hit upon something in them.</summary>
internal static class TracerGen
{
    private static readonly ushort[] Ports = [22, 80, 81, 4000];

    private static readonly Gen<AddressSpec> Address = OneOf(
        "192.168.12.99/24", "192.168.12.98/24", "192.168.12.97/32", "2001:db8:12::99/64", "2001:db8:12::98/64")
        .Select(text => new AddressSpec(Example.Cidr(text), null));

    // 192.168.12.10 and 2001:db8:12::10 are the node.
    private static readonly Gen<IPAddress> Destination = OneOf(
        "203.0.113.26", "203.0.113.27", "192.168.12.10", "2001:db8:ff::26", "2001:db8:12::10").Select(IPAddress.Parse);

    private static readonly Gen<RedirectRuleSpec> Rule = Gen.Select(
        Gen.Enum<TransportProtocol>(), OneOf(Ports), Destination, OneOf(Ports),
        (protocol, port, destination, target) => new RedirectRuleSpec(protocol, port, destination, target));

    public static readonly Gen<EgressRouterSpec> Spec = Gen.Select(
        Address.Array[1, 4],
        Rule.Array[0, 6],
        Gen.Null(Destination),
        Gen.Null(OneOf("10.88.0.0/24", "192.168.12.0/24", "0.0.0.0/0", "fd88::/64").Select(IPNetwork.Parse).Array[1, 2]),
        Gen.Select(Gen.Bool, Gen.Enum<LocalProcesses>()),
        (addresses, rules, fallback, clients, choice) =>
        {
            bool Serves(IPAddress destination) => addresses.Any(address => address.Address.Family == destination.AddressFamily);
            return new EgressRouterSpec
            {
                Addresses = [.. addresses.DistinctBy(address => address.Address.Address)],
                Rules = [.. rules.Where(rule => Serves(rule.Destination)).DistinctBy(rule => (rule.Protocol, rule.Port))],
                FallbackIP = fallback is not null && Serves(fallback) ? fallback : null,
                Clients = clients is null ? null : new ClientsSpec(IncludesNode: false, [.. clients]),
                Datapath = choice.Item1 ? DatapathKind.Relay : DatapathKind.Kernel,
                LocalProcesses = choice.Item2,
            };
        });

    /// <summary>Of one family, from one of the two sides or from inside.</summary>
    public static readonly Gen<Packet> Packet = Gen.OneOf(
        PacketOf(
            "icmp", "10.88.0.2", "10.89.0.2", "192.168.12.10", "192.168.12.20", "192.168.12.98", "192.168.12.99", "198.18.0.1", "198.18.0.2",
            "203.0.113.26", "203.0.113.27"),
        PacketOf(
            "icmpv6", "fd88::2", "fd89::2", "2001:db8:12::10", "2001:db8:12::20", "2001:db8:12::98", "2001:db8:12::99", "fd96:e9e5:a::1",
            "fd96:e9e5:a::2", "2001:db8:ff::26"));

    /// <summary>What can be a flow's first packet.</summary>
    public static readonly Gen<Packet> FirstPacket = Packet.Where(packet => packet.Kind is "" or "syn" or "init" or "echo-request");

    private static Gen<Packet> PacketOf(string icmp, params string[] addresses) =>
        from link in OneOf("eth0", "eth0", "net1", "self")
        from maker in Gen.Enum<PacketMaker>()
        from source in OneOf(addresses)
        from destination in OneOf(addresses)
        from protocol in OneOf("tcp", "udp", "sctp", "47", icmp)
        from kind in OneOf(Kinds(protocol))
        from sourcePort in OneOf(Ports)
        from destinationPort in OneOf(Ports)
        select new Packet(
            link == "self" ? null : link,
            null,
            protocol,
            kind,
            new IPEndPoint(IPAddress.Parse(source), protocol == "47" || kind == "echo-reply" ? 0 : sourcePort),
            new IPEndPoint(IPAddress.Parse(destination), protocol is "47" || kind == "echo-request" ? 0 : destinationPort))
        {
            Maker = link == "self" ? maker : PacketMaker.Kernel,
        };

    private static string[] Kinds(string protocol) => protocol switch
    {
        "tcp" => ["syn", "syn", "syn,ack", "ack", "fin,ack", "rst"],
        "sctp" => ["init", "data"],
        "udp" or "47" => [""],
        _ => ["echo-request", "echo-reply"],
    };

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);
}
