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

    private NetlinkSocket(FileHandle handle, string netnsName)
    {
        Handle = handle;
        NetnsName = netnsName;
    }

    internal FileHandle Handle { get; }

    /// <summary>For messages.</summary>
    internal string NetnsName { get; }

    /// <exception cref="LinuxException">The kernel has no such protocol, or no descriptor is left.</exception>
    public static NetlinkSocket Open(NetworkNamespace netns, int protocol)
    {
        var socket = new NetlinkSocket(netns.CreateSocket(LibC.AF_NETLINK, LibC.SOCK_RAW, protocol), netns.Name);
        try
        {
            socket.Bind();
            socket.SetOption(SOL_NETLINK, NETLINK_EXT_ACK, 1);
            socket.SetOption(SOL_NETLINK, NETLINK_CAP_ACK, 1);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose() => Handle.Dispose();

    /// <exception cref="LinuxException">The option is unknown, or needs a privilege.</exception>
    public void SetOption(int level, int option, int value)
    {
        if (!TrySetOption(level, option, value))
        {
            throw new LinuxException("set netlink socket option", $"{option} in {NetnsName}", Errno.Last);
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
    /// <paramref name="wait"/> false), ENOBUFS that some were lost.
    /// </summary>
    public unsafe Errno Receive(Span<byte> buffer, bool wait, out int length)
    {
        int flags = LibC.MSG_TRUNC | (wait ? 0 : LibC.MSG_DONTWAIT);
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                SockAddrNl sender = default;
                uint senderLength = (uint)sizeof(SockAddrNl);
                length = (int)LibC.recvfrom(Handle, bytes, (nuint)buffer.Length, flags, &sender, &senderLength);
                Errno errno = length < 0 ? Errno.Last : Errno.Success;
                if (errno.IsSuccess && sender.nl_pid == 0)
                {
                    return length <= buffer.Length ? Errno.Success : Errno.EMSGSIZE;
                }

                if (!errno.IsSuccess && errno != Errno.EINTR)
                {
                    return errno;
                }
            }
        }
    }

    private unsafe void Bind()
    {
        var address = new SockAddrNl { nl_family = LibC.AF_NETLINK };
        if (LibC.bind(Handle, &address, (uint)sizeof(SockAddrNl)) < 0)
        {
            throw new LinuxException("bind netlink socket", $"in {NetnsName}", Errno.Last);
        }
    }

    private bool TrySetOption(int level, int option, int value) => LibC.setsockopt(Handle, level, option, value) == 0;
}
