using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Conntrack;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;

namespace EgressAgent.Linux.Netlink.Monitoring;

/// <summary>
/// Tells of every flow of a namespace that connection tracking forgets, with what it has carried. Where
/// <c>net.netfilter.nf_conntrack_events</c> is 2, which is the default, flows that began while nobody listened end untold.
/// </summary>
public sealed class ConntrackMonitor : NetlinkMonitor<ConntrackEnd>
{
    // Of flows that end all at once. The kernel counts 1,280 bytes an event and doubles the number: room for some 50,000.
    private const int BurstSize = 32 * 1024 * 1024;

    private ConntrackMonitor(NetlinkSocket socket)
        : base(socket)
    {
    }

    private protected override ConntrackEnd Overrun { get; } = new(null);

    /// <summary>Subscribes in <paramref name="netns"/>, which the monitor keeps alive.</summary>
    /// <exception cref="LinuxException">The kernel has no ctnetlink, no descriptor is left, or the namespace cannot be entered.</exception>
    public static ConntrackMonitor Open(NetworkNamespace netns)
    {
        NetlinkSocket socket = NetlinkSocket.Open(netns, NETLINK_NETFILTER);
        try
        {
            var monitor = new ConntrackMonitor(socket);
            socket.SetReceiveBuffer(BurstSize);
            socket.SetOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, (int)NFNLGRP_CONNTRACK_DESTROY);
            return monitor;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private protected override ConntrackEnd? Parse(in NlMsgHdr header, ref NetlinkReader reader) =>
        header.nlmsg_type == (NFNL_SUBSYS_CTNETLINK | IPCTNL_MSG_CT_DELETE) && ConntrackMessage.Read(ref reader) is { } flow
            ? new ConntrackEnd(flow)
            : null;
}

/// <summary>The end of a flow.</summary>
/// <param name="Flow">The flow with its last counters; null says that ends were lost, as more came than there was room for.</param>
public sealed record ConntrackEnd(ConntrackEntry? Flow);
