using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Codec;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;

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
    public static NftablesMonitor Open(NetworkNamespace netns)
    {
        NetlinkSocket socket = NetlinkSocket.Open(netns, NETLINK_NETFILTER);
        try
        {
            var monitor = new NftablesMonitor(socket);
            socket.SetOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, (int)NFNLGRP_NFTABLES);
            return monitor;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

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
