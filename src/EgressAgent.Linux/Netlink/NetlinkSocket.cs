using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;
using EgressAgent.Linux.Namespaces;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;

namespace EgressAgent.Linux.Netlink;

/// <summary>
/// A bound netlink socket that speaks to the kernel in one network namespace. It only moves datagrams; who uses it sees to it
/// that one thread at a time does.
/// </summary>
internal sealed class NetlinkSocket : IDisposable
{
    /// <summary>More than the kernel puts into one datagram of a dump (32 KiB).</summary>
    internal const int DatagramSize = 64 * 1024;

    /// <summary>What a socket surely sends in one datagram, whatever net.core.wmem_default is: SOCK_MIN_SNDBUF, and the kernel's own share.</summary>
    internal const int DefaultSendSize = 4 * 1024;

    private NetlinkSocket(FileHandle handle, string netnsName)
    {
        Handle = handle;
        NetnsName = netnsName;
    }

    internal FileHandle Handle { get; }

    /// <summary>For messages.</summary>
    internal string NetnsName { get; }

    /// <param name="netns">Where.</param>
    /// <param name="protocol">NETLINK_*.</param>
    /// <param name="room">For what is not read yet, in bytes; the kernel's default when null.</param>
    /// <param name="groups">What it hears of from the beginning, each at most 32: faster than one NETLINK_ADD_MEMBERSHIP after the other.</param>
    /// <exception cref="LinuxException">The kernel has no such protocol, or no descriptor is left.</exception>
    public static NetlinkSocket Open(NetworkNamespace netns, int protocol, int? room = null, params IEnumerable<uint> groups)
    {
        var socket = new NetlinkSocket(netns.CreateSocket(LibC.AF_NETLINK, LibC.SOCK_RAW, protocol), netns.Name);
        try
        {
            socket.SetOption(SOL_NETLINK, NETLINK_EXT_ACK, 1);
            socket.SetOption(SOL_NETLINK, NETLINK_CAP_ACK, 1);
            if (room is { } size)
            {
                socket.SetReceiveBuffer(size);
            }

            socket.Bind(groups.Aggregate(0u, (mask, group) => mask | (1u << ((int)group - 1))));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Goes on with a socket that an earlier process opened here and had kept.</summary>
    public static NetlinkSocket Adopt(FileHandle handle, string netnsName) => new(handle, netnsName);

    public void Dispose() => Handle.Dispose();

    /// <exception cref="LinuxException">The option is unknown, or needs a privilege.</exception>
    public void SetOption(int level, int option, int value)
    {
        if (!TrySetOption(level, option, value))
        {
            throw new LinuxException("set netlink socket option", $"{option} in {NetnsName}", Errno.Last);
        }
    }

    /// <summary>How many datagrams found no room since the socket was made, modulo 2³² (SO_MEMINFO, SK_MEMINFO_DROPS).</summary>
    /// <exception cref="LinuxException">The kernel does not say (before Linux 4.12).</exception>
    public unsafe uint ReadDrops()
    {
        const int Words = 9;
        const int Drops = 8;
        uint* words = stackalloc uint[Words];
        uint length = Words * sizeof(uint);
        return LibC.getsockopt(Handle.Descriptor, LibC.SOL_SOCKET, LibC.SO_MEMINFO, words, &length) == 0
            ? words[Drops]
            : throw new LinuxException("read netlink socket option", $"SO_MEMINFO in {NetnsName}", Errno.Last);
    }

    /// <summary>The number of its namespace, which no other has until the next boot; null where the kernel has none (before Linux 5.14).</summary>
    public unsafe ulong? TryReadNetnsCookie()
    {
        ulong cookie;
        uint length = sizeof(ulong);
        return LibC.getsockopt(Handle.Descriptor, LibC.SOL_SOCKET, LibC.SO_NETNS_COOKIE, &cookie, &length) == 0 ? cookie : null;
    }

    /// <summary>Makes room for a datagram of <paramref name="size"/> bytes, beyond net.core.wmem_max where the caller may do that.</summary>
    public void SetSendBuffer(int size)
    {
        if (!TrySetOption(LibC.SOL_SOCKET, LibC.SO_SNDBUFFORCE, size))
        {
            SetOption(LibC.SOL_SOCKET, LibC.SO_SNDBUF, size);
        }
    }

    /// <summary>Asks for room for <paramref name="size"/> bytes, beyond net.core.rmem_max where the caller may do that.</summary>
    public void SetReceiveBuffer(int size)
    {
        if (!TrySetOption(LibC.SOL_SOCKET, LibC.SO_RCVBUFFORCE, size))
        {
            SetOption(LibC.SOL_SOCKET, LibC.SO_RCVBUF, size);
        }
    }

    /// <exception cref="LinuxException">The kernel refused to take the datagram.</exception>
    public unsafe void Send(ReadOnlySpan<byte> datagram)
    {
        fixed (byte* bytes = datagram)
        {
            while (LibC.sendto(Handle, bytes, (nuint)datagram.Length, 0, null, 0) < 0)
            {
                Errno errno = Errno.Last;
                if (errno != Errno.EINTR)
                {
                    throw new LinuxException("send netlink request", $"in {NetnsName}", errno);
                }
            }
        }
    }

    /// <summary>
    /// Receives one datagram of the kernel; those of other processes are dropped. EAGAIN says that none is there (with
    /// <paramref name="wait"/> false), ENOBUFS that some were lost. With <paramref name="peek"/> it stays the next one to be received.
    /// </summary>
    public unsafe Errno Receive(Span<byte> buffer, bool wait, out int length, bool peek = false)
    {
        int flags = LibC.MSG_TRUNC | (wait ? 0 : LibC.MSG_DONTWAIT);
        int peeking = peek ? LibC.MSG_PEEK : 0;
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                SockAddrNl sender = default;
                uint senderLength = (uint)sizeof(SockAddrNl);
                length = (int)LibC.recvfrom(Handle, bytes, (nuint)buffer.Length, flags | peeking, &sender, &senderLength);
                Errno errno = length < 0 ? Errno.Last : Errno.Success;
                if (errno.IsSuccess && sender.nl_pid == 0)
                {
                    return length <= buffer.Length ? Errno.Success : Errno.EMSGSIZE;
                }

                if (!errno.IsSuccess && errno != Errno.EINTR)
                {
                    return errno;
                }

                if (errno.IsSuccess && peek)
                {
                    LibC.recvfrom(Handle, bytes, (nuint)buffer.Length, flags, &sender, &senderLength);
                }
            }
        }
    }

    private unsafe void Bind(uint groups)
    {
        var address = new SockAddrNl { nl_family = LibC.AF_NETLINK, nl_groups = groups };
        if (LibC.bind(Handle, &address, (uint)sizeof(SockAddrNl)) < 0)
        {
            throw new LinuxException("bind netlink socket", $"in {NetnsName}", Errno.Last);
        }
    }

    private bool TrySetOption(int level, int option, int value) => LibC.setsockopt(Handle, level, option, value) == 0;
}
