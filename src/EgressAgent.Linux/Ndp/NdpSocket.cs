using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using static EgressAgent.Linux.Interop.Uapi.In6H;

namespace EgressAgent.Linux.Ndp;

/// <summary>Neighbour discovery on a link of a network namespace, apart from the kernel's own (RFC 4861).</summary>
public static class NdpSocket
{
    // Receivers drop what could have been forwarded: RFC 4861, 7.1.2.
    private const int HopLimit = 255;

    private const int AdvertisementType = 136;

    private static readonly IPAddress AllNodes = IPAddress.Parse("ff02::1");

    /// <summary>
    /// Tells all nodes of the link that <paramref name="mac"/> holds <paramref name="address"/>, so that they renew what they
    /// remember of it. The packet comes from the address itself, which the link must have and not be testing any more.
    /// </summary>
    /// <exception cref="LinuxException">
    /// The address is not there or still tentative (EADDRNOTAVAIL), or the link is down or gone (ENETUNREACH, ENODEV).
    /// </exception>
    public static unsafe void Announce(NetworkNamespace netns, int linkIndex, PhysicalAddress mac, IPAddress address)
    {
        string subject = $"{address} on link with index {linkIndex} in {netns}";
        using FileHandle socket = Open(netns, linkIndex, subject);
        SockAddrIn6 source = Address(address, linkIndex);
        if (LibC.bind(socket, &source, (uint)sizeof(SockAddrIn6)) < 0)
        {
            throw new LinuxException("prepare neighbour advertisement of", subject, Errno.Last);
        }

        Span<byte> packet = stackalloc byte[NeighbourAdvertisement.Length];
        new NeighbourAdvertisement(mac, address).Write(packet);
        Send(socket, packet, AllNodes, linkIndex, subject);
    }

    /// <summary>
    /// Asks the link, from its link-local address, who holds <paramref name="address"/>. Meant for an address that the link does
    /// not use itself.
    /// </summary>
    /// <returns>The MAC address of the first who answers; null when <paramref name="timeout"/> has passed.</returns>
    /// <exception cref="LinuxException">
    /// The link has no link-local address that is free to use (EADDRNOTAVAIL), or is down or gone (ENETUNREACH, ENODEV).
    /// </exception>
    public static unsafe PhysicalAddress? FindHolder(
        NetworkNamespace netns, int linkIndex, PhysicalAddress mac, IPAddress address, TimeSpan timeout)
    {
        string subject = $"{address} on link with index {linkIndex} in {netns}";
        using FileHandle socket = Open(netns, linkIndex, subject);

        // A set bit keeps a type out.
        uint* filter = stackalloc uint[8];
        new Span<uint>(filter, 8).Fill(uint.MaxValue);
        filter[AdvertisementType / 32] &= ~(1u << (AdvertisementType % 32));
        if (LibC.setsockopt(socket, IPPROTO_ICMPV6, ICMPV6_FILTER, filter, 8 * sizeof(uint)) < 0)
        {
            throw new LinuxException("filter neighbour advertisements of", subject, Errno.Last);
        }

        Span<byte> packet = stackalloc byte[NeighbourSolicitation.Length];
        var solicitation = new NeighbourSolicitation(mac, address);
        solicitation.Write(packet);
        Send(socket, packet, solicitation.Group, linkIndex, subject);
        long start = Stopwatch.GetTimestamp();
        byte* buffer = stackalloc byte[NeighbourAdvertisement.Length];
        for (TimeSpan left = timeout; left >= TimeSpan.Zero && Poll.Readable(socket, left); left = timeout - Stopwatch.GetElapsedTime(start))
        {
            nint length = LibC.recvfrom(socket, buffer, NeighbourAdvertisement.Length, LibC.MSG_DONTWAIT, null, null);
            if (length > 0
                && NeighbourAdvertisement.TryRead(new ReadOnlySpan<byte>(buffer, (int)length), out NeighbourAdvertisement answer)
                && answer.Address.Equals(address)
                && !answer.Mac.Equals(mac))
            {
                return answer.Mac;
            }
        }

        return null;
    }

    private static FileHandle Open(NetworkNamespace netns, int linkIndex, string subject)
    {
        FileHandle socket = netns.CreateSocket(LibC.AF_INET6, LibC.SOCK_RAW, IPPROTO_ICMPV6);
        if (LibC.setsockopt(socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, linkIndex) < 0
            || LibC.setsockopt(socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HopLimit) < 0)
        {
            Errno errno = Errno.Last;
            socket.Dispose();
            throw new LinuxException("open socket for", subject, errno);
        }

        return socket;
    }

    private static unsafe void Send(FileHandle socket, ReadOnlySpan<byte> packet, IPAddress group, int linkIndex, string subject)
    {
        SockAddrIn6 destination = Address(group, linkIndex);
        fixed (byte* bytes = packet)
        {
            while (LibC.sendto(socket, bytes, (nuint)packet.Length, 0, &destination, (uint)sizeof(SockAddrIn6)) < 0)
            {
                Errno errno = Errno.Last;
                if (errno != Errno.EINTR)
                {
                    throw new LinuxException("send neighbour discovery packet for", subject, errno);
                }
            }
        }
    }

    // The kernel reads the scope id for link-local addresses only.
    private static SockAddrIn6 Address(IPAddress address, int linkIndex)
    {
        var result = new SockAddrIn6 { sin6_family = LibC.AF_INET6, sin6_scope_id = (uint)linkIndex };
        address.TryWriteBytes(result.sin6_addr, out _);
        return result;
    }
}
