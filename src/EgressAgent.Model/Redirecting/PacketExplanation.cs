using System.Net;

namespace EgressAgent.Model.Redirecting;

/// <summary>What becomes of a packet, and why.</summary>
/// <param name="Fate">In one word.</param>
/// <param name="Client">Who sent it, as the router sees it.</param>
/// <param name="Inside">Where it was sent to; null where the router has no such address.</param>
/// <param name="Why">In sentences, in the order of the packet's way.</param>
public sealed record PacketExplanation(PacketFate Fate, IPAddress? Client, IPAddress? Inside, ValueList<string> Why)
{
    /// <summary>What takes it: <c>8080/TCP</c> or <c>fallback</c>; empty when nothing does.</summary>
    public string Rule { get; init; } = "";

    /// <summary>The reserved address that the destination sees.</summary>
    public IPAddress? Source { get; init; }

    /// <summary>Where it goes. The port is 0 for ICMP.</summary>
    public IPEndPoint? Destination { get; init; }
}
