using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.AddressConflicts;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Linux.Arp;

/// <summary>
/// Hears by ARP who has one of our IPv4 addresses (RFC 5227, 2.4). What the link itself sends it does not hear, unless the network
/// sends that back.
/// </summary>
public sealed class ArpConflictMonitor : AddressConflictMonitor
{
    private readonly ArpSocket _socket;

    private ArpConflictMonitor(ArpSocket socket) => _socket = socket;

    internal override int Descriptor => _socket.Descriptor;

    /// <param name="netns">Where the link is; the monitor keeps it alive.</param>
    /// <param name="linkIndex">The link.</param>
    /// <param name="addresses">Our IPv4 addresses.</param>
    /// <param name="sender">The only MAC that is listened to, but for who answers the link itself; null for any.</param>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or no descriptor is left.</exception>
    public static ArpConflictMonitor Open(
        NetworkNamespace netns, int linkIndex, IReadOnlyCollection<IPAddress> addresses, PhysicalAddress? sender = null) =>
        new(ArpSocket.Open(netns, linkIndex, PhysicalAddress.None, ArpConflictFilter.Compile(sender, addresses)));

    /// <inheritdoc/>
    public override IReadOnlyList<AddressUse> Read() => [.. _socket.ReadAll().Select(packet => new AddressUse(packet.SenderAddress, packet.SenderMac))];

    /// <inheritdoc/>
    public override void Ask(IPAddress address, PhysicalAddress mac) => _socket.SendProbe(address, mac);

    /// <summary>Tells the network that the link has the address; the monitor does not hear it.</summary>
    /// <param name="address">The address.</param>
    /// <param name="mac">The link's own MAC.</param>
    /// <param name="inBothForms">Whether as a reply too: see <see cref="ArpPacket.AnnouncementByReply"/>.</param>
    /// <exception cref="LinuxException">The link is down or gone, or was so and nobody has read it yet.</exception>
    public void Announce(IPAddress address, PhysicalAddress mac, bool inBothForms = false) => _socket.SendAnnouncement(address, mac, inBothForms);

    public override void Dispose() => _socket.Dispose();
}
