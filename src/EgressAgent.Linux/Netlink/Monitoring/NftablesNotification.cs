namespace EgressAgent.Linux.Netlink.Monitoring;

/// <summary>A transaction was committed to a namespace's nftables ruleset (NFT_MSG_NEWGEN).</summary>
/// <param name="Generation">Counts the ruleset's transactions.</param>
/// <param name="ThreadId">
/// Who committed: the id of the thread, which for a program of one thread is the process id, as the initial PID namespace counts.
/// </param>
/// <param name="ThreadName">That thread's name, at most 15 characters: <c>nft</c>.</param>
/// <param name="PortId">The netlink port that the transaction came by. A process's first netlink socket has the process id as port.</param>
public sealed record NftablesNotification(uint Generation, uint ThreadId, string ThreadName, uint PortId)
{
    internal static readonly NftablesNotification Overrun = new(0, 0, "", 0) { IsOverrun = true };

    /// <summary>Transactions were lost, and the other properties say nothing: list the ruleset anew.</summary>
    public bool IsOverrun { get; init; }
}
