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
    /// <summary>Receivers drop what has another, as it could have been forwarded: RFC 4861, 7.1.1 and 7.1.2.</summary>
    internal const int HopLimit = 255;

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
    /// <param name="netns">Where the link is.</param>
    /// <param name="linkIndex">The link.</param>
    /// <param name="mac">Its MAC address; an answer with it is not taken for one.</param>
    /// <param name="address">Who is asked for.</param>
    /// <param name="count">How often, since one question may be lost.</param>
    /// <param name="interval">How long each question waits for an answer.</param>
    /// <returns>The MAC address of the first who answers; null when nobody did.</returns>
    /// <exception cref="LinuxException">
    /// The link has no link-local address that is free to use (EADDRNOTAVAIL), or is down or gone (ENETUNREACH, ENODEV).
    /// </exception>
    public static unsafe PhysicalAddress? FindHolder(
        NetworkNamespace netns, int linkIndex, PhysicalAddress mac, IPAddress address, int count, TimeSpan interval)
    {
        string subject = $"{address} on link with index {linkIndex} in {netns}";
        using FileHandle socket = Open(netns, linkIndex, subject);

        // A set bit keeps a type out.
        uint* filter = stackalloc uint[8];
        new Span<uint>(filter, 8).Fill(uint.MaxValue);
        filter[NeighbourAdvertisement.Type / 32] &= ~(1u << (NeighbourAdvertisement.Type % 32));
        if (LibC.setsockopt(socket, IPPROTO_ICMPV6, ICMPV6_FILTER, filter, 8 * sizeof(uint)) < 0)
        {
            throw new LinuxException("filter neighbour advertisements of", subject, Errno.Last);
        }

        for (int i = 0; i < count; i++)
        {
            Ask(socket, linkIndex, mac, address, subject);
            if (ReadAnswer(socket, mac, address, interval) is { } holder)
            {
                return holder;
            }
        }

        return null;
    }

    /// <summary>Asks as <see cref="FindHolder"/> does, once, and waits for no answer.</summary>
    /// <exception cref="LinuxException">As there.</exception>
    public static void Ask(NetworkNamespace netns, int linkIndex, PhysicalAddress mac, IPAddress address)
    {
        string subject = $"{address} on link with index {linkIndex} in {netns}";
        using FileHandle socket = Open(netns, linkIndex, subject);
        Ask(socket, linkIndex, mac, address, subject);
    }

    internal static void Ask(FileHandle socket, int linkIndex, PhysicalAddress mac, IPAddress address, string subject)
    {
        Span<byte> packet = stackalloc byte[NeighbourSolicitation.Length];
        var solicitation = new NeighbourSolicitation(mac, address);
        solicitation.Write(packet);
        Send(socket, packet, solicitation.Group, linkIndex, subject);
    }

    private static unsafe PhysicalAddress? ReadAnswer(FileHandle socket, PhysicalAddress mac, IPAddress address, TimeSpan timeout)
    {
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
        Errno errno = Prepare(socket, linkIndex);
        if (!errno.IsSuccess)
        {
            socket.Dispose();
            throw new LinuxException("open socket for", subject, errno);
        }

        return socket;
    }

    /// <summary>Lets a raw socket send to groups on one link, and not to itself.</summary>
    internal static Errno Prepare(FileHandle socket, int linkIndex) =>
        LibC.setsockopt(socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, linkIndex) < 0
        || LibC.setsockopt(socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HopLimit) < 0
        || LibC.setsockopt(socket, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) < 0
            ? Errno.Last
            : Errno.Success;

    private static unsafe void Send(FileHandle socket, ReadOnlySpan<byte> packet, IPAddress group, int linkIndex, string subject)
    {
        SockAddrIn6 destination = Address(group, linkIndex);
        fixed (byte* bytes = packet)
        {
            while (LibC.sendto(socket, bytes, (nuint)packet.Length, 0, &destination, (uint)sizeof(SockAddrIn6)) < 0)
            {
                Errno errno = Errno.Last;

                // There was no room, or a filter at the link's egress dropped it: it is lost, as it may be on the way.
                if (errno == Errno.ENOBUFS)
                {
                    return;
                }

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
