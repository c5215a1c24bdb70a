using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Sockets;

public static unsafe partial class NativeSocket
{
    /// <returns>The bytes read; 0 at the peer's FIN.</returns>
    public static IoResult Receive(int socket, byte* buffer, int length) =>
        IoResult.From(LibC.recv(socket, buffer, (nuint)length, LibC.MSG_DONTWAIT));

    /// <returns>The bytes taken, which may be fewer than given.</returns>
    public static IoResult Send(int socket, byte* buffer, int length) =>
        IoResult.From(LibC.send(socket, buffer, (nuint)length, LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL));

    /// <summary>
    /// As <see cref="Send"/>, for the last bytes before a FIN: what fills no segment waits for it, up to 200 ms, and goes in one segment
    /// with it, tcp(7) (TCP_CORK).
    /// </summary>
    public static IoResult SendLast(int socket, byte* buffer, int length) =>
        IoResult.From(LibC.send(socket, buffer, (nuint)length, LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL | LibC.MSG_MORE));
}
