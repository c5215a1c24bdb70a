using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>
/// Everything that crosses between the node and its LAN from now on, judged: what a router may send, and what may never be seen.
/// </summary>
/// <param name="lab">The lab.</param>
/// <param name="capture">Where on the LAN it looks.</param>
public sealed class LanAudit(DataPathLab lab, PacketCapture capture) : IDisposable
{
    private static readonly IPNetwork[] InsideNetworks = [IPNetwork.Parse("198.18.0.0/15"), IPNetwork.Parse("fd96:e9e5::/32")];

    /// <param name="lab">The lab.</param>
    /// <param name="lan">Which of its LANs; the first if none is named.</param>
    public LanAudit(DataPathLab lab, LabSegment? lan = null)
        : this(lab, (lan ?? lab.Lan).Capture(lab.Node))
    {
    }

    public IReadOnlyList<CapturedPacket> Packets => capture.Packets;

    /// <summary>Forgets what was recorded so far.</summary>
    public void Clear() => capture.Clear();

    public void Dispose() => capture.Dispose();

    /// <summary>
    /// Asserts that routers sent IP packets from <paramref name="reserved"/> to <paramref name="destinations"/> and nothing else but
    /// ARP for these addresses, neighbour discovery, multicast listener reports and resets for what was sent to them; and that no
    /// inside address was seen at all.
    /// </summary>
    public void AssertRoutersSentOnly(IReadOnlyCollection<string> reserved, IReadOnlyCollection<string> destinations)
    {
        HashSet<PhysicalAddress> ofHosts = [.. new[] { lab.Node, lab.Neighbour, lab.Gateway }.SelectMany(host => host.Macs())];
        HashSet<IPAddress> sources = [.. reserved.Select(IPAddress.Parse)];
        HashSet<IPAddress> targets = [.. destinations.Select(IPAddress.Parse)];
        CapturedPacket[] packets = [.. Packets];
        CapturedPacket[] wrong = [.. packets.Where(packet => IsInside(packet.Source) || IsInside(packet.Destination)
            || (!ofHosts.Contains(packet.SourceMac) && !MayBeSent(packet, sources, targets) && !IsRefusal(packet, packets)))];
        Assert.True(wrong.Length == 0, $"{wrong.Length} packets that should not be there:\n{string.Join('\n', wrong.Take(20))}");
    }

    private static bool IsInside(IPAddress? address) => address is not null && InsideNetworks.Any(network => network.Contains(address));

    private static bool MayBeSent(CapturedPacket packet, HashSet<IPAddress> sources, HashSet<IPAddress> targets) => packet.Protocol switch
    {
        PacketProtocol.Arp => sources.Contains(packet.Source!) || packet.Source!.Equals(IPAddress.Any),

        // Neighbour solicitation and advertisement; listener reports come behind a hop-by-hop header.
        PacketProtocol.IcmpV6 when packet.Kind >> 8 is 135 or 136 => IsOwn(packet.Source!, sources),
        PacketProtocol.Other when packet.Destination is { IsIPv6Multicast: true } => IsOwn(packet.Source!, sources),
        _ => packet.Source is not null && sources.Contains(packet.Source) && targets.Contains(packet.Destination!),
    };

    // Servers of connections that an earlier router carried go on sending to its address for some time.
    private static bool IsRefusal(CapturedPacket packet, CapturedPacket[] packets) => packet.IsReset && packets.Any(refused =>
        refused.Protocol == PacketProtocol.Tcp
        && (refused.Source, refused.SourcePort).Equals((packet.Destination, packet.DestinationPort))
        && (refused.Destination, refused.DestinationPort).Equals((packet.Source, packet.SourcePort)));

    private static bool IsOwn(IPAddress source, HashSet<IPAddress> sources) =>
        source.IsIPv6LinkLocal || source.Equals(IPAddress.IPv6Any) || sources.Contains(source);
}
