using System.Net;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>The destination: one thread for small exchanges, one for each stream.</summary>
internal static unsafe class LoadServer
{
    internal static int Run()
    {
        int echo = Listen(LoadPorts.Echo);
        int stream = Listen(LoadPorts.Stream);
        new Thread(() => ServeStreams(stream)) { IsBackground = true }.Start();
        int sink = UdpReceiver.Open(new SocketEndpoint(IPAddress.Any, 0));
        if (!NativeSocket.Bind(sink, new SocketEndpoint(IPAddress.Any, LoadPorts.Sink)).IsSuccess)
        {
            throw new InvalidOperationException($"cannot bind to {LoadPorts.Sink}");
        }

        new Thread(() => UdpReceiver.Receive(sink, _ => true)) { IsBackground = true }.Start();
        new Thread(ServeSource) { IsBackground = true }.Start();
        Console.WriteLine("ready");
        ServeEcho(echo);
        return 0;
    }

    private static int Listen(ushort port)
    {
        var any = new SocketEndpoint(IPAddress.Any, port);
        int socket = NativeSocket.OpenTcp(any).Value;
        _ = NativeSocket.SetReuseAddress(socket);
        _ = NativeSocket.SetNoDelay(socket);
        if (!NativeSocket.Bind(socket, any).IsSuccess || !NativeSocket.Listen(socket, 4096).IsSuccess)
        {
            throw new InvalidOperationException($"cannot listen on {port}");
        }

        return socket;
    }

    // One receiver at a time.
    private static void ServeSource()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Any, LoadPorts.Source));
        byte[] request = new byte[64];
        while (true)
        {
            EndPoint client = new IPEndPoint(IPAddress.Any, 0);
            int length = socket.ReceiveFrom(request, ref client);
            UdpLoad load = UdpLoad.Parse(Encoding.ASCII.GetString(request, 0, length).Split(' '));
            var peer = (IPEndPoint)client;
            load.Send((int)socket.Handle, new SocketEndpoint(peer.Address, (ushort)peer.Port));
        }
    }

    private static void ServeStreams(int listener)
    {
        using var epoll = EpollHandle.Create();
        using var events = new EpollEventBuffer(1);
        _ = epoll.Add(listener, EpollEvents.In, 0);
        while (true)
        {
            epoll.Wait(events, -1);
            IoResult accepted = NativeSocket.Accept(listener, out _);
            if (!accepted.IsError)
            {
                new Thread(() => SendForEver(accepted.Value)) { IsBackground = true }.Start();
            }
        }
    }

    private static void SendForEver(int socket)
    {
        using var epoll = EpollHandle.Create();
        using var events = new EpollEventBuffer(1);
        _ = epoll.Add(socket, EpollEvents.Out | EpollEvents.EdgeTriggered, 0);
        byte[] payload = new byte[256 * 1024];
        fixed (byte* pointer = payload)
        {
            while (true)
            {
                IoResult sent = NativeSocket.Send(socket, pointer, payload.Length);
                if (sent.WouldBlock)
                {
                    epoll.Wait(events, -1);
                }
                else if (sent.IsError)
                {
                    NativeSocket.Close(socket);
                    return;
                }
            }
        }
    }

    private static void ServeEcho(int listener)
    {
        using var epoll = EpollHandle.Create();
        using var events = new EpollEventBuffer(256);
        _ = epoll.Add(listener, EpollEvents.In, (ulong)listener);
        byte* buffer = stackalloc byte[4096];
        while (true)
        {
            int count = epoll.Wait(events, -1);
            for (int index = 0; index < count; index++)
            {
                int socket = (int)events.Data(index);
                if (socket == listener)
                {
                    IoResult accepted = NativeSocket.Accept(listener, out _);
                    if (!accepted.IsError)
                    {
                        _ = epoll.Add(accepted.Value, EpollEvents.In, (ulong)accepted.Value);
                    }

                    continue;
                }

                IoResult received = NativeSocket.Receive(socket, buffer, 4096);
                if (received.IsError || received.Value == 0)
                {
                    NativeSocket.Close(socket);
                }
                else
                {
                    _ = NativeSocket.Send(socket, buffer, received.Value);
                }
            }
        }
    }
}
