using System.Net;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>What the router <c>web</c> is to be for a while, and what it may send meanwhile.</summary>
/// <param name="Name">For people.</param>
/// <param name="Spec">The fields of <c>spec</c>; null for no router at all.</param>
/// <param name="Sources">The reserved addresses, one of each family.</param>
/// <param name="Targets">Where rules lead, as <c>address:port</c>.</param>
internal sealed record FailClosedPhase(string Name, string? Spec, string[] Sources, string[] Targets)
{
    private readonly HashSet<IPEndPoint> _targets = [.. Targets.Select(IPEndPoint.Parse)];
    private readonly HashSet<IPAddress> _sources = [.. Sources.Select(IPAddress.Parse)];

    /// <summary>Where all else goes.</summary>
    internal string? Fallback { get; init; }

    internal string Annotations { get; init; } = "";

    internal bool Owns(IPAddress source) => _sources.Contains(source);

    /// <summary>Whether a client's packet may leave like this.</summary>
    internal bool Lets(CapturedPacket packet) => Owns(packet.Source!)
        && (_targets.Contains(new IPEndPoint(packet.Destination!, packet.DestinationPort)) || $"{packet.Destination}" == Fallback);
}
