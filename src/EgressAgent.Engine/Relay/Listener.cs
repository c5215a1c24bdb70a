using EgressAgent.Linux;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// A listening socket. Every loop watches the same one (EPOLLEXCLUSIVE) and whichever is free accepts: no descriptors for each
/// thread, and none of SO_REUSEPORT's losses when a listener of a group closes.
/// </summary>
/// <param name="protocol">TCP or SCTP.</param>
/// <param name="handle">A socket from <see cref="Open"/>, of this process or an earlier one.</param>
internal sealed class Listener(TransportProtocol protocol, FileHandle handle) : IDisposable
{
    internal TransportProtocol Protocol { get; } = protocol;

    /// <summary>Where it listens, which gives the family of whoever comes.</summary>
    internal SocketEndpoint Local { get; } = NativeSocket.LocalEndpoint(handle.Descriptor);

    internal FileHandle Handle { get; } = handle;

    internal int Descriptor => Handle.Descriptor;

    /// <summary>Listens. The caller is in the router's network namespace.</summary>
    /// <param name="protocol">TCP or SCTP.</param>
    /// <param name="local">The inside address; with port 0 the kernel chooses a port that only steering makes reachable.</param>
    /// <param name="options">The backlog.</param>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    internal static Listener Open(TransportProtocol protocol, in SocketEndpoint local, RelayOptions options)
    {
        IoResult opened = protocol == TransportProtocol.SCTP ? NativeSocket.OpenSctp(local) : NativeSocket.OpenTcp(local);
        if (opened.IsError)
        {
            throw new LinuxException($"open {protocol} socket", "", opened.Errno);
        }

        var handle = new FileHandle(opened.Value);
        int socket = opened.Value;
        Errno errno = NativeSocket.SetReuseAddress(socket);

        // The address may come after the listener: routers get their addresses last.
        errno = errno.IsSuccess ? NativeSocket.SetFreeBind(socket, local) : errno;

        // Accepted sockets inherit these.
        errno = !errno.IsSuccess ? errno
            : protocol == TransportProtocol.SCTP ? SctpConnection.PrepareListener(socket)
            : TcpConnection.PrepareListener(socket);
        errno = errno.IsSuccess ? NativeSocket.Bind(socket, local) : errno;
        errno = errno.IsSuccess ? NativeSocket.Listen(socket, options.Backlog) : errno;
        if (!errno.IsSuccess)
        {
            handle.Dispose();
            throw new LinuxException("listen on", $"{protocol} {local}", errno);
        }

        return new Listener(protocol, handle);
    }

    public void Dispose() => Handle.Dispose();
}
