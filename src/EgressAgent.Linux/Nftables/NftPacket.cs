using System.Net;

namespace EgressAgent.Linux.Nftables;

/// <summary>A packet that is forwarded, as far as it is known.</summary>
/// <param name="Source">Its source.</param>
/// <param name="Destination">Its destination.</param>
/// <param name="InputLink">By which link it comes.</param>
/// <param name="OutputLink">By which link it goes.</param>
public sealed record NftPacket(IPAddress Source, IPAddress Destination, string InputLink, string OutputLink)
{
    /// <summary>The number of its protocol; 0 when it is not known.</summary>
    public byte Protocol { get; init; }

    /// <summary>0 when it is not known.</summary>
    public ushort SourcePort { get; init; }

    /// <inheritdoc cref="SourcePort"/>
    public ushort DestinationPort { get; init; }

    /// <summary>Whether it answers one that came before; else it begins a connection.</summary>
    public bool IsAnswer { get; init; }
}
