using System.Net.Sockets;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// Clients that connect to an <see cref="EchoServer"/> again and again: each connection makes one exchange and is closed. They are
/// patient: a connection may wait for half a minute, but none may be refused, reset or harmed.
/// </summary>
public sealed class ConnectLoop : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly LabHost _client;
    private readonly string _address;
    private readonly int _port;
    private readonly Thread[] _threads;
    private long _connections;
    private volatile bool _stopping;
    private volatile Exception? _failure;

    private ConnectLoop(LabHost client, string address, int port, int threads)
    {
        (_client, _address, _port) = (client, address, port);
        _threads = [.. Enumerable.Range(0, threads).Select(_ => new Thread(Run) { Name = "connect-loop", IsBackground = true })];
    }

    public static ConnectLoop Start(LabHost client, string address, int port, int threads)
    {
        ConnectLoop loop = new(client, address, port, threads);
        Array.ForEach(loop._threads, thread => thread.Start());
        return loop;
    }

    /// <summary>Waits until <paramref name="more"/> connections have ended well since the call.</summary>
    /// <exception cref="IOException">One did not.</exception>
    public void WaitForConnections(int more)
    {
        long target = Interlocked.Read(ref _connections) + more;
        Eventually.True("connections", () => _failure is not null || Interlocked.Read(ref _connections) >= target, Patience);
        if (_failure is { } failure)
        {
            throw new IOException($"Connection {Interlocked.Read(ref _connections)} failed.", failure);
        }
    }

    /// <summary>Ends the clients.</summary>
    public void Dispose()
    {
        _stopping = true;
        Array.ForEach(_threads, thread => thread.Join());
    }

    private void Run()
    {
        try
        {
            while (!_stopping && _failure is null)
            {
                Exchange();
                Interlocked.Increment(ref _connections);
            }
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            _failure = e;
        }
    }

    private void Exchange()
    {
        byte[] sent = new byte[64];
        Random.Shared.NextBytes(sent);
        using Socket socket = _client.CreateSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.ReceiveTimeout = socket.SendTimeout = (int)Patience.TotalMilliseconds;
        socket.Connect(_address, _port);
        socket.Send(sent);
        socket.Shutdown(SocketShutdown.Send);
        byte[] received = new byte[512];
        int length = 0;
        while (socket.Receive(received, length, received.Length - length, SocketFlags.None) is > 0 and int more)
        {
            length += more;
        }

        // After the line with which the server greets.
        if (length < sent.Length || !received.AsSpan(length - sent.Length, sent.Length).SequenceEqual(sent))
        {
            throw new IOException("What came back is not what was sent.");
        }
    }
}
