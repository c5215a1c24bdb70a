namespace EgressAgent.Linux.Sockets;

/// <summary>What an SCTP message carries besides its bytes, RFC 6458 sections 5.3.4 and 5.3.5.</summary>
/// <param name="Stream">The stream that it belongs to.</param>
/// <param name="PayloadProtocol">The payload protocol identifier as it is on the wire, so in network order.</param>
/// <param name="IsUnordered">It may overtake others of its stream.</param>
public readonly record struct SctpMessageInfo(ushort Stream, uint PayloadProtocol, bool IsUnordered);
