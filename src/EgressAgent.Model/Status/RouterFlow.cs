using System.Net;

namespace EgressAgent.Model.Status;

/// <summary>A connection through a router, as it is now.</summary>
/// <param name="Protocol">The IP protocol, by name where it has one: <c>TCP</c>, <c>UDP</c>, <c>SCTP</c>, <c>ICMP</c>, else its number.</param>
/// <param name="Client">Who is behind it. The port is 0 for protocols without ports.</param>
/// <param name="Inside">What the client dialled.</param>
/// <param name="Source">What the destination sees.</param>
/// <param name="Destination">Where it goes.</param>
/// <param name="BytesOut">From the client; with headers, unless the relay carries it.</param>
/// <param name="BytesIn">To the client; with headers, unless the relay carries it.</param>
public sealed record RouterFlow(
    string Protocol, IPEndPoint Client, IPEndPoint Inside, IPEndPoint Source, IPEndPoint Destination, ulong BytesOut, ulong BytesIn)
{
    /// <summary>Tells a flow from a later one between the same endpoints, mostly; 0 where the datapath has no such number.</summary>
    public uint Id { get; init; }
}
