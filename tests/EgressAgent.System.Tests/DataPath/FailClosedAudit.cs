using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>
/// Judges every packet that crosses between the node and its LANs, while the router changes: what one of the phases that may be in force
/// lets out, and nothing else. Those are the one that is begun, the one before, and that before it: a packet that left in time may be
/// seen a moment later.
/// </summary>
internal sealed class FailClosedAudit : IDisposable
{
    private static readonly IPNetwork[] NeverSeen = [.. ((string[])
        ["198.18.0.0/15", "10.88.0.0/16", "10.89.0.0/16", "127.0.0.0/8", "fd96:e9e5::/32", "fd88::/64", "fd89::/64"]).Select(IPNetwork.Parse)];

    private readonly List<PacketCapture> _captures;
    private readonly HashSet<PhysicalAddress> _ofHosts;
    private readonly List<string> _wrong = [];
    private FailClosedPhase[] _window;
    private int _let;

    /// <param name="lab">The lab.</param>
    /// <param name="phase">The one that is in force already.</param>
    /// <param name="lans">All LANs that the router is ever on.</param>
    internal FailClosedAudit(DataPathLab lab, FailClosedPhase phase, params LabSegment[] lans)
    {
        _window = [phase];
        _ofHosts = [.. new[] { lab.Node, lab.Neighbour, lab.Gateway }.SelectMany(host => host.Macs())];
        _captures = [.. lans.Select(lan => lan.Capture(lab.Node))];
    }

    /// <summary>How many packets the phase that is begun has let out.</summary>
    internal int Let
    {
        get
        {
            Judge();
            return _let;
        }
    }

    /// <summary>From now on, this phase may be in force.</summary>
    internal void Begin(FailClosedPhase phase)
    {
        Judge();
        _window = [phase, .. _window.Take(2)];
        _let = 0;
    }

    internal void AssertNothingLeaked()
    {
        Judge();
        Assert.True(_wrong.Count == 0, $"{_wrong.Count} packets that should not be there:\n{string.Join('\n', _wrong.Take(20))}");
    }

    public void Dispose() => _captures.ForEach(capture => capture.Dispose());

    private void Judge()
    {
        foreach (CapturedPacket packet in _captures.SelectMany(capture => capture.Take()))
        {
            if (IsNeverSeen(packet.Source) || IsNeverSeen(packet.Destination) || (!_ofHosts.Contains(packet.SourceMac) && !MayBeSent(packet)))
            {
                _wrong.Add($"{string.Join(" < ", _window.Select(phase => phase.Name))}: {packet}");
            }
            else if (packet.Source is not null && _window[0].Lets(packet))
            {
                _let++;
            }
        }
    }

    private static bool IsNeverSeen(IPAddress? address) => address is not null && NeverSeen.Any(network => network.Contains(address));

    private bool MayBeSent(CapturedPacket packet)
    {
        if (packet.Source is not { } source)
        {
            return false;
        }

        bool isOwn = _window.Any(phase => phase.Owns(source));
        return packet.Protocol switch
        {
            PacketProtocol.Arp => isOwn || source.Equals(IPAddress.Any),

            // Neighbour discovery; listener reports come behind a hop-by-hop header.
            PacketProtocol.IcmpV6 when packet.Kind >> 8 is 135 or 136 => isOwn || source.IsIPv6LinkLocal || source.Equals(IPAddress.IPv6Any),
            PacketProtocol.Other when packet.Destination!.IsIPv6Multicast => isOwn || source.IsIPv6LinkLocal || source.Equals(IPAddress.IPv6Any),

            // What servers of flows that were cut still send is refused, as by any host.
            PacketProtocol.Tcp when packet.IsReset => isOwn && IsServer(packet.Destination!),
            PacketProtocol.Icmp when packet.Kind >> 8 == 3 => isOwn && IsServer(packet.Destination!),
            PacketProtocol.IcmpV6 when packet.Kind >> 8 == 1 => isOwn && IsServer(packet.Destination!),
            _ => _window.Any(phase => phase.Lets(packet)),
        };
    }

    private static bool IsServer(IPAddress address) =>
        $"{address}" is DataPathLab.Web or DataPathLab.OtherWeb or DataPathLab.Web6 or DataPathLab.OtherWeb6;
}
