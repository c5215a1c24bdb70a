using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Linux.Arp;

/// <summary>
/// Hears, on one link, other hosts that say that they have an address which is ours (RFC 5227, 2.4). It collects from the moment
/// it is opened. One thread reads; <see cref="Netlink.Monitoring.NetlinkMonitorLoop"/> does it for many.
/// </summary>
public sealed class ArpConflictMonitor : IDisposable
{
    private readonly ArpSocket _socket;

    private ArpConflictMonitor(ArpSocket socket) => _socket = socket;

    internal int Descriptor => _socket.Descriptor;

    /// <param name="netns">Where the link is; the monitor keeps it alive.</param>
    /// <param name="linkIndex">The link.</param>
    /// <param name="mac">The link's own MAC address.</param>
    /// <param name="addresses">Our IPv4 addresses.</param>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or no descriptor is left.</exception>
    public static ArpConflictMonitor Open(
        NetworkNamespace netns, int linkIndex, PhysicalAddress mac, IReadOnlyCollection<IPAddress> addresses) =>
        new(ArpSocket.Open(netns, linkIndex, mac, ArpConflictFilter.Compile(mac, addresses)));

    /// <summary>What was heard since the last call; empty when nothing was. Does not wait.</summary>
    /// <exception cref="LinuxException">The link went down (ENETDOWN); the next call goes on.</exception>
    public IReadOnlyList<ArpPacket> Read() => _socket.ReadAll();

    public void Dispose() => _socket.Dispose();
}
