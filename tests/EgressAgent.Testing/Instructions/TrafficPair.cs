using System.Diagnostics;
using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Testing.Instructions;

/// <summary>
/// A client and a server on the two sides of a router, and nothing else: both are sockets of the calling thread. On a machine with one
/// processor the kernel has taken a packet all the way before the call that sends it returns, so nobody waits, no other process runs in
/// between, and the same exchange takes the same instructions each time.
/// </summary>
public sealed unsafe class TrafficPair : IDisposable
{
    private const int SmallSize = 64;

    // What is left of 1500 bytes after the headers of IPv4 and TCP, the latter with a time stamp.
    private const int SegmentSize = 1448;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly NetworkNamespace _client;
    private readonly SocketEndpoint _inside;
    private readonly byte[] _buffer = GC.AllocateArray<byte>(SegmentSize, pinned: true);
    private readonly byte* _bytes;
    private readonly int _datagramClient;
    private readonly int _datagramServer;
    private readonly int _listener;
    private readonly int _segmentClient;
    private readonly int _segmentServer;

    /// <param name="client">Where clients are.</param>
    /// <param name="server">Where the server is.</param>
    /// <param name="router">The router between them.</param>
    /// <exception cref="TimeoutException">The router leads nowhere.</exception>
    internal TrafficPair(NetworkNamespace client, NetworkNamespace server, CountedRouter router)
    {
        _client = client;
        _inside = new SocketEndpoint(IPAddress.Parse(router.Inside), router.Port);
        _bytes = (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _buffer[0]);
        var local = new SocketEndpoint(IPAddress.Parse(InstructionLab.ServerAddress), router.Port);

        // Who is connected needs not be told where to send to. The router keeps the client's port, as nobody else has it.
        _datagramServer = Open(server, NativeSocket.OpenUdp);
        Require(NativeSocket.Bind(_datagramServer, local));
        Require(NativeSocket.Connect(_datagramServer, new SocketEndpoint(IPAddress.Parse(router.Reserved), router.Port)));
        _datagramClient = Open(client, NativeSocket.OpenUdp);
        Require(NativeSocket.Bind(_datagramClient, new SocketEndpoint(IPAddress.Any, router.Port)));
        Require(NativeSocket.Connect(_datagramClient, _inside));

        _listener = Open(server, NativeSocket.OpenTcp);
        Require(NativeSocket.Bind(_listener, local));
        Require(NativeSocket.Listen(_listener, 16));
        (_segmentClient, _segmentServer) = OpenConnection();
    }

    /// <summary>Datagrams to the server, and back.</summary>
    internal void EchoDatagrams(int count)
    {
        for (int i = 0; i < count; i++)
        {
            Carry(_datagramClient, _datagramServer, SmallSize);
            Carry(_datagramServer, _datagramClient, SmallSize);
        }
    }

    /// <summary>The same over one connection.</summary>
    internal void EchoSegments(int count)
    {
        for (int i = 0; i < count; i++)
        {
            Carry(_segmentClient, _segmentServer, SmallSize);
            Carry(_segmentServer, _segmentClient, SmallSize);
        }
    }

    /// <summary>One segment after the other to the server, each as long as a packet can be. It acknowledges every second one.</summary>
    internal void Stream(int count)
    {
        for (int i = 0; i < count; i++)
        {
            Carry(_segmentClient, _segmentServer, SegmentSize);
        }
    }

    /// <summary>Connections, one after the other, each with a question and an answer. The client closes first.</summary>
    internal void Connect(int count)
    {
        for (int i = 0; i < count; i++)
        {
            (int client, int server) = OpenConnection();
            Carry(client, server, SmallSize);
            Carry(server, client, SmallSize);
            NativeSocket.Close(client);
            Expect(server, 0);
            NativeSocket.Close(server);
        }
    }

    public void Dispose()
    {
        foreach (int socket in (int[])[_datagramClient, _datagramServer, _segmentClient, _segmentServer, _listener])
        {
            NativeSocket.Close(socket);
        }
    }

    private (int Client, int Server) OpenConnection()
    {
        int client = Open(_client, NativeSocket.OpenTcp);
        Require(NativeSocket.SetNoDelay(client));
        _ = NativeSocket.Connect(client, _inside);
        long since = 0;
        IoResult accepted;
        while ((accepted = NativeSocket.Accept(_listener, out _)).WouldBlock)
        {
            Wait(ref since);
        }

        int server = Require(accepted);
        Require(NativeSocket.SetNoDelay(server));
        return (client, server);
    }

    private void Carry(int from, int to, int length)
    {
        long since = 0;
        while (true)
        {
            IoResult sent = NativeSocket.Send(from, _bytes, length);
            if (!sent.WouldBlock)
            {
                Require(sent);
                break;
            }

            Wait(ref since);
        }

        Expect(to, length);
    }

    private void Expect(int socket, int length)
    {
        long since = 0;
        int missing = length;
        do
        {
            IoResult received = NativeSocket.Receive(socket, _bytes, SegmentSize);
            if (received.WouldBlock)
            {
                Wait(ref since);
                continue;
            }

            if (received.Value == 0 && length > 0)
            {
                throw new InvalidOperationException("the other end has closed");
            }

            missing -= Require(received);
            if (length == 0)
            {
                return;
            }
        }
        while (missing > 0);
    }

    // While a neighbour is asked for, or the kernel has left something to its own thread.
    private static void Wait(ref long since)
    {
        if (since == 0)
        {
            since = Stopwatch.GetTimestamp();
        }
        else if (Stopwatch.GetElapsedTime(since) > Deadline)
        {
            throw new TimeoutException("a packet did not arrive");
        }

        Thread.Yield();
    }

    private delegate IoResult Opener(in SocketEndpoint family);

    private static int Open(NetworkNamespace netns, Opener open) => netns.Run(() => Require(open(new SocketEndpoint(IPAddress.Any, 0))));

    private static int Require(IoResult result) =>
        result.IsError ? throw new InvalidOperationException($"a socket does not do as it is told: {result.Errno.Message}") : result.Value;

    private static void Require(Errno errno)
    {
        if (!errno.IsSuccess)
        {
            throw new InvalidOperationException($"a socket does not do as it is told: {errno.Message}");
        }
    }
}
