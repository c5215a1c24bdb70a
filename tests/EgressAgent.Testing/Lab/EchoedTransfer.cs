using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace EgressAgent.Testing.Lab;

/// <summary>A long-running TCP transfer: sends blocks to an <see cref="EchoServer"/> and checks each that comes back.</summary>
public sealed class EchoedTransfer : IDisposable
{
    private const int BlockBytes = 4096;

    // tcpi_total_retrans of struct tcp_info.
    private const int TcpInfo = 11;
    private const int TotalRetransmissions = 100;

    private readonly Socket _socket;
    private readonly string _greeting;
    private readonly TimeSpan _pause;
    private readonly Thread _thread;
    private readonly SemaphoreSlim _turn = new(1);
    private long _blocks;
    private long _longestPause;
    private volatile bool _stopping;
    private volatile Exception? _failure;

    private EchoedTransfer(Socket socket, string greeting, TimeSpan pause)
    {
        _socket = socket;
        _greeting = greeting;
        _pause = pause;
        _thread = new Thread(Run) { Name = "transfer", IsBackground = true };
    }

    /// <summary>How many blocks came back unharmed.</summary>
    public long Blocks => Interlocked.Read(ref _blocks);

    /// <summary>The longest time from one block that came back to the next one.</summary>
    public TimeSpan LongestPause => new(Interlocked.Read(ref _longestPause));

    /// <summary>The source address that the server saw.</summary>
    public string SeenSource => IPEndPoint.Parse(_greeting.Split(" -> ")[0]).Address.ToString();

    /// <summary>How many segments the client's kernel has sent again so far.</summary>
    public long Retransmissions
    {
        get
        {
            byte[] info = new byte[TotalRetransmissions + sizeof(uint)];
            _socket.GetRawSocketOption((int)SocketOptionLevel.Tcp, TcpInfo, info);
            return BitConverter.ToUInt32(info, TotalRetransmissions);
        }
    }

    /// <summary>Connects from <paramref name="client"/> and lets the transfer run.</summary>
    /// <param name="client">Where it connects from.</param>
    /// <param name="address">Where it connects to.</param>
    /// <param name="port">Where it connects to.</param>
    /// <param name="pause">Between two blocks, for a transfer that leaves the machine to others.</param>
    public static EchoedTransfer Start(LabHost client, string address, int port, TimeSpan pause = default)
    {
        Socket socket = client.OpenTcp(address, port);

        // A pause is no break: TCP sends again after it, later each time.
        socket.ReceiveTimeout = 30_000;

        // Who only waits for an answer hears nothing of a flow that is cut under it.
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 1);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 1);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 30);
        EchoedTransfer transfer = new(socket, ReadLine(socket), pause);
        transfer._thread.Start();
        return transfer;
    }

    /// <summary>Waits until <paramref name="more"/> blocks, sent after this call, came back.</summary>
    /// <exception cref="IOException">The connection broke, or what came back was not what was sent.</exception>
    public void WaitForBlocks(int more)
    {
        // One more: a block may be under way.
        long target = Blocks + more + 1;
        Eventually.True("the transfer to go on", () => Broke || Blocks >= target);
        if (_failure is { } failure)
        {
            throw new IOException("The transfer was interrupted.", failure);
        }
    }

    /// <summary>Waits until nothing is under way, and lets nothing be sent before <see cref="Resume"/>.</summary>
    public void Suspend() => _turn.Wait();

    public void Resume() => _turn.Release();

    /// <summary>Whether the connection broke.</summary>
    public bool Broke => _failure is not null;

    /// <summary>Waits until the connection is reset.</summary>
    /// <exception cref="IOException">It broke otherwise.</exception>
    public void WaitForReset()
    {
        Eventually.True("the connection to be reset", () => Broke);
        if (_failure is not SocketException { SocketErrorCode: SocketError.ConnectionReset })
        {
            throw new IOException("The connection broke, but was not reset.", _failure);
        }
    }

    public void Dispose()
    {
        if (_stopping)
        {
            return;
        }

        _stopping = true;
        _turn.Release();
        if (!_thread.Join(TimeSpan.FromSeconds(1)))
        {
            // Nothing comes back any more.
            _socket.Shutdown(SocketShutdown.Both);
            _thread.Join();
        }

        _socket.Dispose();
        _turn.Dispose();
    }

    private static string ReadLine(Socket socket)
    {
        StringBuilder line = new();
        byte[] one = new byte[1];
        while (socket.Receive(one) == 1 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }

        return line.ToString();
    }

    private void Run()
    {
        byte[] sent = new byte[BlockBytes];
        byte[] received = new byte[BlockBytes];
        Stopwatch sinceBlock = Stopwatch.StartNew();
        try
        {
            while (!_stopping)
            {
                _turn.Wait();
                try
                {
                    SendBlock(sent, received);
                    Interlocked.Exchange(ref _longestPause, Math.Max(_longestPause, sinceBlock.Elapsed.Ticks));
                    sinceBlock.Restart();
                }
                finally
                {
                    _turn.Release();
                }

                if (_pause > TimeSpan.Zero)
                {
                    Thread.Sleep(_pause);
                }
            }
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            _failure = e;
        }
    }

    private void SendBlock(byte[] sent, byte[] received)
    {
        Random.Shared.NextBytes(sent);
        _socket.Send(sent);
        for (int length = 0; length < BlockBytes;)
        {
            int more = _socket.Receive(received, length, BlockBytes - length, SocketFlags.None);
            length += more > 0 ? more : throw new IOException("The connection was closed.");
        }

        if (!sent.AsSpan().SequenceEqual(received))
        {
            throw new IOException("What came back is not what was sent.");
        }

        Interlocked.Increment(ref _blocks);
    }
}
