using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.AddressConflicts;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Sockets;
using static EgressAgent.Linux.Interop.Uapi.In6H;

namespace EgressAgent.Linux.Ndp;

/// <summary>
/// Hears by neighbour discovery who has one of our IPv6 addresses: who advertises it, and who asks for others from it. Who only tests
/// whether it is free does not have it yet.
/// </summary>
/// <remarks>
/// A raw socket costs only ICMPv6 packets, where a packet socket for IPv6 would cost each one that arrives. It hears what the kernel takes
/// for this host: what is said to all nodes, and to the groups that it joins.
/// </remarks>
public sealed class NdpConflictMonitor : AddressConflictMonitor
{
    // linux/filter.h: SKF_NET_OFF. The filter counts from the ICMPv6 header.
    private const uint IPv6Header = unchecked((uint)-0x100000);
    private const uint HopLimitField = IPv6Header + 7;
    private const uint LastWordOfSource = IPv6Header + 20;
    private const uint LastWordOfTarget = 20;
    private const uint Type = 0;

    private const int PacketsPerRead = 64;

    private readonly FileHandle _socket;
    private readonly int _linkIndex;
    private readonly HashSet<IPAddress> _addresses;
    private readonly string _where;

    private NdpConflictMonitor(FileHandle socket, int linkIndex, IReadOnlyCollection<IPAddress> addresses, string where)
    {
        _socket = socket;
        _linkIndex = linkIndex;
        _addresses = [.. addresses];
        _where = where;
    }

    internal override int Descriptor => _socket.Descriptor;

    /// <param name="netns">Where the link is; the monitor keeps it alive.</param>
    /// <param name="linkIndex">The link.</param>
    /// <param name="addresses">Our IPv6 addresses.</param>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or no descriptor is left.</exception>
    public static NdpConflictMonitor Open(NetworkNamespace netns, int linkIndex, IReadOnlyCollection<IPAddress> addresses)
    {
        string where = $"on link with index {linkIndex} in {netns}";
        var monitor = new NdpConflictMonitor(netns.CreateSocket(LibC.AF_INET6, LibC.SOCK_RAW, IPPROTO_ICMPV6), linkIndex, addresses, where);
        try
        {
            monitor.Bind();
            return monitor;
        }
        catch
        {
            monitor.Dispose();
            throw;
        }
    }

    /// <summary>Hears also what is asked of these hosts. A switch may hand the question on to nobody but them and who has joined their groups.</summary>
    /// <exception cref="LinuxException">The link is gone (ENODEV), or there is no room for so many (ENOMEM).</exception>
    public unsafe void HearQuestionsTo(IEnumerable<IPAddress> hosts)
    {
        foreach (IPAddress host in hosts)
        {
            var request = new IPv6MulticastRequest { ipv6mr_ifindex = _linkIndex };
            NeighbourSolicitation.GroupOf(host).TryWriteBytes(request.ipv6mr_multiaddr, out _);
            Errno errno = LibC.setsockopt(_socket, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, (uint)sizeof(IPv6MulticastRequest)) < 0 ? Errno.Last : Errno.Success;

            // It has joined it already, or the link has no IPv6, and so nobody asks on it.
            if (!errno.IsSuccess && errno != Errno.EADDRINUSE && errno != Errno.EINVAL)
            {
                throw new LinuxException($"hear questions to {host}", _where, errno);
            }
        }
    }

    /// <inheritdoc/>
    public override unsafe IReadOnlyList<AddressUse> Read()
    {
        List<AddressUse> heard = [];
        byte* buffer = stackalloc byte[NeighbourAdvertisement.Length];
        for (int i = 0; i < PacketsPerRead; i++)
        {
            SockAddrIn6 source;
            uint size = (uint)sizeof(SockAddrIn6);
            nint length = LibC.recvfrom(_socket, buffer, NeighbourAdvertisement.Length, LibC.MSG_DONTWAIT, &source, &size);
            Errno errno = length < 0 ? Errno.Last : Errno.Success;
            if (errno == Errno.EAGAIN || errno == Errno.EINTR)
            {
                break;
            }

            if (!errno.IsSuccess)
            {
                throw new LinuxException("receive neighbour discovery packet", _where, errno);
            }

            // The filter compares a part of the address.
            if (ReadUse(new ReadOnlySpan<byte>(buffer, (int)length), new IPAddress((ReadOnlySpan<byte>)source.sin6_addr)) is { } use
                && _addresses.Contains(use.Address))
            {
                heard.Add(use);
            }
        }

        return heard;
    }

    /// <inheritdoc/>
    public override void Ask(IPAddress address, PhysicalAddress mac) => NdpSocket.Ask(_socket, _linkIndex, mac, address, $"{address} {_where}");

    public override void Dispose() => _socket.Dispose();

    private static AddressUse? ReadUse(ReadOnlySpan<byte> packet, IPAddress source) =>
        NeighbourAdvertisement.TryRead(packet, out NeighbourAdvertisement advertisement) ? new AddressUse(advertisement.Address, advertisement.Mac)
        : NeighbourSolicitation.TryRead(packet, out NeighbourSolicitation solicitation) ? new AddressUse(source, solicitation.Mac)
        : null;

    // Until it is bound a raw socket hears all links.
    private void Bind()
    {
        SocketFilter.Attach(_socket, [SocketFilter.Drop], _where);
        if (LibC.setsockopt(_socket, LibC.SOL_SOCKET, LibC.SO_BINDTOIFINDEX, _linkIndex) < 0)
        {
            throw new LinuxException("bind socket for neighbour discovery", _where, Errno.Last);
        }

        Errno errno = NdpSocket.Prepare(_socket, _linkIndex);
        if (!errno.IsSuccess)
        {
            throw new LinuxException("prepare socket for neighbour discovery", _where, errno);
        }

        SocketFilter.Attach(_socket, Compile(), _where);
    }

    private SockFilter[] Compile() =>
    [
        new(SocketFilter.LoadByte, 0, 0, HopLimitField),
        new(SocketFilter.JumpIfEqual, 1, 0, NdpSocket.HopLimit),
        SocketFilter.Drop,
        new(SocketFilter.LoadByte, 0, 0, Type),
        new(SocketFilter.JumpIfEqual, 0, 2, NeighbourSolicitation.Type),
        new(SocketFilter.LoadWord, 0, 0, LastWordOfSource),
        new(SocketFilter.Jump, 0, 0, 3),
        new(SocketFilter.JumpIfEqual, 1, 0, NeighbourAdvertisement.Type),
        SocketFilter.Drop,
        new(SocketFilter.LoadWord, 0, 0, LastWordOfTarget),
        .. SocketFilter.RequireLastWord(_addresses),
        SocketFilter.Accept,
    ];
}
