using System.Net;

namespace EgressAgent.Linux.Netlink.Routes;

/// <summary>A packet for which the kernel is asked.</summary>
/// <param name="Destination">Where it goes.</param>
public sealed record RouteQuestion(IPAddress Destination)
{
    /// <summary>Null to leave that to the kernel.</summary>
    public IPAddress? Source { get; init; }

    /// <summary>By which link it comes in; null when it is sent here.</summary>
    public int? InputLinkIndex { get; init; }

    /// <summary>Of TCP (6) or UDP (17), which are all that the kernel can be asked for; 0 for none.</summary>
    public byte Protocol { get; init; }

    /// <summary>0 for none.</summary>
    public ushort SourcePort { get; init; }

    /// <inheritdoc cref="SourcePort"/>
    public ushort DestinationPort { get; init; }
}
