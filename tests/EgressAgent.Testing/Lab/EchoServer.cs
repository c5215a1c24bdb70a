using System.Net;
using System.Net.Sockets;
using System.Text;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// A server that says whom it saw. TCP: greets with one line, <c>peer address:port -> local address:port</c>, then echoes every byte.
/// UDP: answers each datagram with that line.
/// </summary>
public sealed class EchoServer : IDisposable
{
    private readonly Socket _socket;

    private EchoServer(Socket socket) => _socket = socket;

    public void Dispose() => _socket.Dispose();

    internal static EchoServer StartTcp(LabHost host, IPEndPoint local)
    {
        EchoServer server = new(host.CreateSocket(local.AddressFamily, SocketType.Stream, ProtocolType.Tcp, socket =>
        {
            socket.Bind(local);
            socket.Listen(int.MaxValue);
        }));
        _ = server.AcceptAsync();
        return server;
    }

    internal static EchoServer StartUdp(LabHost host, IPEndPoint local)
    {
        EchoServer server = new(host.CreateSocket(
            local.AddressFamily, SocketType.Dgram, ProtocolType.Udp, socket => socket.Bind(local)));
        _ = server.AnswerAsync(local);
        return server;
    }

    private static byte[] Greeting(EndPoint peer, EndPoint local) => Encoding.ASCII.GetBytes($"{peer} -> {local}\n");

    private static async Task EchoAsync(Socket connection)
    {
        using (connection)
        {
            try
            {
                await connection.SendAsync(Greeting(connection.RemoteEndPoint!, connection.LocalEndPoint!));
                byte[] buffer = new byte[64 * 1024];
                int length;
                while ((length = await connection.ReceiveAsync(buffer)) > 0)
                {
                    await connection.SendAsync(buffer.AsMemory(0, length));
                }
            }
            catch (SocketException)
            {
                // The peer, or what cut the flow, ended it: the client's side of the test says whether that was right.
            }
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = EchoAsync(await _socket.AcceptAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }

    private async Task AnswerAsync(IPEndPoint local)
    {
        byte[] buffer = new byte[2048];
        EndPoint any = new IPEndPoint(local.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        try
        {
            while (true)
            {
                SocketReceiveFromResult datagram = await _socket.ReceiveFromAsync(buffer, any);
                await _socket.SendToAsync(Greeting(datagram.RemoteEndPoint, local), datagram.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }
}
