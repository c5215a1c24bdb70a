using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfTablesH;

namespace EgressAgent.Linux.Netlink.Monitoring;

/// <summary>Tells of every transaction that changes the nftables ruleset of a namespace, and who made it.</summary>
public sealed class NftablesMonitor : NetlinkMonitor<NftablesNotification>
{
    private NftablesMonitor(NetlinkSocket socket)
        : base(socket)
    {
    }

    private protected override NftablesNotification Overrun => NftablesNotification.Overrun;

    /// <summary>Subscribes in <paramref name="netns"/>, which the monitor keeps alive.</summary>
    /// <exception cref="LinuxException">The kernel has no nftables, no descriptor is left, or the namespace cannot be entered.</exception>
    public static NftablesMonitor Open(NetworkNamespace netns) =>
        new(NetlinkSocket.Open(netns, NETLINK_NETFILTER, ReceiveBufferSize, NFNLGRP_NFTABLES));

    // Everything else in the group tells the parts of the transaction, which ends in this message.
    private protected override NftablesNotification? Parse(in NlMsgHdr header, ref NetlinkReader reader)
    {
        if (header.nlmsg_type != (NFNL_SUBSYS_NFTABLES | NFT_MSG_NEWGEN))
        {
            return null;
        }

        reader.Read<NfGenMsg>();
        uint generation = 0;
        uint threadId = 0;
        string threadName = "";
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case NFTA_GEN_ID:
                    generation = reader.GetUInt32BigEndian();
                    break;
                case NFTA_GEN_PROC_PID:
                    threadId = reader.GetUInt32BigEndian();
                    break;
                case NFTA_GEN_PROC_NAME:
                    threadName = reader.GetString();
                    break;
            }
        }

        return new NftablesNotification(generation, threadId, threadName, header.nlmsg_pid);
    }
}

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
