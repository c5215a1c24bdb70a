using System.Diagnostics;
using System.Net;
using System.Text;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>A client that <see cref="LoadPorts.Source"/> sends to. Prints how many datagrams came.</summary>
internal static class UdpReceiver
{
    private const int ReceiveBuffer = 4 << 20;
    private const int Capacity = 64;

    internal static unsafe int Run(string[] arguments)
    {
        var destination = new SocketEndpoint(IPAddress.Parse(arguments[0]), LoadPorts.Source);
        var load = UdpLoad.Parse(arguments.AsSpan(1));
        int socket = Open(destination);
        _ = NativeSocket.Connect(socket, destination);
        byte[] request = Encoding.ASCII.GetBytes(string.Join(' ', load.Words));
        fixed (byte* pointer = request)
        {
            _ = NativeSocket.Send(socket, pointer, request.Length);
        }

        long ends = Stopwatch.GetTimestamp() + ((load.Seconds + 1) * Stopwatch.Frequency);
        long count = 0;
        Receive(socket, received =>
        {
            count += received;
            return Stopwatch.GetTimestamp() < ends;
        });
        Console.WriteLine(count);
        return 0;
    }

    internal static int Open(in SocketEndpoint family)
    {
        int socket = NativeSocket.OpenUdp(family).Value;
        _ = NativeSocket.SetReceiveBuffer(socket, ReceiveBuffer);
        return socket;
    }

    /// <summary>Takes datagrams until it is told to end.</summary>
    internal static void Receive(int socket, Func<int, bool> onReceived)
    {
        using var epoll = EpollHandle.Create();
        using var events = new EpollEventBuffer(1);
        using var batch = new DatagramBatch(Capacity);
        _ = epoll.Add(socket, EpollEvents.In, 0);
        int count = 0;
        while (onReceived(count))
        {
            epoll.Wait(events, 100);
            IoResult received = batch.Receive(socket);
            count = received.IsError ? 0 : received.Value;
        }
    }
}
