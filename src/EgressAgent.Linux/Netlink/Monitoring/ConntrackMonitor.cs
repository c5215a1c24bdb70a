using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Conntrack;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;

namespace EgressAgent.Linux.Netlink.Monitoring;

/// <summary>
/// Tells of every flow of a namespace that connection tracking forgets, with what it has carried, and of every new one where that is
/// asked for, or of new ones alone, or of every change. Where <c>net.netfilter.nf_conntrack_events</c> is 2, which is the default, flows that began while nobody listened end
/// untold.
/// </summary>
public sealed class ConntrackMonitor : NetlinkMonitor<ConntrackEvent>
{
    /// <summary>Of flows that end all at once. The kernel counts 1,280 bytes an event and doubles the number: room for some 100,000.</summary>
    private const int BurstSize = 64 * 1024 * 1024;

    /// <summary>Of flows that begin: what finds no room is not missed much.</summary>
    private const int StartsSize = 8 * 1024 * 1024;

    private uint _toldLost;

    private ConntrackMonitor(NetlinkSocket socket, int room, uint group = NFNLGRP_CONNTRACK_DESTROY)
        : base(socket)
    {
        socket.SetReceiveBuffer(room);

        // Without it, a socket that ran over gets nothing more until it was read to its end. What found no room is counted all the same.
        socket.SetOption(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
        socket.SetOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, (int)group);
    }

    /// <summary>The descriptor, to be kept for <see cref="Adopt"/>; it stays owned by the monitor.</summary>
    public FileHandle Handle => Socket.Handle;

    private protected override ConntrackEvent Overrun { get; } = new(null, IsStart: false);

    /// <summary>Subscribes in <paramref name="netns"/>, which the monitor keeps alive.</summary>
    /// <exception cref="LinuxException">The kernel has no ctnetlink, no descriptor is left, or the namespace cannot be entered.</exception>
    public static ConntrackMonitor Open(NetworkNamespace netns) => Open(netns, BurstSize);

    /// <inheritdoc cref="Open(NetworkNamespace)"/>
    /// <param name="netns">Where.</param>
    /// <param name="room">For what is not read yet, in bytes; the kernel doubles it.</param>
    internal static ConntrackMonitor Open(NetworkNamespace netns, int room) => Make(NetlinkSocket.Open(netns, NETLINK_NETFILTER), room);

    /// <summary>As <see cref="Open(NetworkNamespace)"/>, for new flows alone.</summary>
    /// <exception cref="LinuxException">As there.</exception>
    public static ConntrackMonitor OpenStarts(NetworkNamespace netns) => Make(NetlinkSocket.Open(netns, NETLINK_NETFILTER), StartsSize, NFNLGRP_CONNTRACK_NEW);

    /// <summary>
    /// As <see cref="Open(NetworkNamespace)"/>, for all that becomes of flows: of one that comes to another state is told as of one that
    /// begins.
    /// </summary>
    /// <exception cref="LinuxException">As there.</exception>
    public static ConntrackMonitor OpenChanges(NetworkNamespace netns)
    {
        ConntrackMonitor monitor = Open(netns);
        try
        {
            monitor.HearStarts(isWanted: true);
            monitor.Socket.SetOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, (int)NFNLGRP_CONNTRACK_UPDATE);
            return monitor;
        }
        catch
        {
            monitor.Dispose();
            throw;
        }
    }

    /// <summary>Goes on where an earlier process stopped: what has happened since then waits in its socket.</summary>
    /// <param name="handle">Of <see cref="Handle"/>; it belongs to the monitor.</param>
    /// <param name="netns">Where it was opened.</param>
    /// <param name="toldLost">What <see cref="Lost"/> was by then.</param>
    /// <exception cref="LinuxException">It is no such socket.</exception>
    public static ConntrackMonitor Adopt(FileHandle handle, NetworkNamespace netns, uint toldLost)
    {
        ConntrackMonitor monitor = Make(NetlinkSocket.Adopt(handle, netns.Name), BurstSize);
        monitor._toldLost = toldLost;
        return monitor;
    }

    /// <summary>How many events <see cref="TakeLost"/> has told since the socket was made, modulo 2³².</summary>
    public uint Lost => _toldLost;

    /// <summary>From here on new flows are told too, or not any more.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void HearStarts(bool isWanted) =>
        Socket.SetOption(SOL_NETLINK, isWanted ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, (int)NFNLGRP_CONNTRACK_NEW);

    /// <summary>How many events found no room since the last call.</summary>
    /// <exception cref="LinuxException">The kernel does not say.</exception>
    public uint TakeLost()
    {
        uint drops = Socket.ReadDrops();
        uint lost = unchecked(drops - _toldLost);
        _toldLost = drops;
        return lost;
    }

    private static ConntrackMonitor Make(NetlinkSocket socket, int room, uint group = NFNLGRP_CONNTRACK_DESTROY)
    {
        try
        {
            return new ConntrackMonitor(socket, room, group);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private protected override ConntrackEvent? Parse(in NlMsgHdr header, ref NetlinkReader reader) => header.nlmsg_type switch
    {
        NFNL_SUBSYS_CTNETLINK | IPCTNL_MSG_CT_DELETE when ConntrackMessage.Read(ref reader) is { } flow => new ConntrackEvent(flow, IsStart: false),
        NFNL_SUBSYS_CTNETLINK | IPCTNL_MSG_CT_NEW when ConntrackMessage.Read(ref reader) is { } flow => new ConntrackEvent(flow, IsStart: true),
        _ => null,
    };
}

/// <summary>The beginning or the end of a flow.</summary>
/// <param name="Flow">The flow, at its end with its last counters; null for an event that cannot be read.</param>
/// <param name="IsStart">Whether it begins.</param>
public sealed record ConntrackEvent(ConntrackEntry? Flow, bool IsStart);
