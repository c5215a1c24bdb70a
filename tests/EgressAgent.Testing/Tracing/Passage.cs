using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Testing.Tracing;

/// <summary>A packet on its way through the netns: what nf_tables expressions read and statements change.</summary>
internal sealed class Passage(Packet packet, TracedRoutes routes)
{
    internal Packet Packet { get; } = packet;

    internal string? In { get; set; } = packet.In;

    internal string? Out { get; set; } = packet.Out;

    internal IPEndPoint Source { get; set; } = packet.Source;

    internal IPEndPoint Destination { get; set; } = packet.Destination;

    internal uint Mark { get; set; } = packet.Maker == PacketMaker.Relay ? PacketMarks.OfRelay : 0;

    internal TracedFlow? Flow { get; set; }

    internal bool IsReply { get; set; }

    /// <summary><c>ct state</c>. A packet that connection tracking has not seen, or makes nothing of, has no flow and is invalid.</summary>
    internal string State { get; set; } = "invalid";

    internal bool IsTracked { get; set; }

    internal bool IsIPv4 => Source.Address.IsIPv4;

    /// <summary>What the local table has of its source, in the words of <c>fib saddr type</c>.</summary>
    internal string SourceType => routes.TypeOf(Source.Address);

    internal bool IsSourceLocal => routes.IsLocal(Source.Address);
}
