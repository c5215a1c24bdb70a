namespace EgressAgent.Model.Status;

/// <summary>What a relay's sockets had no room for. None of it is a refusal: nobody was told.</summary>
/// <param name="ReceiveBuffer">Datagrams that the kernel dropped, as the relay had not taken those before.</param>
/// <param name="SendBuffer">Datagrams that the relay could not send on, as the link had not taken those before.</param>
/// <param name="ListenQueue">Packets of new TCP connections that the kernel dropped, as the relay had not accepted those before; their clients try again.</param>
public readonly record struct DropCounts(ulong ReceiveBuffer, ulong SendBuffer, ulong ListenQueue);
