using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Sockets;

/// <summary>
/// Socket calls on bare descriptors, for loops that own tens of thousands of them and close each at a known place: a SafeHandle
/// for every connection would cost two finalisable objects and their bookkeeping. Sockets are made non-blocking and
/// close-on-exec, belong to the network namespace of the calling thread for good, and no call here touches the thread pool.
/// </summary>
public static unsafe partial class NativeSocket
{
    /// <summary>A socket for <paramref name="family"/>'s address family.</summary>
    public static IoResult OpenTcp(in SocketEndpoint family) => Open(family, LibC.SOCK_STREAM, LibC.IPPROTO_TCP);

    public static IoResult OpenUdp(in SocketEndpoint family) => Open(family, LibC.SOCK_DGRAM, LibC.IPPROTO_UDP);

    public static Errno Bind(int socket, SocketEndpoint local) =>
        LibC.bind(socket, &local, local.Length) == 0 ? Errno.Success : Errno.Last;

    public static Errno Listen(int socket, int backlog) => LibC.listen(socket, backlog) == 0 ? Errno.Success : Errno.Last;

    /// <returns>EINPROGRESS is the usual answer of a TCP socket; the outcome is <see cref="TakeError"/> at its next event.</returns>
    public static Errno Connect(int socket, in SocketEndpoint remote)
    {
        fixed (SocketEndpoint* address = &remote)
        {
            return LibC.connect(socket, address, remote.Length) == 0 ? Errno.Success : Errno.Last;
        }
    }

    /// <summary>Whoever is accepted has a descriptor: nobody is turned away for want of one.</summary>
    /// <param name="listener">A listening socket.</param>
    /// <param name="seat">Another socket, which is closed where the connection gets no descriptor otherwise; -1 afterwards.</param>
    /// <param name="peer">The other end.</param>
    /// <returns>The descriptor of a connection, non-blocking and close-on-exec.</returns>
    public static IoResult Accept(int listener, ref int seat, out SocketEndpoint peer)
    {
        IoResult accepted = AcceptAnywhere(listener, out peer);
        if (accepted.Errno == Errno.EMFILE || accepted.Errno == Errno.ENFILE)
        {
            Close(seat);
            seat = -1;
            return Accept(listener, out peer);
        }

        return accepted.IsError ? accepted : IoResult.From(LowDescriptors.LeaveOrReplace(accepted.Value, ref seat));
    }

    /// <returns>The descriptor of a connection, non-blocking and close-on-exec.</returns>
    public static IoResult Accept(int listener, out SocketEndpoint peer)
    {
        IoResult accepted = AcceptAnywhere(listener, out peer);
        return accepted.IsError ? accepted : IoResult.From(LowDescriptors.LeaveOrClose(accepted.Value));
    }

    /// <summary>The socket's own end; all zero when the descriptor has none.</summary>
    public static SocketEndpoint LocalEndpoint(int socket)
    {
        SocketEndpoint address = default;
        uint length = (uint)sizeof(SocketEndpoint);
        return LibC.getsockname(socket, &address, &length) == 0 ? address : default;
    }

    /// <summary>Sends a FIN after what was written; reading goes on.</summary>
    public static Errno ShutdownWrite(int socket) => LibC.shutdown(socket, LibC.SHUT_WR) == 0 ? Errno.Success : Errno.Last;

    /// <summary>Sends nothing more after what was written, and drops what comes in from now on.</summary>
    public static void Shutdown(int socket) => _ = LibC.shutdown(socket, LibC.SHUT_RDWR);

    /// <summary>Closes in order: what was written is still delivered, then a FIN.</summary>
    public static void Close(int socket) => _ = LibC.close(socket);

    /// <summary>Closes with a RST and drops what was not sent yet: SO_LINGER with a time of zero, socket(7).</summary>
    public static void Reset(int socket)
    {
        var linger = new LibC.Linger { l_onoff = 1, l_linger = 0 };
        _ = LibC.setsockopt(socket, LibC.SOL_SOCKET, LibC.SO_LINGER, &linger, (uint)sizeof(LibC.Linger));
        _ = LibC.close(socket);
    }

    private static IoResult AcceptAnywhere(int listener, out SocketEndpoint peer)
    {
        SocketEndpoint address = default;
        uint length = (uint)sizeof(SocketEndpoint);
        var accepted = IoResult.From(LibC.accept4(listener, &address, &length, LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC));
        peer = address;
        return accepted;
    }

    private static IoResult Open(in SocketEndpoint family, int type, int protocol) =>
        IoResult.From(LowDescriptors.LeaveOrClose(LibC.socket(family.Family, type | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC, protocol)));
}
