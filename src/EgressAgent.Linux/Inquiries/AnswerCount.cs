using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.Arp;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Ndp;
using EgressAgent.Linux.Sockets;
using static EgressAgent.Linux.Interop.Uapi.IfPacketH;

namespace EgressAgent.Linux.Inquiries;

/// <summary>
/// Counts, on the master of a macvlan, the answers for an address of the macvlan that bear its MAC: those that it sends, and those that
/// come in. Where the network sends back what is sent, its own answers come in too, but each only as often as all else does. What comes
/// in beyond that is from another host with the same MAC.
/// </summary>
/// <remarks>To see what is sent a socket has to see every packet of the link (packet(7), ETH_P_ALL), so it is for a moment only. One thread at a time.</remarks>
public sealed class AnswerCount : IDisposable
{
    private const int IPv6HeaderLength = 40;
    private const uint IPv6NextHeader = 6;
    private const uint ArpSenderAddress = 14;
    private const uint AdvertisedLastWord = IPv6HeaderLength + 20;

    private readonly FileHandle _socket;
    private readonly PhysicalAddress _mac;
    private readonly IPAddress _address;
    private readonly string _where;
    private int _sent;
    private int _received;

    private AnswerCount(FileHandle socket, PhysicalAddress mac, IPAddress address, string where)
    {
        _socket = socket;
        _mac = mac;
        _address = address;
        _where = where;
    }

    /// <summary>Counts from the moment of the call.</summary>
    /// <param name="netns">Where the master is.</param>
    /// <param name="linkIndex">The master.</param>
    /// <param name="mac">The macvlan's MAC.</param>
    /// <param name="address">The address, which the macvlan has.</param>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or no descriptor is left.</exception>
    public static AnswerCount Open(NetworkNamespace netns, int linkIndex, PhysicalAddress mac, IPAddress address)
    {
        var count = new AnswerCount(
            netns.CreateSocket(LibC.AF_PACKET, LibC.SOCK_DGRAM, 0), mac, address, $"on link with index {linkIndex} in {netns}");
        try
        {
            SocketFilter.Attach(count._socket, Compile(address), count._where);
            count.Bind(linkIndex);
            return count;
        }
        catch
        {
            count.Dispose();
            throw;
        }
    }

    /// <summary>Counts for so long, and says whether another host is among who answered by now.</summary>
    /// <param name="returns">How often the network sends back what is sent.</param>
    /// <param name="time">How long.</param>
    /// <exception cref="LinuxException">The link is down (ENETDOWN).</exception>
    public bool HasAnother(int returns, TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        for (TimeSpan left = time; left >= TimeSpan.Zero && Poll.Readable(_socket, left); left = time - Stopwatch.GetElapsedTime(start))
        {
            Read();
        }

        // One may have been on its way when the count began.
        return _received > (returns * _sent) + 1;
    }

    public void Dispose() => _socket.Dispose();

    private unsafe void Read()
    {
        byte* buffer = stackalloc byte[IPv6HeaderLength + NeighbourAdvertisement.Length];
        SockAddrLl source;
        uint size = (uint)sizeof(SockAddrLl);
        nint length = LibC.recvfrom(_socket, buffer, IPv6HeaderLength + NeighbourAdvertisement.Length, LibC.MSG_DONTWAIT, &source, &size);
        Errno errno = length < 0 ? Errno.Last : Errno.Success;
        if (errno == Errno.EAGAIN || errno == Errno.EINTR)
        {
            return;
        }

        if (!errno.IsSuccess)
        {
            throw new LinuxException("count answers", _where, errno);
        }

        if (IsAnswer(new ReadOnlySpan<byte>(buffer, (int)length)))
        {
            bool isSent = source.sll_pkttype == PACKET_OUTGOING;
            _sent += isSent ? 1 : 0;
            _received += isSent ? 0 : 1;
        }
    }

    // What is not asked for is sent to all, and may have been on its way before.
    private bool IsAnswer(ReadOnlySpan<byte> packet) => _address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork
        ? ArpPacket.TryRead(packet, out ArpPacket arp) && arp.Operation == ArpOperation.Reply && arp.SenderAddress.Equals(_address) && arp.SenderMac.Equals(_mac)
        : packet.Length > IPv6HeaderLength
            && NeighbourAdvertisement.TryRead(packet[IPv6HeaderLength..], out NeighbourAdvertisement advertisement)
            && NeighbourAdvertisement.IsSolicited(packet[IPv6HeaderLength..])
            && advertisement.Address.Equals(_address) && advertisement.Mac.Equals(_mac);

    private static SockFilter[] Compile(IPAddress address)
    {
        uint last = BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes().AsSpan()[^sizeof(uint)..]);
        return address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork
            ?
            [
                new(SocketFilter.LoadHalf, 0, 0, SocketFilter.Protocol),
                new(SocketFilter.JumpIfEqual, 1, 0, ETH_P_ARP),
                SocketFilter.Drop,
                new(SocketFilter.LoadWord, 0, 0, ArpSenderAddress),
                new(SocketFilter.JumpIfEqual, 1, 0, last),
                SocketFilter.Drop,
                SocketFilter.Accept,
            ]
            :
            [
                new(SocketFilter.LoadHalf, 0, 0, SocketFilter.Protocol),
                new(SocketFilter.JumpIfEqual, 1, 0, ETH_P_IPV6),
                SocketFilter.Drop,
                new(SocketFilter.LoadByte, 0, 0, IPv6NextHeader),
                new(SocketFilter.JumpIfEqual, 1, 0, In6H.IPPROTO_ICMPV6),
                SocketFilter.Drop,
                new(SocketFilter.LoadByte, 0, 0, IPv6HeaderLength),
                new(SocketFilter.JumpIfEqual, 1, 0, NeighbourAdvertisement.Type),
                SocketFilter.Drop,
                new(SocketFilter.LoadWord, 0, 0, AdvertisedLastWord),
                new(SocketFilter.JumpIfEqual, 1, 0, last),
                SocketFilter.Drop,
                SocketFilter.Accept,
            ];
    }

    private unsafe void Bind(int linkIndex)
    {
        var address = new SockAddrLl
        {
            sll_family = LibC.AF_PACKET,
            sll_protocol = (ushort)IPAddress.HostToNetworkOrder((short)ETH_P_ALL),
            sll_ifindex = linkIndex,
        };
        if (LibC.bind(_socket, &address, (uint)sizeof(SockAddrLl)) < 0)
        {
            throw new LinuxException("bind socket that counts answers", _where, Errno.Last);
        }
    }
}
