using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Sockets;
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
    private const int MacLength = 6;

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
            if (!filter.IsEmpty)
            {
                SocketFilter.Attach(socket._handle, filter, socket._where);
            }

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

    internal FileHandle Handle => _handle;

    internal PhysicalAddress Mac => _mac;

    public void Dispose() => _handle.Dispose();

    /// <summary>What is in the socket's queue, which may be nothing, and at most so much that a flood does not hold the reader.</summary>
    internal IReadOnlyList<ArpPacket> ReadAll() => [.. ReadFrames().Select(frame => frame.Packet)];

    /// <summary>The same with the MAC addresses from which the frames came.</summary>
    internal IReadOnlyList<(ArpPacket Packet, PhysicalAddress Source)> ReadFrames()
    {
        Span<byte> buffer = stackalloc byte[FrameSize];
        List<(ArpPacket, PhysicalAddress)> frames = [];
        for (int i = 0; i < PacketsPerRead && Receive(buffer, out SockAddrLl source) is > 0 and int length; i++)
        {
            if (ArpPacket.TryRead(buffer[..length], out ArpPacket packet))
            {
                frames.Add((packet, new PhysicalAddress(((ReadOnlySpan<byte>)source.sll_addr)[..MacLength].ToArray())));
            }
        }

        return frames;
    }

    /// <inheritdoc cref="ArpPacket.Probe"/>
    /// <exception cref="LinuxException">The link is down (ENETDOWN) or gone (ENXIO).</exception>
    public void SendProbe(IPAddress address) => SendProbe(address, _mac);

    internal void SendProbe(IPAddress address, PhysicalAddress mac) => Broadcast(ArpPacket.Probe(mac, address));

    /// <inheritdoc cref="ArpPacket.Question"/>
    internal void SendQuestion(IPAddress from, IPAddress address) => Broadcast(ArpPacket.Question(_mac, from, address));

    /// <inheritdoc cref="ArpPacket.Announcement"/>
    /// <exception cref="LinuxException">The link is down (ENETDOWN) or gone (ENXIO).</exception>
    public void SendAnnouncement(IPAddress address, bool inBothForms = false) => SendAnnouncement(address, _mac, inBothForms);

    internal void SendAnnouncement(IPAddress address, PhysicalAddress mac, bool inBothForms = false)
    {
        Broadcast(ArpPacket.Announcement(mac, address));
        if (inBothForms)
        {
            Broadcast(ArpPacket.AnnouncementByReply(mac, address));
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
        destination.sll_halen = MacLength;
        ((Span<byte>)destination.sll_addr)[..MacLength].Fill(0xff);
        byte* bytes = stackalloc byte[ArpPacket.Length];
        packet.Write(new Span<byte>(bytes, ArpPacket.Length));
        while (LibC.sendto(_handle, bytes, ArpPacket.Length, 0, &destination, (uint)sizeof(SockAddrLl)) < 0)
        {
            Errno errno = Errno.Last;

            // There was no room, or a filter at the link's egress dropped it: it is lost, as it may be on the way.
            if (errno == Errno.ENOBUFS)
            {
                return;
            }

            if (errno != Errno.EINTR)
            {
                throw new LinuxException("send ARP packet", _where, errno);
            }
        }
    }

    // 0 when nothing is there after all.
    private unsafe int Receive(Span<byte> buffer, out SockAddrLl source)
    {
        uint size = (uint)sizeof(SockAddrLl);
        fixed (byte* bytes = buffer)
        fixed (SockAddrLl* from = &source)
        {
            nint length = LibC.recvfrom(_handle, bytes, (nuint)buffer.Length, LibC.MSG_DONTWAIT, from, &size);
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
