using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.FileDescriptors;

namespace EgressAgent.Linux.Arp;

/// <summary>
/// Asks a network who has an address, on a macvlan and on its master (RFC 5227, 2.1.1, with timings of the caller's).
/// </summary>
/// <remarks>
/// The master asks first, with a MAC of its own. A macvlan hears nothing that comes with its own MAC, nor does the one that a copy of
/// this machine has: each would be told nothing of the other (macvlan_handle_frame keeps such a frame from its source). And a question
/// with the MAC of the holder would teach switches that it is here. Macvlans on the same master hear nothing from it, so the link itself
/// asks too.
/// </remarks>
public static class ArpInquiry
{
    /// <param name="link">On the macvlan, or on any link that asks for itself.</param>
    /// <param name="master">On its master; null where that is not asked, or has the same MAC.</param>
    /// <param name="address">For which address.</param>
    /// <param name="isHeld">
    /// Whether the link has the address itself. Then what is heard with its own MAC may be its own answer, which the network sent back;
    /// so it says nothing if the network sends back what the master asks.
    /// </param>
    /// <param name="count">How often it is asked for.</param>
    /// <param name="interval">How long each question waits for an answer.</param>
    /// <returns>
    /// The MAC of who has the address, or asks for it at the same time: another host's, or the link's own, which is a copy of this
    /// machine. Null when nobody objected.
    /// </returns>
    /// <exception cref="LinuxException">A link is down (ENETDOWN) or gone (ENXIO).</exception>
    public static PhysicalAddress? FindHolder(ArpSocket link, ArpSocket? master, IPAddress address, bool isHeld, int count, TimeSpan interval)
    {
        bool isSentBack = false;
        bool isOwnHeard = false;
        for (int i = 0; i < count; i++)
        {
            master?.SendProbe(address);
            if (i > 0 || master is null)
            {
                link.SendProbe(address);
            }

            long start = Stopwatch.GetTimestamp();
            TimeSpan left = interval;
            while (left >= TimeSpan.Zero && Poll.AnyReadable(link.Handle, master?.Handle, left))
            {
                foreach ((ArpPacket packet, PhysicalAddress source) in ((ArpPacket, PhysicalAddress)[])[.. master?.ReadFrames() ?? [], .. link.ReadFrames()])
                {
                    isSentBack |= master is not null && IsSentBack(master, packet, source);
                    if (!Objects(packet, link.Mac, master?.Mac, address))
                    {
                        continue;
                    }

                    // What it said before it was asked may come back before the question does.
                    if (!isHeld || !packet.SenderMac.Equals(link.Mac))
                    {
                        return packet.SenderMac;
                    }

                    isOwnHeard = true;
                }

                left = interval - Stopwatch.GetElapsedTime(start);
            }
        }

        return isOwnHeard && !isSentBack ? link.Mac : null;
    }

    /// <summary>Asks a link for the MAC of a neighbour. Whoever asks for it at the same time is no answer.</summary>
    /// <param name="link">On the link, with its own MAC.</param>
    /// <param name="from">The link's own address; 0.0.0.0 where it has none.</param>
    /// <param name="address">The neighbour's, which the link does not have itself.</param>
    /// <param name="count">How often it is asked for.</param>
    /// <param name="interval">How long each question waits for an answer.</param>
    /// <returns>Null when nobody answered.</returns>
    /// <exception cref="LinuxException">The link is down (ENETDOWN) or gone (ENXIO).</exception>
    public static PhysicalAddress? FindNeighbour(ArpSocket link, IPAddress from, IPAddress address, int count, TimeSpan interval)
    {
        for (int i = 0; i < count; i++)
        {
            link.SendQuestion(from, address);
            long start = Stopwatch.GetTimestamp();
            for (TimeSpan left = interval; left >= TimeSpan.Zero && Poll.Readable(link.Handle, left); left = interval - Stopwatch.GetElapsedTime(start))
            {
                foreach (ArpPacket packet in link.ReadAll())
                {
                    if (packet.SenderAddress.Equals(address) && !packet.SenderMac.Equals(link.Mac))
                    {
                        return packet.SenderMac;
                    }
                }
            }
        }

        return null;
    }

    /// <summary>How often a network sends back what a link sends to all: a bridge port in hairpin mode once, a bond by each of its other ports.</summary>
    /// <param name="link">On the link.</param>
    /// <param name="nobodys">An address that nobody has.</param>
    /// <param name="timeout">How long to wait for it.</param>
    /// <exception cref="LinuxException">The link is down (ENETDOWN) or gone (ENXIO).</exception>
    public static int CountReturns(ArpSocket link, IPAddress nobodys, TimeSpan timeout)
    {
        link.SendProbe(nobodys);
        int count = 0;
        long start = Stopwatch.GetTimestamp();
        for (TimeSpan left = timeout; left >= TimeSpan.Zero && Poll.Readable(link.Handle, left); left = timeout - Stopwatch.GetElapsedTime(start))
        {
            count += link.ReadFrames().Count(frame => frame.Packet.TargetAddress.Equals(nobodys) && IsSentBack(link, frame.Packet, frame.Source));
        }

        return count;
    }

    // A bond in mode balance-alb sends its own ARP, and no other's, by another port with that port's MAC, and hears it by the first.
    private static bool IsSentBack(ArpSocket sender, in ArpPacket packet, PhysicalAddress source) =>
        packet.SenderMac.Equals(sender.Mac) && source.Equals(sender.Mac);

    private static bool Objects(in ArpPacket packet, PhysicalAddress link, PhysicalAddress? master, IPAddress address) =>
        packet.SenderMac.Equals(link) ? packet.SenderAddress.Equals(address) : !packet.SenderMac.Equals(master) && packet.ConflictsWithProbe(link, address);
}
