using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Links;
using static EgressAgent.Linux.Interop.Uapi.IfPacketH;

namespace EgressAgent.Linux.Arp;

/// <summary>
/// Sends and hears ARP on one link of a network namespace (packet(7)), apart from the kernel's own ARP: it works before the link
/// has an address. One thread at a time.
/// </summary>
/// <remarks>
/// The link must be operational (<see cref="OperationalState.Up"/>), not only set up: what is sent in the moment between the two
/// the kernel drops without an error.
/// </remarks>
public sealed class ArpSocket : IDisposable
{
    // The packet and the padding of the shortest Ethernet frame.
    private const int FrameSize = 64;
    private const int PacketsPerRead = 64;

    private readonly FileHandle _handle;
    private readonly int _linkIndex;
    private readonly PhysicalAddress _mac;
    private readonly string _where;

    private ArpSocket(FileHandle handle, NetworkNamespace netns, int linkIndex, PhysicalAddress mac)
    {
        _handle = handle;
        _linkIndex = linkIndex;
        _mac = mac;
        _where = $"on link with index {linkIndex} in {netns}";
    }

    /// <summary>Hears from the moment of the call.</summary>
    /// <param name="netns">Where the link is.</param>
    /// <param name="linkIndex">The link.</param>
    /// <param name="mac">The link's own MAC address.</param>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or no descriptor is left.</exception>
    public static ArpSocket Open(NetworkNamespace netns, int linkIndex, PhysicalAddress mac) => Open(netns, linkIndex, mac, []);

    internal static ArpSocket Open(NetworkNamespace netns, int linkIndex, PhysicalAddress mac, ReadOnlySpan<SockFilter> filter)
    {
        // Protocol 0 receives nothing until bind(2) names link and protocol; else packets of all links would come first.
        var socket = new ArpSocket(netns.CreateSocket(LibC.AF_PACKET, LibC.SOCK_DGRAM, 0), netns, linkIndex, mac);
        try
        {
            socket.Attach(filter);
            socket.Bind();
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    internal int Descriptor => _handle.Descriptor;

    public void Dispose() => _handle.Dispose();

    /// <summary>What is in the socket's queue, which may be nothing, and at most so much that a flood does not hold the reader.</summary>
    internal IReadOnlyList<ArpPacket> ReadAll()
    {
        Span<byte> buffer = stackalloc byte[FrameSize];
        List<ArpPacket> packets = [];
        for (int i = 0; i < PacketsPerRead && Receive(buffer) is > 0 and int length; i++)
        {
            if (ArpPacket.TryRead(buffer[..length], out ArpPacket packet))
            {
                packets.Add(packet);
            }
        }

        return packets;
    }

    /// <inheritdoc cref="ArpPacket.Probe"/>
    /// <exception cref="LinuxException">The link is down (ENETDOWN) or gone (ENXIO).</exception>
    public void SendProbe(IPAddress address) => Broadcast(ArpPacket.Probe(_mac, address));

    /// <inheritdoc cref="ArpPacket.Announcement"/>
    /// <exception cref="LinuxException">The link is down (ENETDOWN) or gone (ENXIO).</exception>
    public void SendAnnouncement(IPAddress address) => Broadcast(ArpPacket.Announcement(_mac, address));

    /// <summary>
    /// Listens for up to <paramref name="timeout"/> for somebody who holds, or probes for, <paramref name="address"/>.
    /// </summary>
    /// <returns>The other's MAC address as soon as it is heard; null when the time has passed.</returns>
    /// <exception cref="LinuxException">The link went down (ENETDOWN).</exception>
    public PhysicalAddress? WaitForConflict(IPAddress address, TimeSpan timeout)
    {
        Span<byte> buffer = stackalloc byte[FrameSize];
        long start = Stopwatch.GetTimestamp();
        TimeSpan left = timeout;
        while (left >= TimeSpan.Zero && Poll.Readable(_handle, left))
        {
            int length = Receive(buffer);
            if (ArpPacket.TryRead(buffer[..length], out ArpPacket packet) && packet.ConflictsWithProbe(_mac, address))
            {
                return packet.SenderMac;
            }

            left = timeout - Stopwatch.GetElapsedTime(start);
        }

        return null;
    }

    /// <summary>Probes and listens, <paramref name="count"/> times: RFC 5227, 2.1.1, with timings of the caller's.</summary>
    /// <returns>The MAC address of who has the address already; null when nobody objected.</returns>
    /// <exception cref="LinuxException">The link is down (ENETDOWN) or gone.</exception>
    public PhysicalAddress? Probe(IPAddress address, int count, TimeSpan interval)
    {
        for (int i = 0; i < count; i++)
        {
            SendProbe(address);
            if (WaitForConflict(address, interval) is { } holder)
            {
                return holder;
            }
        }

        return null;
    }

    private unsafe void Attach(ReadOnlySpan<SockFilter> filter)
    {
        if (filter.IsEmpty)
        {
            return;
        }

        fixed (SockFilter* instructions = filter)
        {
            var program = new SockFProg { len = (ushort)filter.Length, filter = instructions };
            if (LibC.setsockopt(_handle, LibC.SOL_SOCKET, LibC.SO_ATTACH_FILTER, &program, (uint)sizeof(SockFProg)) < 0)
            {
                throw new LinuxException("filter ARP packets", _where, Errno.Last);
            }
        }
    }

    private unsafe void Bind()
    {
        SockAddrLl address = Address();
        if (LibC.bind(_handle, &address, (uint)sizeof(SockAddrLl)) < 0)
        {
            throw new LinuxException("bind ARP socket", _where, Errno.Last);
        }
    }

    private unsafe void Broadcast(in ArpPacket packet)
    {
        SockAddrLl destination = Address();
        destination.sll_halen = 6;
        ((Span<byte>)destination.sll_addr)[..6].Fill(0xff);
        byte* bytes = stackalloc byte[ArpPacket.Length];
        packet.Write(new Span<byte>(bytes, ArpPacket.Length));
        while (LibC.sendto(_handle, bytes, ArpPacket.Length, 0, &destination, (uint)sizeof(SockAddrLl)) < 0)
        {
            Errno errno = Errno.Last;
            if (errno != Errno.EINTR)
            {
                throw new LinuxException("send ARP packet", _where, errno);
            }
        }
    }

    // 0 when nothing is there after all.
    private unsafe int Receive(Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            nint length = LibC.recvfrom(_handle, bytes, (nuint)buffer.Length, LibC.MSG_DONTWAIT, null, null);
            Errno errno = length < 0 ? Errno.Last : Errno.Success;
            return errno.IsSuccess ? (int)length
                : errno == Errno.EAGAIN || errno == Errno.EINTR ? 0
                : throw new LinuxException("receive ARP packet", _where, errno);
        }
    }

    private SockAddrLl Address() => new()
    {
        sll_family = LibC.AF_PACKET,
        sll_protocol = (ushort)IPAddress.HostToNetworkOrder((short)ETH_P_ARP),
        sll_ifindex = _linkIndex,
    };
}
