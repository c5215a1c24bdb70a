using System.Net;
using System.Text.RegularExpressions;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Testing.Tracing;

/// <summary>A packet at the door of a router's netns, or one that a socket or the kernel in there sends.</summary>
/// <param name="In">The interface it comes in by; null when it is made inside.</param>
/// <param name="Out">For a packet made inside, the interface that it is bound to; null leaves that to the routes.</param>
/// <param name="Protocol">As nft calls it: <c>tcp</c>, <c>icmpv6</c>; a number where it has no name.</param>
/// <param name="Kind">TCP's flags (<c>syn,ack</c>), the type of ICMP, an SCTP chunk; empty for others.</param>
/// <param name="Source">Port 0 where the protocol has none; for an echo request its identifier.</param>
/// <param name="Destination">Likewise; for an echo reply its identifier.</param>
public sealed partial record Packet(string? In, string? Out, string Protocol, string Kind, IPEndPoint Source, IPEndPoint Destination)
{
    /// <summary>The packet that an ICMP error quotes, as the sender of the error saw it.</summary>
    public Packet? About { get; init; }

    /// <summary>Of a packet that is made inside, by whom.</summary>
    public PacketMaker Maker { get; init; }

    /// <summary>Too long for the link that it would leave by.</summary>
    public bool IsTooBig { get; init; }

    internal bool IsIPv4 => Source.Address.IsIPv4;

    internal bool IsIcmp => Protocol is "icmp" or "icmpv6";

    internal bool IsEcho => Kind is "echo-request" or "echo-reply";

    internal FlowTuple Tuple => new(Protocol, Source, Destination);

    /// <summary>
    /// Reads <c>LINK PROTOCOL[KIND] SOURCE > DESTINATION</c>. The link is <c>eth0</c>, <c>net1</c>, or <c>self</c> for a packet made inside, by
    /// the kernel or a socket that nobody has open any more, <c>process</c> for one of a process and <c>relay</c> for one of the relay to a
    /// destination, with <c>/net1</c> when it is bound. Without a kind, TCP is a SYN, ICMP an echo request and SCTP an INIT. <c>(about tcp A > B)</c>
    /// may follow, and <c>too big</c>.
    /// </summary>
    /// <exception cref="FormatException">It is not of that form.</exception>
    public static Packet Parse(string text)
    {
        Match match = Pattern().Match(text);
        if (!match.Success)
        {
            throw new FormatException($"not a packet: '{text}'");
        }

        string[] link = match.Groups["link"].Value.Split('/');
        PacketMaker maker = link[0] switch { "process" => PacketMaker.Process, "relay" => PacketMaker.Relay, _ => PacketMaker.Kernel };
        return Create(match, link[0] is "eth0" or "net1" ? link[0] : null, link.ElementAtOrDefault(1)) with
        {
            Maker = maker,
            About = match.Groups["about"].Success ? Create(AboutPattern().Match(match.Groups["about"].Value), null, null) : null,
            IsTooBig = match.Groups["big"].Success,
        };
    }

    private static Packet Create(Match match, string? inLink, string? outLink)
    {
        string protocol = match.Groups["protocol"].Value;
        string kind = match.Groups["kind"] is { Success: true } group ? group.Value : protocol switch
        {
            "tcp" => "syn",
            "icmp" or "icmpv6" => "echo-request",
            "sctp" => "init",
            _ => "",
        };
        return new Packet(
            inLink, outLink, protocol, kind, IPEndPoint.Parse(match.Groups["source"].Value), IPEndPoint.Parse(match.Groups["destination"].Value));
    }

    private const string Body = @"(?<protocol>\w+)(\[(?<kind>[^\]]+)\])? (?<source>\S+) > (?<destination>[^\s)]+)";

    [GeneratedRegex($@"^(?<link>eth0|net1|(self|process|relay)(/(eth0|net1))?) {Body}( \(about (?<about>[^)]+)\))?(?<big> too big)?$", RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();

    [GeneratedRegex($"^{Body}$", RegexOptions.ExplicitCapture)]
    private static partial Regex AboutPattern();
}
