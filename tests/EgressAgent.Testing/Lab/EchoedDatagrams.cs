using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// A long-running exchange of numbered datagrams with a server of its own, which sends each back. Few are under way at a time, so that
/// no buffer overflows however slow the machine is: what is lost was lost on the way.
/// </summary>
public sealed class EchoedDatagrams : IDisposable
{
    private const int Window = 8;
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan ClosingPoll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LastAnswer = TimeSpan.FromSeconds(5);

    private readonly Socket _server;
    private readonly Socket _client;
    private readonly Thread _serving;
    private readonly Thread _sending;
    private readonly HashSet<long> _outstanding = [];
    private readonly ConcurrentDictionary<string, bool> _sources = new();
    private long _answered;
    private volatile bool _stopping;
    private volatile bool _isClosing;

    private EchoedDatagrams(Socket client, Socket server)
    {
        _client = client;
        _server = server;
        _serving = new Thread(Serve) { Name = "datagram-server", IsBackground = true };
        _sending = new Thread(Send) { Name = "datagram-client", IsBackground = true };
    }

    /// <summary>How many came back.</summary>
    public long Answered => Interlocked.Read(ref _answered);

    /// <summary>The addresses that the server saw.</summary>
    public IReadOnlyCollection<string> Sources => [.. _sources.Keys];

    /// <summary>Sends from <paramref name="client"/> to <paramref name="address"/>, which leads to <paramref name="serverAddress"/>.</summary>
    public static EchoedDatagrams Start(LabHost client, string address, int port, LabHost server, string serverAddress, int serverPort)
    {
        IPEndPoint local = new(IPAddress.Parse(serverAddress), serverPort);
        EchoedDatagrams stream = new(
            client.CreateSocket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp, socket => socket.Connect(IPAddress.Parse(address), port)),
            server.CreateSocket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp, socket => socket.Bind(local)));
        stream._serving.Start();
        stream._sending.Start();
        return stream;
    }

    /// <summary>Sends no more, and waits for what is under way.</summary>
    /// <returns>The numbers of those that did not come back.</returns>
    public IReadOnlyCollection<long> Stop()
    {
        _stopping = true;
        _sending.Join();
        return _outstanding;
    }

    public void Dispose()
    {
        Stop();
        _isClosing = true;
        _serving.Join();
        _client.Dispose();
        _server.Dispose();
    }

    private void Send()
    {
        byte[] datagram = new byte[64];
        for (long number = 0; !_stopping; Thread.Sleep(Pace))
        {
            if (_outstanding.Count < Window)
            {
                BinaryPrimitives.WriteInt64BigEndian(datagram, number);
                _outstanding.Add(number++);
                _client.Send(datagram);
            }

            while (Receive(datagram, TimeSpan.Zero))
            {
            }
        }

        while (_outstanding.Count > 0 && Receive(datagram, LastAnswer))
        {
        }
    }

    // A refusal is a datagram that was lost, and is counted as one.
    private bool Receive(byte[] buffer, TimeSpan patience)
    {
        if (!_client.Poll(patience, SelectMode.SelectRead))
        {
            return false;
        }

        int length = _client.Receive(buffer, SocketFlags.None, out SocketError error);
        if (error == SocketError.Success && length >= sizeof(long) && _outstanding.Remove(BinaryPrimitives.ReadInt64BigEndian(buffer)))
        {
            Interlocked.Increment(ref _answered);
        }

        return true;
    }

    private void Serve()
    {
        byte[] buffer = new byte[256];
        EndPoint any = new IPEndPoint(_server.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (!_isClosing)
        {
            if (_server.Poll(ClosingPoll, SelectMode.SelectRead))
            {
                EndPoint peer = any;
                int length = _server.ReceiveFrom(buffer, ref peer);
                _sources.TryAdd(((IPEndPoint)peer).Address.ToString(), true);
                _server.SendTo(buffer.AsSpan(0, length), peer);
            }
        }
    }
}
